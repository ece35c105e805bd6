//! What a person may do to a schedule: run it now, hold it, let it go on. Each is written to the audit in the same
//! transaction.

use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::json;

use super::Schedule;
use super::history::{Pause, RunOutcome};
use super::tick::{lock, unfinished};
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::schema::{schedule_runs, schedules};
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::on_backend;
use crate::outbox::admin::Request;
use crate::outbox::kind::JobId;

/// Runs it once, now, whether it is held or not; refused while the run before is unfinished, unless it may overlap.
pub fn run_now(tx: &mut Tx<'_>, schedule: &Schedule, process_id: &str, by: &Request) -> Result<JobId> {
    lock(tx, schedule.name, by.now)?;
    if let Some((_, job, state)) = unfinished(tx.conn(), schedule)? {
        return Err(Error::Conflict(format!(
            "The run before has not ended: its job {job} is {}. Wait for it, or cancel it.",
            shown(state)
        )));
    }
    let line = LineId::mint(by.now);
    let job_id = (schedule.enqueue)(tx, by.now, &line)?;
    let row = (
        schedule_runs::schedule.eq(schedule.name),
        schedule_runs::due_at.eq(beside_due_times(by.now)),
        schedule_runs::decided_at.eq(by.now),
        schedule_runs::decided_by.eq(process_id),
        schedule_runs::outcome.eq(RunOutcome::ByHand),
        schedule_runs::job_id.eq(job_id),
        schedule_runs::actor.eq(&by.actor),
        schedule_runs::reason.eq(by.reason.as_deref()),
    );
    let inserted = on_backend!(tx.conn(), |c| diesel::insert_into(schedule_runs::table).values(row).on_conflict_do_nothing().execute(c))?;
    if inserted == 0 {
        return Err(Error::Conflict("It ran at this very moment. Look at its runs.".into()));
    }
    record(tx, schedule, Told { action: "schedules.run", line: Some(&line), before: None, after: Some(json!({ "job": job_id })) }, by)?;
    Ok(job_id)
}

/// Holds it: due times pass and are written down as paused. Held already, the new reason and end replace the old.
pub fn pause(tx: &mut Tx<'_>, schedule: &Schedule, until: Option<UtcTime>, by: &Request) -> Result<()> {
    if until.is_some_and(|until| until <= by.now) {
        return Err(Error::Conflict("That moment is over. Name a later one, or none to hold it until someone resumes it.".into()));
    }
    let row = lock(tx, schedule.name, by.now)?;
    let before = row.pause_at(by.now);
    let since = before.as_ref().map_or(by.now, |pause| pause.since);
    diesel::update(schedules::table.filter(schedules::name.eq(schedule.name)))
        .set((
            schedules::paused_at.eq(since),
            schedules::paused_by.eq(&by.actor),
            schedules::paused_until.eq(until),
            schedules::pause_reason.eq(by.reason.as_deref()),
        ))
        .execute(tx.conn())?;
    let after = Pause { by: by.actor.clone(), since, until, reason: by.reason.clone() };
    record(
        tx,
        schedule,
        Told { action: "schedules.pause", line: None, before: before.map(|pause| told(&pause)), after: Some(told(&after)) },
        by,
    )
}

/// Lets it go on from its next due time; those that passed meanwhile stay passed.
pub fn resume(tx: &mut Tx<'_>, schedule: &Schedule, by: &Request) -> Result<()> {
    let row = lock(tx, schedule.name, by.now)?;
    let Some(pause) = row.pause_at(by.now) else {
        return Err(Error::Conflict("It is not paused; someone else was faster, or the pause has ended.".into()));
    };
    // Cut off rather than taken away: a due time of the pause that nobody has looked at yet is still one of the pause.
    diesel::update(schedules::table.filter(schedules::name.eq(schedule.name)))
        .set(schedules::paused_until.eq(by.now))
        .execute(tx.conn())?;
    record(tx, schedule, Told { action: "schedules.resume", line: None, before: Some(told(&pause)), after: None }, by)
}

/// Due times are whole seconds: a run by hand takes the place of none of them.
fn beside_due_times(now: UtcTime) -> UtcTime {
    if now.and_utc().timestamp_subsec_micros() == 0 { now + TimeDelta::microseconds(1) } else { now }
}

struct Told<'a> {
    action: &'static str,
    line: Option<&'a LineId>,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
}

fn record(tx: &mut Tx<'_>, schedule: &Schedule, told: Told<'_>, by: &Request) -> Result<()> {
    tx.touch(Topic::Jobs);
    let act = Act {
        actor: &by.actor,
        action: told.action,
        subject: &format!("schedule:{}", schedule.name),
        line: told.line,
        reason: by.reason.as_deref(),
        before: told.before,
        after: told.after,
        address: by.address.as_deref(),
    };
    Ok(audit::record(tx, by.now, &act)?)
}

fn told(pause: &Pause) -> serde_json::Value {
    json!({ "paused_until": pause.until.map_or_else(|| "resumed".to_owned(), |until| until.and_utc().to_rfc3339()) })
}

fn shown(state: &str) -> String {
    if state == "Needs a look" { "uncertain and needs a look".into() } else { state.to_lowercase() }
}
