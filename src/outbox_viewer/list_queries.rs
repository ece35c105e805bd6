//! What the outbox pages ask: one page of jobs by id, counts that stop at 10,000, the kinds there are.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::Conn;
use crate::db::schema::jobs;
use crate::on_backend;
use crate::outbox::{JobId, JobRow, JobState};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Counting stops here.
pub const COUNT_MAX: i64 = 10_000;
/// Kinds offered in the filter.
const KINDS_MAX: usize = 50;

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

    fn stored(self) -> JobState {
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
#[derive(Clone, Copy, Debug)]
pub enum From {
    Newest,
    /// Jobs older than this one.
    Before(JobId),
    /// Jobs newer than this one.
    After(JobId),
}

/// A page of jobs, newest first, and whether there is more on either side.
#[derive(Debug, Default)]
pub struct JobPage {
    pub rows: Vec<JobRow>,
    pub has_newer: bool,
    pub has_older: bool,
}

/// One page.
pub fn page(conn: &mut Conn, filter: &JobFilter, from: From) -> QueryResult<JobPage> {
    let mut rows = match (filter.shown, &filter.kind) {
        // The index is by kind, state and id: without a state, one short read a state.
        (None, Some(_)) => {
            let mut merged = Vec::new();
            for state in JobState::ALL {
                merged.extend(read(conn, filter, Some(*state), from)?);
            }
            merged.sort_by_key(|row| row.id);
            if !matches!(from, From::After(_)) {
                merged.reverse();
            }
            merged
        }
        (shown, _) => read(conn, filter, shown.map(Shown::stored), from)?,
    };
    let has_more = rows.len() > PAGE;
    rows.truncate(PAGE);
    Ok(match from {
        From::Newest => JobPage { rows, has_newer: false, has_older: has_more },
        From::Before(_) => JobPage { rows, has_newer: true, has_older: has_more },
        // A short page at the newest end is filled up from there.
        From::After(_) if !has_more => page(conn, filter, From::Newest)?,
        From::After(_) => {
            rows.reverse();
            JobPage { rows, has_newer: true, has_older: true }
        }
    })
}

fn read(conn: &mut Conn, filter: &JobFilter, state: Option<JobState>, from: From) -> QueryResult<Vec<JobRow>> {
    let mut query = jobs::table.select(JobRow::as_select()).limit(PAGE as i64 + 1).into_boxed();
    if let Some(state) = state {
        query = query.filter(jobs::state.eq(state));
    }
    if let Some(kind) = &filter.kind {
        query = query.filter(jobs::kind.eq(kind.clone()));
    }
    match filter.shown {
        // Looks through the pending ones, newest first: quick while those that failed before are among the newest thousands.
        Some(Shown::Retrying) => query = query.filter(jobs::last_error.is_not_null()),
        Some(Shown::Pending) => query = query.filter(jobs::last_error.is_null()),
        _ => {}
    }
    match from {
        From::Newest => query.order(jobs::id.desc()).load(conn),
        From::Before(id) => query.filter(jobs::id.lt(id)).order(jobs::id.desc()).load(conn),
        From::After(id) => query.filter(jobs::id.gt(id)).order(jobs::id.asc()).load(conn),
    }
}

/// The job with this id.
pub fn find(conn: &mut Conn, id: JobId) -> QueryResult<Option<JobRow>> {
    jobs::table.filter(jobs::id.eq(id)).select(JobRow::as_select()).first(conn).optional()
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    shown: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many jobs each tab has; counting stops at [`COUNT_MAX`] a state. The texts are ours, so they stand in the SQL.
pub fn counts(conn: &mut Conn) -> QueryResult<Vec<(Shown, i64)>> {
    let parts = Shown::ALL.map(|shown| {
        // Only these two need a look at the rows; the others are counted in the index.
        let (columns, condition) = match shown {
            Shown::Retrying => ("last_error", "last_error IS NOT NULL"),
            Shown::Pending => ("last_error", "last_error IS NULL"),
            _ => ("1 AS one", "one = 1"),
        };
        let (name, state) = (shown.as_str(), shown.stored().as_str());
        format!(
            "SELECT '{name}' AS shown, COUNT(*) AS total \
             FROM (SELECT {columns} FROM jobs WHERE state = '{state}' LIMIT {COUNT_MAX}) AS first WHERE {condition}"
        )
    });
    let counted: Vec<Counted> = on_backend!(conn, |c| diesel::sql_query(parts.join(" UNION ALL ")).load(c))?;
    Ok(counted.into_iter().filter_map(|row| Some((Shown::parse(&row.shown)?, row.total))).collect())
}

/// The kinds of jobs there are, found by hopping along the index instead of reading it.
pub fn kinds(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut kinds: Vec<String> = Vec::new();
    while kinds.len() < KINDS_MAX {
        let after = kinds.last().cloned().unwrap_or_default();
        let next = jobs::table.filter(jobs::kind.gt(after)).order(jobs::kind).select(jobs::kind).first::<String>(conn).optional()?;
        match next {
            Some(kind) => kinds.push(kind),
            None => break,
        }
    }
    Ok(kinds)
}
