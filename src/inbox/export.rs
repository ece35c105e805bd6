//! The list of receipts as a file: all that fit the filter, of any length, without what they said.

use serde_json::{Value, json};

use super::filter::ReceiptFilter;
use super::list_queries::{self as list, ReceiptSummary};
use crate::Result;
use crate::app::App;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm};

/// Rows read at a time.
const ROWS: usize = 500;

const HEADER: &[&str] = &[
    "id",
    "received_at",
    "provider",
    "event_type",
    "event_id",
    "object_id",
    "verdict",
    "livemode",
    "state",
    "reason",
    "happened_at",
    "settled_at",
    "duplicates",
    "line_id",
];

/// The file, newest first.
pub async fn csv(app: &App, form: ListForm, filter: ReceiptFilter, place: Place) -> Result<CsvFile> {
    let read = move |conn: &mut Conn, place: Place| -> Result<_> {
        let page = list::page(conn, &filter, place, ROWS)?;
        Ok((page.rows.iter().map(to_row).collect(), page.older))
    };
    CsvFile::of_pages(&app.store, Outline { name: "inbox".into(), header: HEADER, form }, place, read).await
}

fn to_row(receipt: &ReceiptSummary) -> Row {
    row![
        receipt.id.0,
        receipt.received_at,
        &receipt.provider,
        &receipt.event_type,
        &receipt.event_id,
        receipt.object_id.as_ref(),
        receipt.verdict.as_str(),
        receipt.livemode,
        receipt.state.as_str(),
        receipt.reason.as_ref(),
        receipt.happened_at,
        receipt.settled_at,
        receipt.duplicates,
        &receipt.line_id,
    ]
}

/// One for programs.
pub fn to_json(receipt: &ReceiptSummary) -> Value {
    json!({
        "id": receipt.id,
        "provider": receipt.provider,
        "event_type": receipt.event_type,
        "event_id": receipt.event_id,
        "object_id": receipt.object_id,
        "verdict": receipt.verdict,
        "livemode": receipt.livemode,
        "state": receipt.state,
        "reason": receipt.reason,
        "caused": receipt.caused.as_deref().and_then(|caused| serde_json::from_str::<Value>(caused).ok()),
        "received_at": receipt.received_at.and_utc(),
        "happened_at": receipt.happened_at.map(|at| at.and_utc()),
        "settled_at": receipt.settled_at.map(|at| at.and_utc()),
        "duplicates": receipt.duplicates,
        "line_id": receipt.line_id,
    })
}
