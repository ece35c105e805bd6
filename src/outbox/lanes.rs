//! Jobs that go in another lane than their kind's: a backlog of thousands that must not stand before what comes today.

use diesel::prelude::*;

use super::enqueue::{NewJob, enqueue_all};
use super::kind::{Job, JobId, JobState, Lane};
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::db::schema::jobs;
use crate::on_backend;

/// Has a waiting job go in this lane.
pub fn move_to_lane(tx: &mut Tx<'_>, id: JobId, lane: Lane) -> QueryResult<()> {
    let waiting = jobs::table.filter(jobs::id.eq(id)).filter(jobs::state.eq(JobState::Pending));
    diesel::update(waiting).set(jobs::lane.eq(lane)).execute(tx.conn()).map(drop)
}

/// As `enqueue_all`, in this lane. A job that was there already and carries the unique key stays in the lane it has.
pub fn enqueue_in_lane<J: Job>(tx: &mut Tx<'_>, now: UtcTime, lane: Lane, all: &[NewJob<'_, J>]) -> QueryResult<Vec<JobId>> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let ids = enqueue_all(tx, now, all)?;
    on_backend!(tx.conn(), |c| diesel::update(jobs::table.filter(jobs::id.eq_any(&ids)))
        .filter(jobs::state.eq(JobState::Pending).and(jobs::created_at.eq(now)))
        .set(jobs::lane.eq(lane))
        .execute(c))?;
    Ok(ids)
}
