//! A run as pages show it: what was decided, how late, and what became of its job.

use serde_json::{Value, json};

use super::queries::Told;
use crate::outbox::JobRow;
use crate::outbox::schedules::{Run, RunOutcome};
use crate::timeline::story;
use crate::web::parts::Pill;
use crate::web::{Stamp, Times, format};

/// A row of the last runs.
pub struct RunLine {
    pub id: i64,
    pub due: Stamp,
    pub outcome: Pill,
    /// Who asked for it or paused it, and why; or how late it was.
    pub note: String,
    pub job: Option<JobLine>,
}

/// The job of a run.
pub struct JobLine {
    pub id: i64,
    /// None: the job is no longer kept.
    pub pill: Option<Pill>,
}

impl RunLine {
    /// Puts one together.
    pub fn new((run, job): &(Run, Option<JobRow>), told: &Told, times: Times) -> Self {
        Self {
            id: run.id,
            due: times.with_offset(run.due_at),
            outcome: Pill::of(label(run.outcome)),
            note: note(run, told),
            job: run.job_id.map(|id| JobLine { id: id.0, pill: job.as_ref().map(|job| Pill::of(job.shown_state())) }),
        }
    }
}

/// What was decided, in a word.
pub fn label(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Fired => "Fired",
        RunOutcome::ByHand => "By hand",
        RunOutcome::Overlapped => "Overlapped",
        RunOutcome::Paused => "Paused",
        RunOutcome::Missed => "Missed",
    }
}

fn note(run: &Run, told: &Told) -> String {
    let late = run.decided_at - run.due_at;
    let who = run.actor.as_deref().map(|actor| story::who(actor, &told.people)).unwrap_or_default();
    let why = run.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match run.outcome {
        RunOutcome::Fired if late.num_seconds() < 1 => "on time".into(),
        RunOutcome::Fired => format!("{} late", format::duration(late)),
        RunOutcome::ByHand => format!("asked for by {who}{why}"),
        RunOutcome::Overlapped => "skipped: the run before had not ended".into(),
        RunOutcome::Paused => format!("paused by {who}{why}"),
        RunOutcome::Missed => format!("no process ran; found {} later", format::duration(late)),
    }
}

/// The same for programs.
pub fn to_json((run, job): &(Run, Option<JobRow>)) -> Value {
    let job = run.job_id.map(|id| json!({ "id": id, "state": job.as_ref().map(|job| job.state) }));
    json!({
        "due_at": run.due_at.and_utc(), "outcome": run.outcome, "decided_at": run.decided_at.and_utc(), "decided_by": run.decided_by,
        "late_ms": (run.decided_at - run.due_at).num_milliseconds(), "actor": run.actor, "reason": run.reason, "job": job,
    })
}
