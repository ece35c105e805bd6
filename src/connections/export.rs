//! The list of connections as a file: one row for each limit of each connection, since a connection may have several.

use super::views::Told;
use crate::clock::UtcTime;
use crate::outbox::limits::Window;
use crate::outbox::pauses::Scope;
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm};

const HEADER: &[&str] = &[
    "connection",
    "state",
    "state_reason",
    "paused",
    "blocked_until",
    "blocked_reason",
    "failures_in_a_row",
    "last_success_at",
    "calls_at_once_max",
    "calls_under_way",
    "window_s",
    "window_calls_max",
    "window_calls_used",
];

/// The file.
pub fn csv(told: &[Told], form: ListForm, now: UtcTime) -> CsvFile {
    let rows: Vec<Row> = told.iter().flat_map(|told| rows(told, now)).collect();
    CsvFile::whole(Outline { name: "connections".into(), header: HEADER, form }, &rows)
}

fn rows(told: &Told, now: UtcTime) -> Vec<Row> {
    let (summary, gauge) = (told.summary.as_ref(), told.gauge.as_ref());
    let blocked_until = summary.and_then(|summary| summary.blocked_until).filter(|until| *until > now);
    let windows: Vec<_> = gauge.map(|gauge| gauge.windows.iter().map(Some).collect()).unwrap_or_default();
    let windows = if windows.is_empty() { vec![None] } else { windows };
    let row = |window: Option<&(Window, i64)>| {
        row![
            told.provider,
            summary.map(|summary| summary.state.as_str()),
            summary.and_then(|summary| summary.state_reason.as_ref()),
            told.held.is_held(Scope::Connection, told.provider),
            blocked_until,
            blocked_until.and(summary).and_then(|summary| summary.blocked_reason.as_ref()),
            told.breaker.as_ref().map(|breaker| breaker.failures_in_a_row),
            summary.and_then(|summary| summary.last_success_at),
            gauge.map(|gauge| gauge.at_once),
            gauge.map(|gauge| gauge.under_way),
            window.map(|(window, _)| window.seconds),
            window.map(|(window, _)| window.calls),
            window.map(|(_, used)| *used),
        ]
    };
    windows.into_iter().map(row).collect()
}
