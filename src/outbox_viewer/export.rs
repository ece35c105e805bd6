//! The list of jobs as a file. Error texts may name people, so each file, and each page of the list for a program, is written
//! down in the audit before its first byte.

use std::collections::BTreeMap;

use serde_json::json;

use super::selection::Selection;
use super::walk_queries::{self, PIECE};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::db::Conn;
use crate::outbox::{JobId, JobRow};
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm};

const HEADER: &[&str] = &[
    "id",
    "kind",
    "lane",
    "state",
    "subject",
    "connection",
    "attempts",
    "attempts_max",
    "last_class",
    "last_error",
    "created_at",
    "run_at",
    "started_at",
    "finished_at",
    "updated_at",
    "line_id",
];

/// The file, newest first.
pub async fn csv(app: &App, form: ListForm, selection: Selection, before: Option<JobId>) -> Result<CsvFile> {
    let now = app.clock.now();
    let read = move |conn: &mut Conn, before: Option<JobId>| -> Result<_> {
        let walked = walk_queries::older(conn, &selection, before, now, PIECE)?;
        let rows = walk_queries::rows(conn, &walked.ids)?;
        Ok((rows.iter().map(to_row).collect(), walked.on.map(Some)))
    };
    CsvFile::of_pages(&app.store, Outline { name: "outbox".into(), header: HEADER, form }, before, read).await
}

fn to_row(job: &JobRow) -> Row {
    row![
        job.id.0,
        &job.kind,
        job.lane.as_str(),
        job.state.as_str(),
        &job.subject,
        job.connection.as_ref(),
        job.attempts,
        job.attempts_max,
        job.last_class.map(|class| class.as_str()),
        job.last_error.as_ref(),
        job.created_at,
        job.run_at,
        job.started_at,
        job.finished_at,
        job.updated_at,
        &job.line_id,
    ]
}

/// Writes down who takes which jobs along.
pub async fn write_down(app: &App, by: &Viewer, form: ListForm, selection: &Selection) -> Result<()> {
    let given = selection.pairs().into_iter().filter(|(_, value)| !value.is_empty());
    let asked: BTreeMap<&str, &str> = given.chain([("format", form.shape.as_str())]).collect();
    audit::record_taken(app, by.takes_along("jobs.export", "outbox", json!(asked))).await
}
