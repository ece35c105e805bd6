//! The list of schedules, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::queries::Told;
use super::run_views::{self, RunLine, label};
use crate::clock::UtcTime;
use crate::outbox::schedules::{RunOutcome, Schedule};
use crate::outbox::{JobRow, JobState};
use crate::timeline::story;
use crate::web::parts::{Exports, Pill};
use crate::web::{Shell, Stamp, Times, format};

/// The list.
#[derive(Template, WebTemplate)]
#[template(path = "schedules/list.html")]
pub struct ScheduleList {
    pub shell: Shell,
    pub rows: Vec<ScheduleLine>,
    pub exports: Exports,
}

/// A row of the list.
pub struct ScheduleLine {
    pub name: &'static str,
    pub purpose: &'static str,
    pub in_words: String,
    pub cron: String,
    pub zone: &'static str,
    pub pill: Pill,
    /// Who holds it, until when and why; empty where nobody does.
    pub held: String,
    pub last: Option<RunLine>,
    pub strip: Strip,
    /// When it fires by itself next; None where it does not.
    pub next: Option<Stamp>,
    pub next_in: String,
}

/// The last runs as a strip, oldest first, and the same in a sentence.
pub struct Strip {
    pub bars: Vec<Bar>,
    pub label: String,
}

/// One run in the strip.
pub struct Bar {
    pub x: usize,
    pub class: &'static str,
}

impl ScheduleList {
    /// Puts the page together.
    pub fn new(shell: Shell, schedules: &[Schedule], told: &[Told]) -> Self {
        let times = shell.frame.times;
        let rows = schedules.iter().zip(told).map(|(schedule, told)| ScheduleLine::new(schedule, told, times)).collect();
        Self { rows, exports: Exports::of("/schedules"), shell }
    }
}

impl ScheduleLine {
    fn new(schedule: &Schedule, told: &Told, times: Times) -> Self {
        let next = next_firing(schedule, told, times.now);
        Self {
            name: schedule.name(),
            purpose: schedule.purpose(),
            in_words: schedule.in_words(),
            cron: schedule.cron().to_owned(),
            zone: schedule.zone().name(),
            pill: Pill::of(state(told, times.now)),
            held: held(told, times),
            last: told.runs.first().map(|run| RunLine { due: times.stamp(run.0.due_at), ..RunLine::new(run, told, times) }),
            strip: Strip::new(told),
            next: next.map(|at| times.stamp(at)),
            next_in: next.map(|at| times.relative(at)).unwrap_or_default(),
        }
    }
}

/// How a schedule stands, in a word.
pub fn state(told: &Told, now: UtcTime) -> &'static str {
    if told.row.as_ref().is_some_and(|row| row.pause_at(now).is_some()) {
        return "Paused";
    }
    match told.runs.iter().find_map(|(_, job)| job.as_ref()).map(JobRow::shown_state) {
        Some("Done") | None => "On time",
        Some(state) => state,
    }
}

/// When it fires by itself next; None where someone must resume it first.
pub fn next_firing(schedule: &Schedule, told: &Told, now: UtcTime) -> Option<UtcTime> {
    let after = match told.row.as_ref().and_then(|row| row.pause_at(now)) {
        // The moment at which a pause ends is no longer part of it.
        Some(pause) => pause.until? - TimeDelta::seconds(1),
        None => now,
    };
    schedule.next_due(after, 1).first().map(|due| due.at)
}

/// Who holds it, until when and why.
pub fn held(told: &Told, times: Times) -> String {
    let Some(pause) = told.row.as_ref().and_then(|row| row.pause_at(times.now)) else { return String::new() };
    let until = pause.until.map_or_else(|| "until someone resumes it".into(), |until| format!("until {}", times.stamp(until).text));
    let why = pause.reason.map(|reason| format!(": {}", format::ended(&reason))).unwrap_or_else(|| ".".into());
    format!("Paused by {} since {}, {until}{why}", story::who(&pause.by, &told.people), times.stamp(pause.since).text)
}

impl Strip {
    fn new(told: &Told) -> Self {
        let mut counts: Vec<(&'static str, usize)> = Vec::new();
        for (run, _) in &told.runs {
            match counts.iter_mut().find(|(word, _)| *word == label(run.outcome)) {
                Some((_, count)) => *count += 1,
                None => counts.push((label(run.outcome), 1)),
            }
        }
        let words: Vec<_> = counts.iter().map(|(word, count)| format!("{count} {}", word.to_lowercase())).collect();
        let bars =
            told.runs.iter().rev().enumerate().map(|(place, (run, job))| Bar { x: place * 10, class: class(run.outcome, job.as_ref()) });
        Self { bars: bars.collect(), label: format!("Last {}: {}", format::counted(count(told), "run", "runs"), words.join(", ")) }
    }
}

fn count(told: &Told) -> i64 {
    i64::try_from(told.runs.len()).unwrap_or(i64::MAX)
}

fn class(outcome: RunOutcome, job: Option<&JobRow>) -> &'static str {
    match (outcome, job.map(|job| job.state)) {
        (_, Some(JobState::Dead)) => "down",
        (RunOutcome::Missed | RunOutcome::Overlapped, _) | (_, Some(JobState::Uncertain)) => "deg",
        (RunOutcome::Paused, _) | (_, Some(JobState::Cancelled)) => "none",
        _ => "up",
    }
}

/// A schedule for programs: what both the list and the page of one say.
pub fn to_json(schedule: &Schedule, told: &Told, now: UtcTime) -> Value {
    let pause = told.row.as_ref().and_then(|row| row.pause_at(now)).map(|pause| {
        json!({ "by": pause.by, "since": pause.since.and_utc(), "until": pause.until.map(|until| until.and_utc()), "reason": pause.reason })
    });
    json!({
        "name": schedule.name(), "purpose": schedule.purpose(), "cron": schedule.cron(), "zone": schedule.zone().name(),
        "in_words": schedule.in_words(), "paused": pause, "last_run": told.runs.first().map(run_views::to_json),
        "next_due_at": schedule.next_due(now, 1).first().map(|due| due.at.and_utc()),
        "next_firing_at": next_firing(schedule, told, now).map(|at| at.and_utc()),
    })
}
