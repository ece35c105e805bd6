//! Putting jobs in: always in the transaction of what caused them.

use diesel::prelude::*;

use super::kind::{Job, JobId, JobState, Repeatable};
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Topic, Tx};
use crate::line::LineId;
use crate::on_backend;

/// A job to be done, with what its row needs besides.
#[derive(Clone, Debug)]
pub struct NewJob<'a, J> {
    pub job: &'a J,
    pub line: &'a LineId,
    /// What it is about: `lead:12`.
    pub subject: &'a str,
    /// At most one unfinished job may carry it.
    pub unique_key: Option<&'a str>,
    /// Not before this moment.
    pub run_at: UtcTime,
}

/// Enqueues the job, or returns the id of the unfinished one that already carries its unique key.
pub fn enqueue<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>) -> QueryResult<JobId> {
    let payload = serde_json::to_string(new.job).map_err(|cause| diesel::result::Error::SerializationError(Box::new(cause)))?;
    tx.touch(Topic::Jobs);
    let row = (
        jobs::kind.eq(J::KIND),
        jobs::lane.eq(J::LANE),
        jobs::state.eq(JobState::Pending),
        jobs::payload.eq(payload),
        jobs::line_id.eq(new.line.as_str()),
        jobs::subject.eq(new.subject),
        jobs::connection.eq(J::CONNECTION),
        jobs::unique_key.eq(new.unique_key),
        jobs::repeatable.eq(J::REPEATABLE == Repeatable::Always),
        jobs::run_at.eq(new.run_at),
        jobs::attempts.eq(0),
        jobs::attempts_max.eq(J::ATTEMPTS_MAX),
        jobs::provider_failures.eq(0),
        jobs::created_at.eq(now),
        jobs::due_since.eq(now),
        jobs::updated_at.eq(now),
    );
    let inserted: Option<JobId> = on_backend!(tx.conn(), |c| diesel::insert_into(jobs::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(jobs::id)
        .get_result(c)
        .optional())?;
    match (inserted, new.unique_key) {
        (Some(id), _) => Ok(id),
        (None, Some(key)) => twin(tx, key),
        (None, None) => Err(diesel::result::Error::NotFound),
    }
}

/// The unfinished job that carries the key.
fn twin(tx: &mut Tx<'_>, unique_key: &str) -> QueryResult<JobId> {
    let unfinished = [JobState::Pending, JobState::Running, JobState::Uncertain];
    on_backend!(tx.conn(), |c| jobs::table
        .filter(jobs::unique_key.eq(unique_key))
        .filter(jobs::state.eq_any(unfinished))
        .select(jobs::id)
        .first(c))
}
