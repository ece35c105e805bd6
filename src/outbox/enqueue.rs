//! Putting jobs in: always in the transaction of what caused them.

use diesel::prelude::*;

use super::kind::{Job, JobId, JobState, Repeatable};
use super::order;
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Topic, Tx};
use crate::line::LineId;
use crate::{literal_condition, on_backend};

/// A job that carries the unique key may end between two looks at it; a key that changes hands so often is a mistake.
const LOOKS_MAX: usize = 5;

/// A job to be done, with what its row needs besides.
#[derive(Clone, Debug)]
pub struct NewJob<'a, J> {
    pub job: &'a J,
    pub line: &'a LineId,
    /// What it is about: `lead:12`.
    pub subject: &'a str,
    /// At most one unfinished job may carry it.
    pub unique_key: Option<&'a str>,
    /// Jobs with the same key run one at a time, in the order in which they were put in.
    pub order_key: Option<&'a str>,
    /// Not before this moment.
    pub run_at: UtcTime,
}

/// Enqueues the job, or returns the id of the unfinished one that already carries its unique key. One that is just running
/// may have read what it works on before this change: it is marked, and runs once more when it has finished.
pub fn enqueue<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>) -> QueryResult<JobId> {
    let payload = serde_json::to_string(new.job).map_err(|cause| diesel::result::Error::SerializationError(Box::new(cause)))?;
    tx.touch(Topic::Jobs);
    tx.touch(Topic::Ready);
    for _ in 0..LOOKS_MAX {
        if let Some(id) = insert(tx, now, new, &payload)? {
            return Ok(id);
        }
        if let Some(id) = meet_twin(tx, now, new)? {
            return Ok(id);
        }
    }
    Err(diesel::result::Error::NotFound)
}

fn insert<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>, payload: &str) -> QueryResult<Option<JobId>> {
    let place = match new.order_key {
        // Locked before the row gets its id: ids of one key are given in the order of the locks.
        Some(key) => {
            order::lock(tx, now, key)?;
            Some(order::place_for_newcomer(tx.conn(), key)?)
        }
        None => None,
    };
    let row = (
        jobs::kind.eq(J::KIND),
        jobs::lane.eq(J::LANE),
        jobs::state.eq(JobState::Pending),
        jobs::payload.eq(payload),
        jobs::line_id.eq(new.line.as_str()),
        jobs::subject.eq(new.subject),
        jobs::connection.eq(J::CONNECTION),
        jobs::unique_key.eq(new.unique_key),
        jobs::order_key.eq(new.order_key),
        jobs::order_place.eq(place),
        jobs::repeatable.eq(J::REPEATABLE == Repeatable::Always),
        jobs::run_at.eq(new.run_at),
        jobs::attempts.eq(0),
        jobs::attempts_max.eq(J::ATTEMPTS_MAX),
        jobs::provider_failures.eq(0),
        jobs::run_again.eq(false),
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
    match (new.order_key, inserted, place) {
        (Some(key), Some(id), Some(order::BEHIND)) => order::lift(tx, key, id, J::LANE)?,
        // Another carries the unique key: the lock must leave no row behind.
        (Some(key), None, _) => order::settle(tx, key)?,
        _ => {}
    }
    Ok(inserted)
}

/// Marks the unfinished job that carries the key. The UPDATE locks its row: a claim passes it by until this change is
/// committed, so that a run which begins later sees the change, and one that began earlier is followed by another.
fn meet_twin<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>) -> QueryResult<Option<JobId>> {
    let Some(key) = new.unique_key else { return Ok(None) };
    on_backend!(tx.conn(), |c| diesel::update(jobs::table.filter(jobs::unique_key.eq(key)).filter(Unfinished))
        .set((jobs::run_again.eq(AgainIfBegun), jobs::updated_at.eq(now)))
        .returning(jobs::id)
        .get_result(c)
        .optional())
}

literal_condition! {
    /// As the index of unique keys has it.
    Unfinished = "jobs.state IN ('pending', 'running', 'uncertain')"
}
literal_condition! {
    /// A waiting job will see the change when it runs; one that has begun may not.
    AgainIfBegun = "jobs.run_again OR jobs.state <> 'pending'"
}
