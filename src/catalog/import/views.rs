//! What the pages of imports of products show, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::model::{ImportState, ProductImport};
use super::preview::{Line, Preview, SHOWN};
use super::rows::{FILE_MAX_BYTES, ROWS_MAX, RefusedRow};
use crate::db::keyset::{Page, Place};
use crate::web::parts::{Fact, Pager, Pill, href};
use crate::web::{Shell, Stamp, format};

/// The list of imports, with the form for another.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/imports.html")]
pub struct ImportList {
    pub shell: Shell,
    /// `2 MiB and 5,000 rows`
    pub limit: String,
    pub rows: Vec<ImportLine>,
    pub pager: Pager,
}

/// A row of the list.
pub struct ImportLine {
    pub id: i64,
    pub file_name: String,
    pub pill: Pill,
    pub brought: String,
    pub created: Stamp,
}

/// One import.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/import.html")]
pub struct ImportShow {
    pub shell: Shell,
    pub id: i64,
    pub file_name: String,
    pub pill: Pill,
    /// What it would do while it waits, then what it brought.
    pub facts: Vec<Fact>,
    /// Why it stands still; empty where it does not.
    pub trouble: String,
    pub may_cancel: bool,
    pub bar: Option<Bar>,
    pub preview: Option<PreviewPart>,
}

/// How far it is.
pub struct Bar {
    pub done: i64,
    pub total: i64,
    pub text: String,
}

/// What it would do.
pub struct PreviewPart {
    pub first: Vec<Line>,
    pub is_more: bool,
    pub refused: Vec<RefusedRow>,
    pub refused_count: String,
    pub left_out: String,
    pub may_start: bool,
    pub is_nothing: bool,
}

fn pill(state: ImportState) -> Pill {
    Pill::of(match state {
        ImportState::Staged => "Not started",
        ImportState::Running => "Running",
        ImportState::Done => "Done",
        ImportState::Cancelled => "Cancelled",
    })
}

impl ImportList {
    /// Puts the page together.
    pub fn new(shell: Shell, page: &Page<ProductImport>) -> Self {
        let times = shell.frame.times;
        let link = |place: Option<Place>| place.map(|place| href("/products/imports", &[("place", &place.to_string())]));
        let line = |import: &ProductImport| ImportLine {
            id: import.id.0,
            file_name: import.file_name.clone(),
            pill: pill(import.state),
            brought: format!("{} new, {} changed", format::number(import.standing.created), format::number(import.standing.changed)),
            created: times.stamp(import.created_at),
        };
        let rows_max = format::number(i64::try_from(ROWS_MAX).unwrap_or(i64::MAX));
        Self {
            limit: format!("{} MiB and {rows_max} rows", FILE_MAX_BYTES / 1024 / 1024),
            rows: page.rows.iter().map(line).collect(),
            pager: Pager { newer: link(page.newer), older: link(page.older) },
            shell,
        }
    }
}

impl ImportShow {
    /// Puts the page together.
    pub fn new(shell: Shell, import: &ProductImport, found: Option<Preview>) -> Self {
        let standing = import.standing;
        let is_running = import.state == ImportState::Running;
        let mut facts = vec![
            Fact::text("Rows", format::number(import.row_count)),
            Fact::text("Uploaded", shell.frame.times.stamp(import.created_at).text),
        ];
        if let Some(found) = &found {
            let count = |label: &'static str, count: usize| Fact::text(label, format::number(i64::try_from(count).unwrap_or(i64::MAX)));
            facts.extend([
                count("New", found.created),
                count("Changed", found.changed),
                count("Unchanged", found.unchanged),
                count("Refused", found.refused.len()),
            ]);
        } else {
            facts.extend([
                Fact::text("New", format::number(standing.created)),
                Fact::text("Changed", format::number(standing.changed)),
                Fact::text("Unchanged", format::number(standing.unchanged)),
            ]);
        }
        let text = format!("{} of {} rows", format::number(standing.rows_done), format::number(import.row_count));
        Self {
            id: import.id.0,
            file_name: import.file_name.clone(),
            pill: pill(import.state),
            facts,
            trouble: import.last_error.clone().filter(|_| is_running).unwrap_or_default(),
            may_cancel: matches!(import.state, ImportState::Staged | ImportState::Running),
            bar: is_running.then_some(Bar { done: standing.rows_done, total: import.row_count, text }),
            preview: found.map(PreviewPart::of),
            shell,
        }
    }
}

impl PreviewPart {
    fn of(found: Preview) -> Self {
        let changes = found.created + found.changed;
        Self {
            is_more: changes > found.first.len(),
            first: found.first,
            may_start: found.refused.is_empty() && changes > 0,
            is_nothing: found.refused.is_empty() && changes == 0,
            refused_count: format::counted(i64::try_from(found.refused.len()).unwrap_or(i64::MAX), "row", "rows"),
            refused: found.refused.into_iter().take(SHOWN).collect(),
            left_out: found.left_out.join(", "),
        }
    }
}
