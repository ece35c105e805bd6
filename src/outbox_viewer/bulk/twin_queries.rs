//! What a chunk asks about each job before it touches it.

use diesel::prelude::*;

use crate::db::Conn;
use crate::db::schema::jobs;
use crate::outbox::{JobId, JobRow, JobState};

/// The job with this id.
pub fn find_job(conn: &mut Conn, id: JobId) -> QueryResult<Option<JobRow>> {
    jobs::table.filter(jobs::id.eq(id)).select(JobRow::as_select()).first(conn).optional()
}

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
