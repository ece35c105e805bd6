//! The tick: writes down what became of each due time since the last one, and fires what is to be fired.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::due::After;
use super::history::{RunOutcome, ScheduleRow, find, last_decided, last_run};
use super::{Missed, Overlap, Schedule};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::schema::{schedule_runs, schedules};
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::on_backend;
use crate::outbox::kind::{JobId, JobState};

/// Later than this a due time counts as missed; processes tick every second and may be busy.
const PUNCTUAL: TimeDelta = TimeDelta::minutes(1);
/// The history of a schedule that fires every 15 minutes is worth three months, not for ever.
const KEPT: TimeDelta = TimeDelta::days(90);
/// No closure removes more rows than this.
const FORGOTTEN_MAX: i64 = 200;

/// Decides what has become due and tells how many fired. Called once a second or so by whichever process ticks; calling it
/// twice, or by two processes at once, does no harm.
pub async fn tick(app: &App, schedules: &[Schedule]) -> Result<usize> {
    let now = app.clock.now();
    let all = schedules.to_vec();
    let due = app.store.read(move |conn| due(conn, all, now).map_err(Error::from)).await?;
    let mut fired = 0;
    for schedule in due {
        let (name, process_id) = (schedule.name, app.process_id.clone());
        let decide = move |tx: &mut Tx<'_>| decide(tx, &schedule, now, &process_id).map_err(Error::from);
        fired += usize::from(app.store.write("schedules.decide", name, decide).await?);
    }
    Ok(fired)
}

/// The schedules with something to decide; asked of a reader, so that a second in which nothing is due writes nothing.
fn due(conn: &mut Conn, schedules: Vec<Schedule>, now: UtcTime) -> QueryResult<Vec<Schedule>> {
    let mut due = Vec::new();
    for schedule in schedules {
        let row = find(conn, schedule.name)?;
        let is_new = row.as_ref().is_none_or(|row| row.since > now);
        if is_new || schedule.is_due(after(conn, row.as_ref(), schedule.name, now)?, now) {
            due.push(schedule);
        }
    }
    Ok(due)
}

fn after(conn: &mut Conn, row: Option<&ScheduleRow>, name: &str, now: UtcTime) -> QueryResult<After> {
    let decided = last_decided(conn, name, now)?;
    Ok(decided.map_or_else(|| After::Known(row.map_or(now, |row| row.since.min(now))), After::Decided))
}

/// Decides in one transaction, and tells whether it fired.
fn decide(tx: &mut Tx<'_>, schedule: &Schedule, now: UtcTime, process_id: &str) -> QueryResult<bool> {
    let row = lock(tx, schedule.name, now)?;
    let after = after(tx.conn(), Some(&row), schedule.name, now)?;
    let undecided = schedule.undecided(after, now);
    let Some((last, earlier)) = undecided.split_last() else { return Ok(false) };
    let decided = |due_at: UtcTime, outcome: RunOutcome| Decided { schedule, due_at, outcome, now, process_id, row: &row };
    for due_at in earlier {
        let outcome = if row.pause_at(*due_at).is_some() { RunOutcome::Paused } else { RunOutcome::Missed };
        decided(*due_at, outcome).write(tx)?;
    }
    let outcome = if row.pause_at(*last).is_some() {
        RunOutcome::Paused
    } else if schedule.missed == Missed::Skip && now - *last > PUNCTUAL {
        RunOutcome::Missed
    } else if unfinished(tx.conn(), schedule)?.is_some() {
        RunOutcome::Overlapped
    } else {
        RunOutcome::Fired
    };
    let is_first = decided(*last, outcome).write(tx)?;
    if is_first && outcome == RunOutcome::Fired {
        let job_id = (schedule.enqueue)(tx, now, &LineId::mint(now))?;
        let this = schedule_runs::table.filter(schedule_runs::schedule.eq(schedule.name)).filter(schedule_runs::due_at.eq(last));
        diesel::update(this).set(schedule_runs::job_id.eq(job_id)).execute(tx.conn())?;
    }
    forget(tx.conn(), schedule.name, *last - KEPT)?;
    Ok(is_first && outcome == RunOutcome::Fired)
}

/// Makes the schedule's row, or locks it: whoever decides, runs or pauses it does so one after the other.
pub(super) fn lock(tx: &mut Tx<'_>, name: &str, now: UtcTime) -> QueryResult<ScheduleRow> {
    let new = (schedules::name.eq(name), schedules::since.eq(now), schedules::changed_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(schedules::table)
        .values(new)
        .on_conflict(schedules::name)
        .do_update()
        .set(schedules::changed_at.eq(now))
        .execute(c))?;
    // Written by a clock that was ahead and has been set back since: known from now on.
    diesel::update(schedules::table.filter(schedules::name.eq(name)).filter(schedules::since.gt(now)))
        .set(schedules::since.eq(now))
        .execute(tx.conn())?;
    find(tx.conn(), name)?.ok_or(diesel::result::Error::NotFound)
}

/// The due time and the job of the run before, where the schedule may not run over it.
pub(super) fn unfinished(conn: &mut Conn, schedule: &Schedule) -> QueryResult<Option<(UtcTime, JobId, &'static str)>> {
    if schedule.overlap == Overlap::Allow {
        return Ok(None);
    }
    let Some((run, Some(job))) = last_run(conn, schedule.name)? else { return Ok(None) };
    let is_unfinished = matches!(job.state, JobState::Pending | JobState::Running | JobState::Uncertain);
    Ok(is_unfinished.then(|| (run.due_at, job.id, job.shown_state())))
}

struct Decided<'a> {
    schedule: &'a Schedule,
    due_at: UtcTime,
    outcome: RunOutcome,
    now: UtcTime,
    process_id: &'a str,
    row: &'a ScheduleRow,
}

impl Decided<'_> {
    /// Whether this is the one row of that due time.
    fn write(&self, tx: &mut Tx<'_>) -> QueryResult<bool> {
        let pause = self.row.pause_at(self.due_at).filter(|_| self.outcome == RunOutcome::Paused);
        let row = (
            schedule_runs::schedule.eq(self.schedule.name),
            schedule_runs::due_at.eq(self.due_at),
            schedule_runs::decided_at.eq(self.now),
            schedule_runs::decided_by.eq(self.process_id),
            schedule_runs::outcome.eq(self.outcome),
            schedule_runs::actor.eq(pause.as_ref().map(|pause| pause.by.as_str())),
            schedule_runs::reason.eq(pause.as_ref().and_then(|pause| pause.reason.as_deref())),
        );
        let inserted =
            on_backend!(tx.conn(), |c| diesel::insert_into(schedule_runs::table).values(row).on_conflict_do_nothing().execute(c))?;
        Ok(inserted == 1)
    }
}

fn forget(conn: &mut Conn, name: &str, before: UtcTime) -> QueryResult<()> {
    let old: Vec<i64> = schedule_runs::table
        .filter(schedule_runs::schedule.eq(name))
        .filter(schedule_runs::due_at.lt(before))
        .order(schedule_runs::due_at)
        .limit(FORGOTTEN_MAX)
        .select(schedule_runs::id)
        .load(conn)?;
    if old.is_empty() {
        return Ok(());
    }
    diesel::delete(schedule_runs::table.filter(schedule_runs::id.eq_any(old))).execute(conn).map(drop)
}
