//! What became of each due time, and who holds a schedule: the rows, and what pages ask of them.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{jobs, schedule_runs, schedules};
use crate::db::{Conn, text_enum};
use crate::outbox::kind::JobId;
use crate::outbox::row::JobRow;

text_enum! {
    /// What was decided about a due time.
    pub enum RunOutcome {
        /// Its job was put into the outbox.
        Fired => "fired",
        /// A person asked, at a time of their own.
        ByHand => "by_hand",
        /// The job of the run before was unfinished.
        Overlapped => "overlapped",
        /// A person held the schedule.
        Paused => "paused",
        /// No process ran at that time.
        Missed => "missed",
    }
}

/// A schedule as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = schedules)]
pub struct ScheduleRow {
    pub name: String,
    pub since: UtcTime,
    pub paused_at: Option<UtcTime>,
    pub paused_by: Option<String>,
    pub paused_until: Option<UtcTime>,
    pub pause_reason: Option<String>,
}

/// Held by a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub by: String,
    pub since: UtcTime,
    /// None: until someone resumes it.
    pub until: Option<UtcTime>,
    pub reason: Option<String>,
}

impl ScheduleRow {
    /// The pause that held at that moment, if one did.
    pub fn pause_at(&self, at: UtcTime) -> Option<Pause> {
        let since = self.paused_at.filter(|since| *since <= at)?;
        if self.paused_until.is_some_and(|until| until <= at) {
            return None;
        }
        let by = self.paused_by.clone().unwrap_or_default();
        Some(Pause { by, since, until: self.paused_until, reason: self.pause_reason.clone() })
    }
}

/// A due time and what became of it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = schedule_runs)]
pub struct Run {
    pub id: i64,
    pub due_at: UtcTime,
    pub decided_at: UtcTime,
    pub decided_by: String,
    pub outcome: RunOutcome,
    pub job_id: Option<JobId>,
    pub actor: Option<String>,
    pub reason: Option<String>,
}

/// The rows of all schedules that were ever looked at, by name.
pub fn known(conn: &mut Conn) -> QueryResult<BTreeMap<String, ScheduleRow>> {
    let rows: Vec<ScheduleRow> = schedules::table.select(ScheduleRow::as_select()).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.name.clone(), row)).collect())
}

/// The row of one schedule.
pub(super) fn find(conn: &mut Conn, name: &str) -> QueryResult<Option<ScheduleRow>> {
    schedules::table.filter(schedules::name.eq(name)).select(ScheduleRow::as_select()).first(conn).optional()
}

/// The last due time at or before `now` that was decided. Later ones are left aside: where a clock was ahead and was set
/// back, they must not keep what is due until then from firing.
pub(super) fn last_decided(conn: &mut Conn, name: &str, now: UtcTime) -> QueryResult<Option<UtcTime>> {
    schedule_runs::table
        .filter(schedule_runs::schedule.eq(name))
        .filter(schedule_runs::due_at.le(now))
        .filter(schedule_runs::outcome.ne(RunOutcome::ByHand))
        .order(schedule_runs::due_at.desc())
        .select(schedule_runs::due_at)
        .first(conn)
        .optional()
}

/// The last runs of a schedule, newest first, with the jobs that are still kept; `before`: those due earlier than that.
pub fn runs(conn: &mut Conn, name: &str, before: Option<UtcTime>, count: i64) -> QueryResult<Vec<(Run, Option<JobRow>)>> {
    let of_schedule = schedule_runs::table.filter(schedule_runs::schedule.eq(name)).select(Run::as_select()).into_boxed();
    let asked = match before {
        Some(before) => of_schedule.filter(schedule_runs::due_at.lt(before)),
        None => of_schedule,
    };
    let runs: Vec<Run> = asked.order(schedule_runs::due_at.desc()).limit(count).load(conn)?;
    let ids: Vec<JobId> = runs.iter().filter_map(|run| run.job_id).collect();
    let jobs: Vec<JobRow> = jobs::table.filter(jobs::id.eq_any(ids)).select(JobRow::as_select()).load(conn)?;
    let jobs: BTreeMap<JobId, JobRow> = jobs.into_iter().map(|job| (job.id, job)).collect();
    // Two runs may share a job: the one that was waiting already.
    let with_job = |run: Run| (run.job_id.and_then(|id| jobs.get(&id).cloned()), run);
    Ok(runs.into_iter().map(with_job).map(|(job, run)| (run, job)).collect())
}

/// The last run of a schedule that put a job into the outbox.
pub fn last_run(conn: &mut Conn, name: &str) -> QueryResult<Option<(Run, Option<JobRow>)>> {
    let run: Option<Run> = schedule_runs::table
        .filter(schedule_runs::schedule.eq(name))
        .filter(schedule_runs::job_id.is_not_null())
        .order(schedule_runs::due_at.desc())
        .select(Run::as_select())
        .first(conn)
        .optional()?;
    let Some(run) = run else { return Ok(None) };
    let job = jobs::table.filter(jobs::id.nullable().eq(run.job_id)).select(JobRow::as_select()).first(conn).optional()?;
    Ok(Some((run, job)))
}
