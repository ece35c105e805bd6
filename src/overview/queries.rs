//! What the first page asks. Every question reads a bounded number of rows.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::{connections, jobs, leads};
use crate::leads::queries::IsTaken;
use crate::leads::statistics::{self, Statistics};
use crate::leads::{LeadId, LeadStatus};
use crate::outbox::{JobState, lists};

/// Finished jobs the chart counts at most.
pub const CHARTED_MAX: i64 = 10_000;
/// Failed and uncertain jobs are counted up to this.
const COUNTED_MAX: i64 = 1_000;
/// Leads shown as the latest.
const LATEST: i64 = 6;

/// The connection to the CRM.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = connections)]
pub struct Connection {
    pub state: String,
    pub state_reason: Option<String>,
    pub blocked_until: Option<UtcTime>,
    pub blocked_reason: Option<String>,
    pub last_success_at: Option<UtcTime>,
    pub external_field: Option<String>,
}

/// A lead among the latest.
#[derive(Clone, Debug, Queryable)]
pub struct Latest {
    pub id: LeadId,
    pub name: String,
    pub status: LeadStatus,
    pub received_at: UtcTime,
}

/// A job that has ended.
#[derive(Clone, Debug, Queryable)]
pub struct Ended {
    pub state: JobState,
    pub at: Option<UtcTime>,
}

/// Everything the page shows.
#[derive(Debug)]
pub struct Figures {
    pub today: i64,
    pub yesterday: i64,
    pub statistics: Statistics,
    pub oldest_waiting: Option<(LeadId, UtcTime)>,
    pub connection: Option<Connection>,
    pub latest: Vec<Latest>,
    /// Newest first, of the last hour.
    pub ended: Vec<Ended>,
    pub jobs_dead: i64,
    pub jobs_uncertain: i64,
}

/// Reads it all.
pub fn figures(conn: &mut Conn, now: UtcTime, day_start: UtcTime) -> QueryResult<Figures> {
    Ok(Figures {
        today: statistics::received_between(conn, day_start, now + TimeDelta::seconds(1))?,
        yesterday: statistics::received_between(conn, day_start - TimeDelta::days(1), now - TimeDelta::days(1))?,
        statistics: statistics::of(conn, now)?,
        oldest_waiting: statistics::oldest_waiting(conn)?,
        connection: connections::table.filter(connections::provider.eq("zoho")).select(Connection::as_select()).first(conn).optional()?,
        latest: latest(conn)?,
        ended: ended(conn, now - TimeDelta::hours(1))?,
        jobs_dead: lists::count(conn, JobState::Dead, COUNTED_MAX)?,
        jobs_uncertain: lists::count(conn, JobState::Uncertain, COUNTED_MAX)?,
    })
}

fn latest(conn: &mut Conn) -> QueryResult<Vec<Latest>> {
    leads::table
        .filter(IsTaken)
        .order((leads::received_at.desc(), leads::id.desc()))
        .limit(LATEST)
        .select((leads::id, leads::name, leads::status, leads::received_at))
        .load(conn)
}

fn ended(conn: &mut Conn, since: UtcTime) -> QueryResult<Vec<Ended>> {
    jobs::table
        .filter(jobs::finished_at.is_not_null())
        .filter(jobs::finished_at.ge(since))
        .order(jobs::finished_at.desc())
        .limit(CHARTED_MAX)
        .select((jobs::state, jobs::finished_at))
        .load(conn)
}
