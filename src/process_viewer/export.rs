//! The list of processes as a file.

use super::views::Fleet;
use crate::web::csv::{Outline, row};
use crate::web::{CsvFile, ListForm};

const HEADER: &[&str] =
    &["id", "host", "roles", "version", "started_at", "heartbeat_at", "silent", "jobs_in_flight", "clock_ahead_ms", "answers"];

/// The file, those heard of last first.
pub fn csv(fleet: &Fleet, form: ListForm) -> CsvFile {
    let rows = fleet.processes.iter().map(|process| {
        row![
            &process.id,
            &process.host,
            &process.role,
            &process.version,
            process.started_at,
            process.heartbeat_at,
            fleet.is_silent(process),
            fleet.held(process),
            process.clock_ahead_ms,
            process.id == fleet.own_id,
        ]
    });
    CsvFile::whole(Outline { name: "processes".into(), header: HEADER, form }, &rows.collect::<Vec<_>>())
}
