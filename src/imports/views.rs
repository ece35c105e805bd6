//! What the pages of imports show, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::model::{Import, ImportState, Standing};
use super::pages::PREVIEW_ROWS;
use super::plan::{Field, Plan};
use super::queries::Refusal;
use super::run::REFUSALS_MAX;
use super::staged::FILE_MAX_BYTES;
use super::survey::Survey;
use crate::db::keyset::{Page, Place};
use crate::leads;
use crate::records::Format;
use crate::web::parts::{Choice, Fact, Pager, Pill, href};
use crate::web::{Shell, Stamp, format};

/// The list of imports, with the form for another.
#[derive(Template, WebTemplate)]
#[template(path = "imports/list.html")]
pub struct ImportList {
    pub shell: Shell,
    pub limit: String,
    pub rows: Vec<ImportLine>,
    pub pager: Pager,
}

/// A row of the list.
pub struct ImportLine {
    pub id: i64,
    pub file_name: String,
    pub source: String,
    pub pill: Pill,
    pub brought: String,
    pub refused: String,
    pub created: Stamp,
}

/// One import.
#[derive(Template, WebTemplate)]
#[template(path = "imports/show.html")]
pub struct ImportShow {
    pub shell: Shell,
    pub id: i64,
    pub file_name: String,
    pub source: String,
    pub pill: Pill,
    pub facts: Vec<Fact>,
    /// While it waits to be started.
    pub preview: Option<Preview>,
    pub bar: Option<Bar>,
    /// Why it stands still, or why the file was not taken; empty where nothing is wrong.
    pub trouble: String,
    pub trouble_title: &'static str,
    /// Its job can be asked to go on.
    pub may_go_on: bool,
    pub may_cancel: bool,
    pub may_discard: bool,
    /// Empty: it has not begun.
    pub counts: Vec<(&'static str, String)>,
    /// Empty: nothing was refused.
    pub refused: String,
}

/// How far it is.
pub struct Bar {
    pub done: i64,
    pub total: i64,
    pub text: String,
}

/// What an import would do.
pub struct Preview {
    pub columns: Vec<Column>,
    pub first: Vec<FirstRow>,
    pub counts: Vec<(&'static str, String)>,
    pub mistakes: Vec<Refusal>,
    pub notes: Vec<(String, String)>,
    /// Only the beginning was looked at.
    pub looked_at: String,
    /// Of dates without an offset.
    pub zone: &'static str,
    /// No column says what was sent.
    pub nothing_says_sent: bool,
    pub broke_off: String,
    /// There is something to import.
    pub may_start: bool,
}

/// A column with what it may hold.
pub struct Column {
    pub field: String,
    pub name: String,
    pub choices: Vec<Choice>,
}

/// A row as it would be stored.
pub struct FirstRow {
    pub line: u64,
    pub name: String,
    pub contact: String,
    pub pill: Pill,
    pub received: Stamp,
    pub notes: String,
}

impl ImportList {
    /// Puts the page together.
    pub fn new(shell: Shell, page: &Page<Import>) -> Self {
        let times = shell.frame.times;
        let to = |place: Place| href("/imports", &[("place", &place.to_string())]);
        let rows = page.rows.iter().map(|import| ImportLine {
            id: import.id.0,
            file_name: import.file_name.clone(),
            source: import.source.clone(),
            pill: Pill::of(word(import)),
            brought: format::number(import.standing.imported()),
            refused: format::number(import.standing.refused),
            created: times.stamp(import.created_at),
        });
        Self {
            limit: format!("{} MiB", FILE_MAX_BYTES / 1024 / 1024),
            rows: rows.collect(),
            pager: Pager { newer: page.newer.map(to), older: page.older.map(to) },
            shell,
        }
    }
}

impl ImportShow {
    /// Puts the page together; `found` while the import waits to be started.
    pub fn new(shell: Shell, import: &Import, plan: &Plan, found: Option<&Survey>) -> Self {
        let is_running = import.state == ImportState::Running;
        let is_staged = import.state == ImportState::Staged;
        let (trouble_title, trouble) = trouble(import);
        let bar = is_running.then(|| Bar::of(import));
        Self {
            id: import.id.0,
            file_name: import.file_name.clone(),
            source: import.source.clone(),
            pill: Pill::of(word(import)),
            facts: facts(&shell, import, plan),
            preview: found.map(|found| Preview::new(&shell, plan, found)),
            bar,
            trouble,
            trouble_title,
            may_go_on: is_running && import.last_error.is_some() && import.created_by != "cli",
            may_cancel: is_running,
            may_discard: is_staged,
            counts: if is_staged { Vec::new() } else { counts(import.standing) },
            refused: refused(import.standing),
            shell,
        }
    }
}

fn word(import: &Import) -> &'static str {
    match import.state {
        ImportState::Staged => "Not started",
        ImportState::Running if import.last_error.is_some() => "Needs a look",
        ImportState::Running => "Running",
        ImportState::Done => "Done",
        ImportState::Cancelled => "Cancelled",
    }
}

/// What is wrong with it, and why. A file that has not come whole can only be thrown away.
fn trouble(import: &Import) -> (&'static str, String) {
    if import.state == ImportState::Staged && !import.has_come() {
        let text = "If nobody is uploading it just now, its upload was cut off: discard it, and upload it again.";
        return ("This file has not come whole", text.into());
    }
    let title = if import.state == ImportState::Running { "It stands still" } else { "Why it ended" };
    (title, import.last_error.as_deref().map(format::ended).unwrap_or_default())
}

fn facts(shell: &Shell, import: &Import, plan: &Plan) -> Vec<Fact> {
    let form = match plan.format {
        Format::Csv { separator: '\t' } => "CSV, separated by tabs".to_owned(),
        Format::Csv { separator } => format!("CSV, separated by “{separator}”"),
        Format::Ndjson => "NDJSON".to_owned(),
    };
    let times = shell.frame.times;
    let mut facts = vec![
        Fact::text("From", import.source.clone()),
        Fact::text("Form", form),
        Fact::text("Size", format::bytes(usize::try_from(import.file_bytes).unwrap_or_default())),
        Fact::text(if import.created_by == "cli" { "Begun on the command line" } else { "Uploaded" }, times.exact(import.created_at).text),
    ];
    if let Some(at) = import.finished_at {
        facts.push(Fact::text("Ended", times.exact(at).text));
    }
    facts
}

fn counts(standing: Standing) -> Vec<(&'static str, String)> {
    vec![
        ("Rows worked through", format::number(standing.rows_done)),
        ("Queued for Zoho CRM", format::number(standing.queued)),
        ("As sent or cancelled", format::number(standing.sent)),
        ("As failed", format::number(standing.failed)),
        ("There already", format::number(standing.skipped)),
        ("Refused", format::number(standing.refused)),
    ]
}

fn refused(standing: Standing) -> String {
    match standing.refused {
        0 => String::new(),
        more if more > REFUSALS_MAX => {
            format!("{} rows were refused; the first {} are kept", format::number(more), format::number(REFUSALS_MAX))
        }
        some => format!("{} refused", format::counted(some, "row was", "rows were")),
    }
}

impl Bar {
    fn of(import: &Import) -> Self {
        let (done, total) = (import.standing.bytes_done, import.file_bytes.max(1));
        Self { done, total, text: format!("{} · {} rows", format::percent(done, total), format::number(import.standing.rows_done)) }
    }
}

impl Preview {
    fn new(shell: &Shell, plan: &Plan, found: &Survey) -> Self {
        let times = shell.frame.times;
        let first = found.first.iter().map(|(line, row)| {
            let contact = &row.lead.new.contact;
            FirstRow {
                line: *line,
                name: contact.name.clone(),
                contact: contact.email.clone().or_else(|| contact.phone.clone()).unwrap_or_default(),
                pill: Pill::of(leads::word(row.lead.status)),
                received: times.exact(row.lead.received_at),
                notes: row.notes.join("; "),
            }
        });
        let looked_at =
            if found.is_whole { String::new() } else { format!("The first {} rows were looked at.", format::number(PREVIEW_ROWS)) };
        Self {
            columns: plan.order.iter().enumerate().map(|(place, name)| Column::new(place, name, plan.field(name))).collect(),
            first: first.collect(),
            counts: vec![
                ("To be queued for Zoho CRM", format::number(found.queued)),
                ("Sent already", format::number(found.sent)),
                ("Failed", format::number(found.failed)),
                ("Cancelled", format::number(found.cancelled)),
                ("Of these, there already", format::number(found.there)),
                ("Refused", format::number(found.refused)),
            ],
            mistakes: found.mistakes.clone(),
            notes: found.notes.iter().map(|(note, rows)| (format::counted(*rows, "row", "rows"), note.clone())).collect(),
            looked_at,
            zone: times.zone.name(),
            nothing_says_sent: !plan.has(Field::Status) && !plan.has(Field::ZohoLeadId),
            broke_off: found.broke_off.as_deref().map(format::ended).unwrap_or_default(),
            may_start: found.broke_off.is_none() && found.rows > 0,
        }
    }
}

impl Column {
    fn new(place: usize, name: &str, held: Field) -> Self {
        let choices =
            Field::ALL.iter().map(|field| Choice { value: field.as_str().to_owned(), label: label(*field), selected: *field == held });
        Self { field: format!("c{place}"), name: name.to_owned(), choices: choices.collect() }
    }
}

fn label(field: Field) -> String {
    match field {
        Field::Id => "Id in the older system".into(),
        Field::Keep => "Keep as it is".into(),
        Field::Drop => "Leave out".into(),
        Field::ZohoLeadId => "Id in Zoho CRM".into(),
        Field::PageUrl => "Page".into(),
        other => {
            let words = other.as_str().replace('_', " ");
            words.chars().take(1).flat_map(char::to_uppercase).chain(words.chars().skip(1)).collect()
        }
    }
}
