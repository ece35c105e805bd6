//! A job as its row holds it.

use diesel::prelude::*;

use super::kind::{JobId, JobState, Lane};
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::integrations::FailureClass;
use crate::line::LineId;

/// A row of `jobs`.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = jobs)]
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub lane: Lane,
    pub state: JobState,
    /// The job itself, as JSON.
    pub payload: String,
    pub line_id: String,
    /// What it is about: `lead:12`.
    pub subject: String,
    /// The provider whose connection it needs.
    pub connection: Option<String>,
    pub unique_key: Option<String>,
    /// As it was when claimed: whether running it again does no harm.
    pub repeatable: bool,
    /// Not before this moment.
    pub run_at: UtcTime,
    /// Failures of the record so far.
    pub attempts: i64,
    pub attempts_max: i64,
    /// Failures of the provider while other calls succeeded in between; three of them count as the record's.
    pub provider_failures: i64,
    /// Whoever holds it may finish the job; each claim draws a new one.
    pub lease_token: Option<i64>,
    pub leased_by: Option<String>,
    /// Why it waits, in words, where it is not for a failure.
    pub waits_for: Option<String>,
    pub last_class: Option<FailureClass>,
    pub last_error: Option<String>,
    pub last_failed_at: Option<UtcTime>,
    /// What came of it, as JSON.
    pub note: Option<String>,
    pub created_at: UtcTime,
    /// When it was enqueued, or last asked for again by a person.
    pub due_since: UtcTime,
    pub started_at: Option<UtcTime>,
    pub finished_at: Option<UtcTime>,
    pub updated_at: UtcTime,
    /// Jobs with the same key run one at a time, in the order of their ids.
    pub order_key: Option<String>,
    /// None holds no place in the order, 0 is the head, 1 waits behind it.
    pub order_place: Option<i64>,
    /// An enqueue met it while it ran: its finish queues it once more.
    pub run_again: bool,
    /// The largest batch it may be part of, after one that failed as a whole.
    pub batch_limit: Option<i64>,
}

impl JobRow {
    /// The line that caused the job.
    pub fn line(&self) -> LineId {
        LineId::from_stored(self.line_id.clone())
    }

    /// What is shown to people.
    pub fn shown_state(&self) -> &'static str {
        shown_state(self.state, self.attempts, self.last_error.is_some())
    }
}

/// The word for a state: a pending job that has failed before is retrying.
pub fn shown_state(state: JobState, attempts: i64, has_failed: bool) -> &'static str {
    match state {
        JobState::Pending if attempts > 0 || has_failed => "Retrying",
        JobState::Pending => "Pending",
        JobState::Running => "Running",
        JobState::Succeeded => "Done",
        JobState::Dead => "Failed",
        JobState::Cancelled => "Cancelled",
        JobState::Uncertain => "Needs a look",
    }
}
