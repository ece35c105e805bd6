//! The list of operations as a file.

use super::model::{Operation, OperationId};
use super::operation_queries as operations;
use crate::Result;
use crate::app::App;
use crate::db::Conn;
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm};

const HEADER: &[&str] = &[
    "id",
    "act",
    "subject",
    "filter",
    "state",
    "started_by",
    "reason",
    "total",
    "is_total_floor",
    "done",
    "skipped",
    "refused",
    "created_at",
    "started_at",
    "finished_at",
    "cancelled_by",
    "last_error",
    "job",
    "line_id",
];

/// Operations read at a time.
const ROWS: i64 = 500;

/// The file, newest first.
pub async fn csv(app: &App, form: ListForm, before: Option<OperationId>) -> Result<CsvFile> {
    let read = |conn: &mut Conn, before: Option<OperationId>| -> Result<_> {
        let mut found = operations::page(conn, before, ROWS)?;
        let has_more = i64::try_from(found.len()).is_ok_and(|count| count > ROWS);
        found.truncate(usize::try_from(ROWS).unwrap_or(usize::MAX));
        let on = found.last().filter(|_| has_more).map(|operation| Some(operation.id));
        Ok((found.iter().map(to_row).collect(), on))
    };
    CsvFile::of_pages(&app.store, Outline { name: "operations".into(), header: HEADER, form }, before, read).await
}

fn to_row(operation: &Operation) -> Row {
    row![
        operation.id.0,
        operation.act.as_str(),
        operation.subject.as_str(),
        &operation.filter,
        operation.state.as_str(),
        &operation.started_by,
        operation.reason.as_ref(),
        operation.total,
        operation.is_total_floor,
        operation.done,
        operation.skipped,
        operation.refused,
        operation.created_at,
        operation.started_at,
        operation.finished_at,
        operation.cancelled_by.as_ref(),
        operation.last_error.as_ref(),
        operation.job_id.map(|id| id.0),
        &operation.line_id,
    ]
}
