//! Schedules as a file, and the whole history of one.

use super::list_views::next_firing;
use super::queries::{self, Told};
use crate::Result;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::outbox::JobRow;
use crate::outbox::schedules::{Run, Schedule};
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm};

const SCHEDULES: &[&str] = &[
    "name",
    "cron",
    "zone",
    "in_words",
    "purpose",
    "paused_by",
    "paused_since",
    "paused_until",
    "pause_reason",
    "last_due_at",
    "last_outcome",
    "last_job",
    "next_firing_at",
];
const RUNS: &[&str] = &["id", "due_at", "outcome", "decided_at", "decided_by", "late_ms", "actor", "reason", "job", "job_state"];

/// Runs read at a time.
const ROWS: i64 = 500;

/// Every schedule, with its pause and its last run.
pub fn schedules(schedules: &[Schedule], told: &[Told], form: ListForm, now: UtcTime) -> CsvFile {
    let rows = schedules.iter().zip(told).map(|(schedule, told)| {
        let pause = told.row.as_ref().and_then(|row| row.pause_at(now));
        let last = told.runs.first().map(|(run, _)| run);
        row![
            schedule.name(),
            schedule.cron(),
            schedule.zone().name(),
            schedule.in_words().as_str(),
            schedule.purpose(),
            pause.as_ref().map(|pause| &pause.by),
            pause.as_ref().map(|pause| pause.since),
            pause.as_ref().and_then(|pause| pause.until),
            pause.as_ref().and_then(|pause| pause.reason.as_ref()),
            last.map(|run| run.due_at),
            last.map(|run| run.outcome.as_str()),
            last.and_then(|run| run.job_id).map(|id| id.0),
            next_firing(schedule, told, now),
        ]
    });
    CsvFile::whole(Outline { name: "schedules".into(), header: SCHEDULES, form }, &rows.collect::<Vec<_>>())
}

/// Every run of one schedule that is still kept, newest first.
pub async fn runs(app: &App, name: &'static str, form: ListForm) -> Result<CsvFile> {
    let read = move |conn: &mut Conn, before: Option<UtcTime>| -> Result<_> {
        let runs = queries::runs_before(conn, name, before, ROWS)?;
        let is_full = i64::try_from(runs.len()).is_ok_and(|count| count == ROWS);
        let on = runs.last().filter(|_| is_full).map(|(run, _)| Some(run.due_at));
        Ok((runs.iter().map(to_row).collect(), on))
    };
    CsvFile::of_pages(&app.store, Outline { name: format!("schedule-{name}"), header: RUNS, form }, None, read).await
}

fn to_row((run, job): &(Run, Option<JobRow>)) -> Row {
    row![
        run.id,
        run.due_at,
        run.outcome.as_str(),
        run.decided_at,
        &run.decided_by,
        (run.decided_at - run.due_at).num_milliseconds(),
        run.actor.as_ref(),
        run.reason.as_ref(),
        run.job_id.map(|id| id.0),
        job.as_ref().map(|job| job.state.as_str()),
    ]
}
