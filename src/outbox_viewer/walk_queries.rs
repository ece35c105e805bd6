//! Walking over jobs, newest first, for filters that no index knows (error text, class, age) and for files: each state of each
//! kind is a stretch of an index, read in chunks; the stretches are merged by id and looked at here, so that both engines agree
//! on upper and lower case. A walk stops when it has looked at enough, and says where.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};

use super::list_queries::{From, Shown, stretch};
use super::selection::{Selection, Traits};
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Conn, Engine};
use crate::integrations::FailureClass;
use crate::on_backend;
use crate::outbox::{JobId, JobRow, JobState, Lane, lists};

/// How far one walk goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// It ends with so many that fit.
    pub rows_max: usize,
    /// It ends when it has looked at so many.
    pub looked_max: usize,
}

/// For a page of the list.
pub const PAGE: Bounds = Bounds { rows_max: super::list_queries::PAGE, looked_max: 20_000 };
/// For one piece of a file.
pub const PIECE: Bounds = Bounds { rows_max: 500, looked_max: 5_000 };

/// What a walk found.
#[derive(Debug, Default)]
pub struct Walked {
    pub ids: Vec<JobId>,
    /// The last job looked at, where there is more beyond it.
    pub on: Option<JobId>,
    /// It has looked at as many as it may, and found fewer than would have been welcome.
    pub is_cut: bool,
}

/// Walks back from before a job, or from the newest.
pub fn older(conn: &mut Conn, selection: &Selection, before: Option<JobId>, as_of: UtcTime, bounds: Bounds) -> QueryResult<Walked> {
    let mut stretches = stretches(conn, selection, before)?;
    // A chunk a stretch: with many of them most of what is read early is not needed.
    let chunk = if stretches.len() == 1 { 1_000 } else { 200 };
    let (mut walked, mut looked) = (Walked::default(), 0);
    loop {
        for stretch in &mut stretches {
            stretch.fill(conn, chunk)?;
        }
        let next = stretches.iter_mut().filter(|stretch| !stretch.read.is_empty()).max_by_key(|stretch| stretch.head());
        let Some(look) = next.and_then(|stretch| stretch.read.pop()) else { return Ok(walked) };
        looked += 1;
        if selection.fits(&look.traits(), as_of) {
            walked.ids.push(JobId(look.id));
        }
        let is_full = walked.ids.len() >= bounds.rows_max;
        if is_full || looked >= bounds.looked_max {
            return Ok(Walked { on: Some(JobId(look.id)), is_cut: !is_full, ..walked });
        }
    }
}

/// The rows with these ids, in their order; those that are gone by now are left out.
pub fn rows(conn: &mut Conn, ids: &[JobId]) -> QueryResult<Vec<JobRow>> {
    let rows: Vec<JobRow> = on_backend!(conn, |c| jobs::table.filter(jobs::id.eq_any(ids)).select(JobRow::as_select()).load(c))?;
    let mut by_id: BTreeMap<JobId, JobRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// The states and kinds of a selection; None: the whole table.
pub fn parts(conn: &mut Conn, states: &[JobState], kind: Option<&str>) -> QueryResult<Vec<(JobState, String)>> {
    let mut parts = Vec::new();
    for state in states {
        match kind {
            Some(kind) => parts.push((*state, kind.to_owned())),
            None => parts.extend(lists::kinds(conn, *state)?.into_iter().map(|kind| (*state, kind))),
        }
    }
    Ok(parts)
}

fn stretches(conn: &mut Conn, selection: &Selection, before: Option<JobId>) -> QueryResult<Vec<Stretch>> {
    let (shown, kind) = (selection.list.shown.map(Shown::stored), selection.list.kind.as_deref());
    let parts = match (shown, kind) {
        (None, None) => vec![None],
        (Some(state), kind) => parts(conn, &[state], kind)?.into_iter().map(Some).collect(),
        (None, kind) => parts(conn, JobState::ALL, kind)?.into_iter().map(Some).collect(),
    };
    Ok(parts
        .into_iter()
        .map(|part| Stretch { part, from: before.map_or(From::Newest, From::Before), read: Vec::new(), is_over: false })
        .collect())
}

/// Jobs of one state and kind (or all of them), as far as they were read.
struct Stretch {
    part: Option<(JobState, String)>,
    from: From,
    /// The next one is the last.
    read: Vec<Look>,
    is_over: bool,
}

impl Stretch {
    fn head(&self) -> Option<i64> {
        self.read.last().map(|look| look.id)
    }

    fn fill(&mut self, conn: &mut Conn, chunk: usize) -> QueryResult<()> {
        if !self.read.is_empty() || self.is_over {
            return Ok(());
        }
        let mut looks = match &self.part {
            Some((state, kind)) => looks(conn, &stretch(conn.engine(), *state, self.from), kind, chunk)?,
            None => looks(conn, &whole_table(conn.engine(), self.from), "", chunk)?,
        };
        self.is_over = looks.len() < chunk;
        looks.reverse();
        if let Some(last) = looks.first() {
            self.from = From::Before(JobId(last.id));
        }
        self.read = looks;
        Ok(())
    }
}

/// The table's own key has the order. The empty kind is bound all the same, so that there is one way to ask.
fn whole_table(engine: Engine, from: From) -> String {
    let beyond = if let From::Before(id) = from { format!(" AND id < {}", id.0) } else { String::new() };
    let unused = if engine == Engine::Postgres { "$1::text IS NOT NULL" } else { "$1 IS NOT NULL" };
    format!("{unused}{beyond} ORDER BY id DESC")
}

/// What is looked at of a job.
#[derive(Clone, Debug, QueryableByName)]
pub struct Look {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    #[diesel(sql_type = Text)]
    lane: Lane,
    #[diesel(sql_type = Nullable<Text>)]
    connection: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    last_class: Option<FailureClass>,
    #[diesel(sql_type = Nullable<Text>)]
    last_error: Option<String>,
    #[diesel(sql_type = Timestamp)]
    pub updated_at: UtcTime,
}

impl Look {
    /// What a selection asks about.
    pub fn traits(&self) -> Traits<'_> {
        Traits {
            lane: self.lane,
            connection: self.connection.as_deref(),
            class: self.last_class,
            error: self.last_error.as_deref(),
            updated_at: self.updated_at,
        }
    }
}

/// The next jobs of a stretch (a condition with its order; `$1` is the kind).
pub fn looks(conn: &mut Conn, stretch: &str, kind: &str, most: usize) -> QueryResult<Vec<Look>> {
    let sql = format!("SELECT id, lane, connection, last_class, last_error, updated_at FROM jobs WHERE {stretch} LIMIT {most}");
    on_backend!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(kind).load(c))
}
