//! What the outbox pages ask: one page of jobs by id, counts that stop at 10,000, the kinds there are.
//!
//! The indexes are by state and kind. A list of one state is merged from one short read a kind, a list of one kind from one
//! a state; so a page costs the same with a million jobs of another kind beside it.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::schema::jobs;
use crate::db::{Conn, Engine};
use crate::on_backend;
use crate::outbox::{JobId, JobRow, JobState, lists};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Counting stops here.
pub const COUNT_MAX: i64 = 10_000;
/// Whether a pending job has failed before stands in its row only: a page looks through so many of them, all kinds together …
const LOOKED_MAX: usize = 10_000;
/// … and through at least so many of each kind.
const LOOKED_MIN: usize = 500;

/// The states of the tabs. Retrying is pending with a failure behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Pending,
    Retrying,
    Running,
    Failed,
    Uncertain,
    Cancelled,
    Done,
}

impl Shown {
    /// In the order of the tabs.
    pub const ALL: [Self; 7] = [Self::Pending, Self::Running, Self::Retrying, Self::Failed, Self::Uncertain, Self::Cancelled, Self::Done];

    /// In addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Retrying => "retrying",
            Self::Running => "running",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
        }
    }

    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Retrying => "Retrying",
            Self::Running => "Running",
            Self::Failed => "Failed",
            Self::Uncertain => "Needs a look",
            Self::Cancelled => "Cancelled",
            Self::Done => "Done",
        }
    }

    /// From an address.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shown| shown.as_str() == text)
    }

    /// How a row of the stored state must look besides.
    fn more(self) -> Option<&'static str> {
        match self {
            Self::Pending => Some("last_error IS NULL"),
            Self::Retrying => Some("last_error IS NOT NULL"),
            _ => None,
        }
    }

    /// As rows hold it.
    pub fn stored(self) -> JobState {
        match self {
            Self::Pending | Self::Retrying => JobState::Pending,
            Self::Running => JobState::Running,
            Self::Failed => JobState::Dead,
            Self::Uncertain => JobState::Uncertain,
            Self::Cancelled => JobState::Cancelled,
            Self::Done => JobState::Succeeded,
        }
    }
}

/// Which jobs a list shows.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    pub shown: Option<Shown>,
    pub kind: Option<String>,
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    Newest,
    /// Jobs older than this one.
    Before(JobId),
    /// Jobs newer than this one.
    After(JobId),
}

/// A page of jobs, newest first.
#[derive(Debug, Default)]
pub struct JobPage {
    pub rows: Vec<JobRow>,
    /// Newer ones come after this id.
    pub newer: Option<JobId>,
    /// Older ones come before this id.
    pub older: Option<JobId>,
    /// Set where the page is short because it has looked through enough jobs for now: no further than to this id.
    pub looked_to: Option<JobId>,
}

/// One page.
pub fn page(conn: &mut Conn, filter: &JobFilter, from: From) -> QueryResult<JobPage> {
    let mut found = look(conn, filter, from)?;
    let is_full = found.ids.len() > PAGE;
    found.ids.truncate(PAGE);
    let (first, last) = (found.ids.first().copied(), found.ids.last().copied());
    let on = if is_full { last } else { found.looked_to };
    let looked_to = found.looked_to.filter(|_| !is_full);
    let rows = in_order(conn, &found.ids)?;
    Ok(match from {
        From::Newest => JobPage { rows, newer: None, older: on, looked_to },
        From::Before(id) => JobPage { rows, newer: first.or(Some(JobId(id.0 - 1))), older: on, looked_to },
        // A short page at the newest end is filled up from there.
        From::After(_) if on.is_none() => page(conn, filter, From::Newest)?,
        From::After(id) => {
            let rows = rows.into_iter().rev().collect();
            JobPage { rows, newer: on, older: first.or(Some(JobId(id.0 + 1))), looked_to }
        }
    })
}

/// Ids that fit, nearest to the start first; one more than a page where there is more.
struct Found {
    ids: Vec<JobId>,
    /// No job beyond this one was looked at.
    looked_to: Option<JobId>,
}

fn look(conn: &mut Conn, filter: &JobFilter, from: From) -> QueryResult<Found> {
    let parts = parts(conn, filter)?;
    let Some(parts) = parts else { return Ok(Found { ids: any_ids(conn, from)?, looked_to: None }) };
    let looked_max = (LOOKED_MAX / parts.len().max(1)).max(LOOKED_MIN);
    let mut all = Found { ids: Vec::new(), looked_to: None };
    for (state, kind) in parts {
        let found = look_at(conn, &Part { state, kind: &kind, more: filter.shown.and_then(Shown::more), looked_max }, from)?;
        all.ids.extend(found.ids);
        all.looked_to = nearest(from, all.looked_to, found.looked_to);
    }
    // What lies beyond the shortest look may have gaps.
    all.ids.retain(|id| all.looked_to.is_none_or(|end| nearest(from, Some(*id), Some(end)) == Some(*id)));
    all.ids.sort_unstable();
    if !matches!(from, From::After(_)) {
        all.ids.reverse();
    }
    Ok(all)
}

/// The states and kinds to be merged; None: the whole table, which its own key has in order.
fn parts(conn: &mut Conn, filter: &JobFilter) -> QueryResult<Option<Vec<(JobState, String)>>> {
    Ok(match (filter.shown.map(Shown::stored), &filter.kind) {
        (None, None) => None,
        (Some(state), Some(kind)) => Some(vec![(state, kind.clone())]),
        (None, Some(kind)) => Some(JobState::ALL.iter().map(|state| (*state, kind.clone())).collect()),
        (Some(state), None) => Some(lists::kinds(conn, state)?.into_iter().map(|kind| (state, kind)).collect()),
    })
}

/// The one that is met first on the way from the start.
fn nearest(from: From, one: Option<JobId>, other: Option<JobId>) -> Option<JobId> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
    Some(if matches!(from, From::After(_)) { one.min(other) } else { one.max(other) })
}

/// One state of one kind: a stretch of an index.
struct Part<'a> {
    state: JobState,
    kind: &'a str,
    more: Option<&'static str>,
    looked_max: usize,
}

#[derive(QueryableByName)]
struct Look {
    #[diesel(sql_type = BigInt)]
    jobs: i64,
    #[diesel(sql_type = diesel::sql_types::Nullable<BigInt>)]
    end: Option<i64>,
}

fn look_at(conn: &mut Conn, part: &Part<'_>, from: From) -> QueryResult<Found> {
    let stretch = stretch(conn.engine(), part.state, from);
    let Some(more) = part.more else {
        return Ok(Found {
            ids: ids(conn, &format!("SELECT id FROM jobs WHERE {stretch} LIMIT {}", PAGE + 1), part.kind)?,
            looked_to: None,
        });
    };
    let (order, looked_max) = (order(from), part.looked_max);
    let looked = format!("FROM (SELECT id, last_error FROM jobs WHERE {stretch} LIMIT {looked_max}) AS looked");
    let ids = ids(conn, &format!("SELECT id {looked} WHERE {more} ORDER BY id {order} LIMIT {}", PAGE + 1), part.kind)?;
    if ids.len() > PAGE {
        return Ok(Found { ids, looked_to: None });
    }
    let end = if order == "ASC" { "MAX" } else { "MIN" };
    let count = format!("SELECT COUNT(*) AS jobs, {end}(id) AS \"end\" {looked}");
    let look: Look = on_backend!(conn, |c| diesel::sql_query(count).bind::<Text, _>(part.kind).get_result(c))?;
    let is_cut = look.jobs >= i64::try_from(looked_max).unwrap_or(i64::MAX);
    Ok(Found { ids, looked_to: look.end.filter(|_| is_cut).map(JobId) })
}

/// A state's jobs of the kind `$1`, beyond where the page starts, in its order. To an equal kind and an order of ids PostgreSQL
/// would prefer the table's own key, and walk past a million newer jobs of other kinds; a range of one kind leaves it only
/// the index by state and kind.
pub fn stretch(engine: Engine, state: JobState, from: From) -> String {
    let (condition, order) = (lists::condition(state), order(from));
    match engine {
        // Running jobs are few, and sorted once found: promised an order by its own key, SQLite would walk the whole table for them.
        Engine::Sqlite if state == JobState::Running => format!("{condition} AND kind = $1{} ORDER BY +id {order}", beyond(from)),
        Engine::Sqlite => format!("{condition} AND kind = $1{} ORDER BY id {order}", beyond(from)),
        Engine::Postgres => {
            let beyond = match from {
                From::Newest => String::new(),
                From::Before(id) => format!(" AND (kind, id) < ($1, {id})"),
                From::After(id) => format!(" AND (kind, id) > ($1, {id})"),
            };
            format!("{condition} AND kind >= $1 AND kind <= $1{beyond} ORDER BY kind {order}, id {order}")
        }
    }
}

#[derive(QueryableByName)]
struct Id {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

/// The texts are ours, so they stand in the SQL.
fn ids(conn: &mut Conn, query: &str, kind: &str) -> QueryResult<Vec<JobId>> {
    let found: Vec<Id> = on_backend!(conn, |c| diesel::sql_query(query).bind::<Text, _>(kind).load(c))?;
    Ok(found.into_iter().map(|row| JobId(row.id)).collect())
}

/// Any job, beyond where the page starts.
fn any_ids(conn: &mut Conn, from: From) -> QueryResult<Vec<JobId>> {
    let query = format!("SELECT id FROM jobs WHERE TRUE{} ORDER BY id {} LIMIT {}", beyond(from), order(from), PAGE + 1);
    let found: Vec<Id> = on_backend!(conn, |c| diesel::sql_query(query).load(c))?;
    Ok(found.into_iter().map(|row| JobId(row.id)).collect())
}

fn beyond(from: From) -> String {
    match from {
        From::Newest => String::new(),
        From::Before(id) => format!(" AND id < {id}"),
        From::After(id) => format!(" AND id > {id}"),
    }
}

fn order(from: From) -> &'static str {
    if matches!(from, From::After(_)) { "ASC" } else { "DESC" }
}

fn in_order(conn: &mut Conn, ids: &[JobId]) -> QueryResult<Vec<JobRow>> {
    let rows: Vec<JobRow> = on_backend!(conn, |c| jobs::table.filter(jobs::id.eq_any(ids)).select(JobRow::as_select()).load(c))?;
    let mut by_id: BTreeMap<JobId, JobRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// The job with this id.
pub fn find(conn: &mut Conn, id: JobId) -> QueryResult<Option<JobRow>> {
    jobs::table.filter(jobs::id.eq(id)).select(JobRow::as_select()).first(conn).optional()
}

/// How many jobs a tab has.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    pub shown: Shown,
    pub total: i64,
    /// There may be more: counting has stopped.
    pub is_floor: bool,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    jobs: i64,
    #[diesel(sql_type = BigInt)]
    failed: i64,
}

/// How many jobs each tab has; counting stops at [`COUNT_MAX`] a state.
pub fn counts(conn: &mut Conn) -> QueryResult<Vec<Count>> {
    let of_pending = format!(
        "SELECT COUNT(*) AS jobs, COUNT(last_error) AS failed FROM (SELECT last_error FROM jobs WHERE {} ORDER BY kind, id LIMIT {COUNT_MAX}) AS first",
        lists::condition(JobState::Pending)
    );
    let pending: Counted = on_backend!(conn, |c| diesel::sql_query(of_pending).get_result(c))?;
    Shown::ALL
        .into_iter()
        .map(|shown| {
            let (total, counted) = match shown {
                Shown::Pending => (pending.jobs - pending.failed, pending.jobs),
                Shown::Retrying => (pending.failed, pending.jobs),
                _ => lists::count(conn, shown.stored(), COUNT_MAX).map(|total| (total, total))?,
            };
            Ok(Count { shown, total, is_floor: counted >= COUNT_MAX })
        })
        .collect()
}

/// The kinds of jobs there are.
pub fn kinds(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut kinds = BTreeSet::new();
    for state in JobState::ALL {
        kinds.extend(lists::kinds(conn, *state)?);
    }
    Ok(kinds.into_iter().collect())
}
