//! Which processes live: each beats every 5 s; the jobs of one that has not for 30 s are rescued.

use std::collections::HashSet;
use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::attempts::{self, NewAttempt};
use super::held::Leased;
use super::kind::JobState;
use super::presence::SILENT_AFTER;
use super::probe_queries;
use super::registry::{RawChange, Registry};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::{call_reservations, job_attempts, jobs, processes};
use crate::db::{Conn, Topic, Tx};
use crate::{literal_condition, on_backend};

/// How often a process says that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// Rows of processes that died are kept this long, for the attempts that name them.
const REMEMBERED: TimeDelta = TimeDelta::days(7);
/// After so many processes that ended while they ran it, a job is not run again without a look.
const DEATHS_MAX: i64 = 9;
const PROCESS_ENDED: &str = "The process that ran it ended; it runs again";
/// Jobs rescued in one transaction.
const RESCUE_MAX: i64 = 100;

/// A process, as it announces itself.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = processes)]
pub struct Announcement {
    pub id: String,
    pub role: String,
    pub version: String,
    pub host: String,
    pub started_at: UtcTime,
    pub heartbeat_at: UtcTime,
}

/// Announces the process, or beats for it: a row that was swept away meanwhile comes back.
pub fn beat(tx: &mut Tx<'_>, announcement: &Announcement) -> QueryResult<()> {
    on_backend!(tx.conn(), |c| diesel::insert_into(processes::table)
        .values(announcement)
        .on_conflict(processes::id)
        .do_update()
        .set(processes::heartbeat_at.eq(announcement.heartbeat_at))
        .execute(c))?;
    diesel::delete(processes::table.filter(processes::heartbeat_at.lt(announcement.heartbeat_at - REMEMBERED))).execute(tx.conn()).map(drop)
}

/// How many processes with the worker's role live.
pub fn count_live_workers(conn: &mut Conn, now: UtcTime) -> QueryResult<i64> {
    processes::table
        .filter(processes::heartbeat_at.gt(now - SILENT_AFTER))
        .filter(processes::role.like("%worker%"))
        .count()
        .get_result(conn)
}

/// Says good-bye, so that nobody waits for this process's lease to run out.
pub fn leave(tx: &mut Tx<'_>, process_id: &str) -> QueryResult<()> {
    diesel::delete(processes::table.filter(processes::id.eq(process_id))).execute(tx.conn()).map(drop)
}

/// Takes back the jobs of dead processes, those found by [`orphans`]: repeatable ones run again, the others wait for a probe or a
/// person. Returns how many. A process that has beaten again meanwhile keeps its own.
pub(super) fn rescue(tx: &mut Tx<'_>, by: &Rescuer<'_>, found: &[JobRow]) -> QueryResult<usize> {
    let living = match by.whom {
        Whom::Silent if !found.is_empty() => living(tx.conn(), by.now)?,
        _ => Vec::new(),
    };
    let mut rescued = 0;
    for row in found.iter().filter(|row| row.leased_by.as_ref().is_none_or(|holder| !living.contains(holder))) {
        let (state, why) = fate(tx.conn(), row, by.whom)?;
        let holder = row.leased_by.as_deref().unwrap_or(by.own_id);
        rescued += usize::from(rescue_one(tx, by, row, &Fate { state, why, by: holder })?);
    }
    free_reservations(tx, by.now, by.own_id, by.whom)?;
    if rescued > 0 {
        tx.touch(Topic::Jobs);
        tx.touch(Topic::Ready);
    }
    Ok(rescued)
}

/// Who takes back, and what is known.
#[derive(Clone, Copy)]
pub(super) struct Rescuer<'a> {
    pub registry: &'a Registry,
    pub now: UtcTime,
    pub own_id: &'a str,
    pub whom: &'a Whom,
}

fn living(conn: &mut Conn, now: UtcTime) -> QueryResult<Vec<String>> {
    processes::table.filter(processes::heartbeat_at.gt(now - SILENT_AFTER)).select(processes::id).load(conn)
}

/// What becomes of a job that is taken back, and in whose name.
#[derive(Clone, Copy)]
struct Fate<'a> {
    state: JobState,
    why: &'static str,
    by: &'a str,
}

fn fate(conn: &mut Conn, row: &JobRow, whom: &Whom) -> QueryResult<(JobState, &'static str)> {
    Ok(match (row.state, row.repeatable, whom) {
        (JobState::Uncertain, _, _) => (JobState::Uncertain, "The process that looked it up ended; it is looked up again"),
        (_, true, Whom::Lost { .. }) => (JobState::Pending, "The database went away before the outcome was written; it runs again"),
        (_, true, Whom::Own) => (JobState::Pending, "The program was stopped before it ended; it runs again"),
        (_, true, _) if count_deaths(conn, row)? >= DEATHS_MAX => {
            (JobState::Uncertain, "Ten processes have ended while they ran it, perhaps because of it: look at it before sending it again")
        }
        (_, true, _) => (JobState::Pending, PROCESS_ENDED),
        (_, false, _) => {
            (JobState::Uncertain, "The process that ran it ended, and the call may have been made: look it up before sending again")
        }
    })
}

/// Whether it was still to be taken back.
fn rescue_one(tx: &mut Tx<'_>, rescuer: &Rescuer<'_>, row: &JobRow, fate: &Fate<'_>) -> QueryResult<bool> {
    let (Fate { state, why, by }, Rescuer { registry, now, .. }) = (*fate, *rescuer);
    // The lease token is matched again: the sweep may have read what another sweep has already taken back.
    let taken = diesel::update(jobs::table.filter(jobs::id.eq(row.id)))
        .filter(jobs::lease_token.eq(row.lease_token))
        .set((
            jobs::state.eq(state),
            jobs::lease_token.eq(None::<i64>),
            jobs::leased_by.eq(None::<String>),
            jobs::waits_for.eq(why),
            jobs::run_at.eq(now),
            jobs::updated_at.eq(now),
            // What runs again sees the change anyway.
            jobs::run_again.eq(jobs::run_again.and((state != JobState::Pending).into_sql::<Bool>())),
        ))
        .execute(tx.conn())?;
    if taken == 0 {
        return Ok(false);
    }
    if state == JobState::Uncertain
        && row.state != state
        && let Some(spec) = registry.get(&row.kind)
    {
        probe_queries::begin(tx, spec, row.id, now)?;
    }
    attempts::insert(tx.conn(), vec![NewAttempt { outcome: "rescued", message: Some(why), ..NewAttempt::of(row, by, now) }])?;
    if let Some(spec) = registry.get(&row.kind).filter(|spec| spec.mirrors && state != row.state) {
        (spec.reflect)(tx, &[RawChange { error: Some(why.into()), ..RawChange::to(row, state, now) }])?;
    }
    Ok(true)
}

/// How many processes ended while they ran the job since it was last asked for.
fn count_deaths(conn: &mut Conn, row: &JobRow) -> QueryResult<i64> {
    job_attempts::table
        .filter(job_attempts::job_id.eq(row.id))
        .filter(job_attempts::finished_at.ge(row.due_since))
        .filter(job_attempts::message.eq(PROCESS_ENDED))
        .count()
        .get_result(conn)
}

/// Whose jobs a rescue takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// Processes without a heartbeat for the length of the lease.
    Silent,
    /// Every process but this one: on SQLite, at start, none other can live (the lock on the file says so).
    Others,
    /// This process itself, at the end of its shutdown.
    Own,
    /// This process, but for what it really runs. Only old leases: a claim may be on its way here.
    Lost { jobs: HashSet<Leased>, reservations: Vec<i64> },
}

literal_condition! {
    /// As the index of leases has it. Running jobs, and uncertain ones that are being looked up.
    IsLeased = "jobs.leased_by IS NOT NULL"
}

/// Jobs to be taken back, the first of them. Asked of a reader: PostgreSQL walks over all leases that it could not clear away yet.
pub(super) fn orphans(conn: &mut Conn, now: UtcTime, own_id: &str, whom: &Whom) -> QueryResult<Vec<JobRow>> {
    let leased = jobs::table.filter(IsLeased).select(JobRow::as_select());
    match whom {
        Whom::Others => leased.filter(jobs::leased_by.ne(own_id)).order(jobs::id).limit(RESCUE_MAX).load(conn),
        Whom::Own => leased.filter(jobs::leased_by.eq(own_id)).order(jobs::id).limit(RESCUE_MAX).load(conn),
        Whom::Lost { jobs: held, .. } => {
            // What this process runs is bounded by its slots; what it lost is seldom anything.
            let old: Vec<JobRow> = leased.filter(jobs::leased_by.eq(own_id)).filter(jobs::updated_at.lt(now - SILENT_AFTER)).load(conn)?;
            Ok(old.into_iter().filter(|row| !held.contains(&(row.id, row.lease_token))).take(RESCUE_MAX as usize).collect())
        }
        Whom::Silent => {
            let lives = processes::table
                .filter(processes::id.nullable().eq(jobs::leased_by))
                .filter(processes::heartbeat_at.gt(now - SILENT_AFTER));
            leased.filter(diesel::dsl::not(diesel::dsl::exists(lives))).order(jobs::id).limit(RESCUE_MAX).load(conn)
        }
    }
}

/// The slots of runs that nobody runs any more. Their calls stay counted: they may have been made.
fn free_reservations(tx: &mut Tx<'_>, now: UtcTime, own_id: &str, whom: &Whom) -> QueryResult<usize> {
    let all = call_reservations::table;
    match whom {
        Whom::Others => diesel::delete(all.filter(call_reservations::process_id.ne(own_id))).execute(tx.conn()),
        Whom::Own => diesel::delete(all.filter(call_reservations::process_id.eq(own_id))).execute(tx.conn()),
        Whom::Lost { reservations, .. } => {
            let old = all.filter(call_reservations::process_id.eq(own_id)).filter(call_reservations::reserved_at.lt(now - SILENT_AFTER));
            diesel::delete(old.filter(call_reservations::id.ne_all(reservations))).execute(tx.conn())
        }
        Whom::Silent => {
            let alive = processes::table.filter(processes::heartbeat_at.gt(now - SILENT_AFTER)).select(processes::id);
            diesel::delete(all.filter(call_reservations::process_id.ne_all(alive))).execute(tx.conn())
        }
    }
}
