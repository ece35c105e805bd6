//! What the first page asks. Every question reads a bounded number of rows.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::{connections, jobs, leads};
use crate::integrations::zoho;
use crate::leads::queries::IsTaken;
use crate::leads::statistics::{self, Statistics};
use crate::leads::{LeadId, LeadStatus};
use crate::orders::booking::BookOrder;
use crate::orders::trouble_queries::{self, Troubles};
use crate::outbox::{Job, JobState, lists};

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
    pub organisation_name: Option<String>,
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
    /// The connection to Books; None: no organisation was ever chosen.
    pub books: Option<Connection>,
    /// Orders that wait to be booked, and those that could not be.
    pub booking: (i64, i64),
    pub troubles: Troubles,
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
        connection: connection(conn, zoho::PROVIDER)?,
        books: connection(conn, zoho::books::PROVIDER)?,
        booking: booking(conn)?,
        troubles: trouble_queries::troubles(conn, now)?,
        latest: latest(conn)?,
        ended: ended(conn, now - TimeDelta::hours(1))?,
        jobs_dead: lists::count(conn, JobState::Dead, COUNTED_MAX)?,
        jobs_uncertain: lists::count(conn, JobState::Uncertain, COUNTED_MAX)?,
    })
}

fn connection(conn: &mut Conn, provider: &str) -> QueryResult<Option<Connection>> {
    connections::table.filter(connections::provider.eq(provider)).select(Connection::as_select()).first(conn).optional()
}

fn booking(conn: &mut Conn) -> QueryResult<(i64, i64)> {
    let counts = lists::counts_by_kind(conn, COUNTED_MAX)?;
    let of = |states: &[JobState]| lists::total(&counts, BookOrder::KIND, states);
    Ok((of(&[JobState::Pending, JobState::Running]), of(&[JobState::Dead])))
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
