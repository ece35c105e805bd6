//! What a chunk asks about a job before it touches it: whether another does its work.

use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::jobs;
use crate::outbox::{JobId, JobRow, JobState};

/// Whether another unfinished job carries its unique key.
pub fn has_twin(conn: &mut Conn, row: &JobRow) -> QueryResult<bool> {
    let Some(key) = &row.unique_key else { return Ok(false) };
    let unfinished = jobs::state.eq(JobState::Pending).or(jobs::state.eq(JobState::Running)).or(jobs::state.eq(JobState::Uncertain));
    let twin: Option<JobId> = jobs::table
        .filter(jobs::unique_key.eq(key))
        .filter(unfinished)
        .filter(jobs::id.ne(row.id))
        .select(jobs::id)
        .first(conn)
        .optional()?;
    Ok(twin.is_some())
}
