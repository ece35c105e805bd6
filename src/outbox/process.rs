//! Which processes live: each beats every 5 s; the jobs of one that has not for 30 s are rescued.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;

use super::finish::{Words, insert_attempt};
use super::kind::JobState;
use super::registry::{RawChange, Registry};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::{jobs, processes};
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;

/// How often a process says that it lives.
pub const HEARTBEAT: Duration = Duration::from_secs(5);
/// After this long without a heartbeat a process counts as dead.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// Rows of processes that died are kept this long, for the attempts that name them.
const REMEMBERED: TimeDelta = TimeDelta::days(7);
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
    processes::table.filter(processes::heartbeat_at.gt(now - LEASE)).filter(processes::role.like("%worker%")).count().get_result(conn)
}

/// Says good-bye, so that nobody waits for this process's lease to run out.
pub fn leave(tx: &mut Tx<'_>, process_id: &str) -> QueryResult<()> {
    diesel::delete(processes::table.filter(processes::id.eq(process_id))).execute(tx.conn()).map(drop)
}

/// Takes back the jobs of dead processes: repeatable ones run again, the others wait for a person. Returns how many.
pub(super) fn rescue(tx: &mut Tx<'_>, registry: &Registry, now: UtcTime, own_id: &str, whom: &Whom) -> QueryResult<usize> {
    let orphans = orphans(tx.conn(), now, own_id, whom)?;
    for row in &orphans {
        let state = if row.repeatable { JobState::Pending } else { JobState::Uncertain };
        let why = if matches!(whom, Whom::Lost(_)) && row.repeatable {
            "The database went away before the outcome was written; it runs again"
        } else if row.repeatable {
            "The process that ran it ended; it runs again"
        } else {
            "The process that ran it ended, and the call may have been made: look it up before sending again"
        };
        // The lease token is matched again: the sweep may have read what another sweep has already taken back.
        let taken = diesel::update(jobs::table.filter(jobs::id.eq(row.id)))
            .filter(jobs::state.eq(JobState::Running))
            .filter(jobs::lease_token.eq(row.lease_token))
            .set((
                jobs::state.eq(state),
                jobs::lease_token.eq(None::<i64>),
                jobs::leased_by.eq(None::<String>),
                jobs::waits_for.eq(why),
                jobs::run_at.eq(now),
                jobs::updated_at.eq(now),
            ))
            .execute(tx.conn())?;
        if taken == 0 {
            continue;
        }
        insert_attempt(
            tx,
            row.leased_by.as_deref().unwrap_or(own_id),
            now,
            row,
            &Words { outcome: "rescued", class: None, message: Some(why) },
            None,
        )?;
        if let Some(spec) = registry.get(&row.kind) {
            let change =
                RawChange { row: row.clone(), state, attempts: row.attempts, error: Some(why.into()), note: None, response: None, at: now };
            (spec.reflect)(tx, &[change])?;
        }
    }
    if !orphans.is_empty() {
        tx.touch(Topic::Jobs);
    }
    Ok(orphans.len())
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
    /// This process, but for the leases it runs something under. Only old ones: a claim may be on its way here.
    Lost(Vec<i64>),
}

fn orphans(conn: &mut Conn, now: UtcTime, own_id: &str, whom: &Whom) -> QueryResult<Vec<JobRow>> {
    let running = jobs::table.filter(jobs::state.eq(JobState::Running)).select(JobRow::as_select()).order(jobs::id).limit(RESCUE_MAX);
    match whom {
        Whom::Others => running.filter(jobs::leased_by.is_null().or(jobs::leased_by.ne(own_id))).load(conn),
        Whom::Own => running.filter(jobs::leased_by.eq(own_id)).load(conn),
        Whom::Lost(held) => running
            .filter(jobs::leased_by.eq(own_id))
            .filter(jobs::updated_at.lt(now - LEASE))
            .filter(jobs::lease_token.assume_not_null().ne_all(held.clone()))
            .load(conn),
        Whom::Silent => {
            let lives =
                processes::table.filter(processes::id.nullable().eq(jobs::leased_by)).filter(processes::heartbeat_at.gt(now - LEASE));
            running.filter(diesel::dsl::not(diesel::dsl::exists(lives))).load(conn)
        }
    }
}
