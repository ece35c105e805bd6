//! What is written down of an attempt.

use diesel::prelude::*;

use super::kind::JobId;
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::job_attempts;
use crate::http::Exchange;
use crate::integrations::FailureClass;
use crate::on_backend;

/// A row of `job_attempts` to be.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = job_attempts)]
pub(super) struct NewAttempt<'a> {
    pub job_id: JobId,
    pub line_id: &'a str,
    pub attempt: i64,
    pub process_id: &'a str,
    pub started_at: UtcTime,
    pub finished_at: UtcTime,
    pub outcome: &'a str,
    pub class: Option<FailureClass>,
    pub message: Option<&'a str>,
    pub provider: Option<&'a str>,
    pub provider_call: Option<&'a str>,
    pub provider_status: Option<i64>,
    pub provider_ms: Option<i64>,
    pub provider_request_id: Option<&'a str>,
    pub request: Option<&'a str>,
    pub response: Option<&'a str>,
    pub calls: Option<&'a str>,
}

impl<'a> NewAttempt<'a> {
    /// The attempt that is under way on this row and ends now; its outcome is still to be said.
    pub(super) fn of(row: &'a JobRow, process_id: &'a str, now: UtcTime) -> Self {
        Self {
            job_id: row.id,
            line_id: &row.line_id,
            attempt: row.attempts + 1,
            process_id,
            started_at: row.started_at.unwrap_or(now),
            finished_at: now,
            outcome: "",
            class: None,
            message: None,
            provider: None,
            provider_call: None,
            provider_status: None,
            provider_ms: None,
            provider_request_id: None,
            request: None,
            response: None,
            calls: None,
        }
    }

    /// The same with the call it made.
    pub(super) fn with_exchange(self, exchange: Option<&'a Exchange>) -> Self {
        let Some(call) = exchange else { return self };
        Self {
            provider: Some(call.provider),
            provider_call: Some(&call.call),
            provider_status: call.status.map(i64::from),
            provider_ms: Some(call.duration_ms),
            provider_request_id: call.request_id.as_deref(),
            request: Some(&call.request),
            response: Some(&call.response),
            ..self
        }
    }
}

/// Writes them down.
pub(super) fn insert(conn: &mut Conn, rows: Vec<NewAttempt<'_>>) -> QueryResult<()> {
    if rows.is_empty() {
        return Ok(());
    }
    on_backend!(conn, |c| diesel::insert_into(job_attempts::table).values(&rows).execute(c)).map(drop)
}
