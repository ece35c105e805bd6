//! The list of leads as a file: all that fits the filter, of any length. Personal data leaves the program here, so each file, and
//! each page of the list for a program, is written down in the audit before its first byte.

use serde_json::json;

use super::filter::LeadFilter;
use super::list_queries::{self as list, LeadSummary};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm};

/// Rows read at a time.
const ROWS: usize = 500;

const HEADER: &[&str] = &[
    "id",
    "received_at",
    "kind",
    "source",
    "name",
    "company",
    "email",
    "phone",
    "status",
    "retry_count",
    "last_error",
    "processed_at",
    "zoho_lead_id",
    "line_id",
];

/// The file, newest first.
pub async fn csv(app: &App, form: ListForm, filter: LeadFilter, place: Place) -> Result<CsvFile> {
    let read = move |conn: &mut Conn, place: Place| -> Result<_> {
        let found = list::page(conn, &filter, place, ROWS)?;
        let on = found.page.older.or_else(|| found.searched.and_then(|searched| searched.on));
        Ok((found.page.rows.iter().map(to_row).collect(), on))
    };
    CsvFile::of_pages(&app.store, Outline { name: "leads".into(), header: HEADER, form }, place, read).await
}

fn to_row(lead: &LeadSummary) -> Row {
    row![
        lead.id.0,
        lead.received_at,
        lead.kind.as_str(),
        &lead.source,
        &lead.name,
        lead.company.as_ref(),
        lead.email.as_ref(),
        lead.phone.as_ref(),
        lead.status.as_str(),
        lead.retry_count,
        lead.last_error.as_ref(),
        lead.processed_at,
        lead.zoho_lead_id.as_ref(),
        &lead.line_id,
    ]
}

/// Writes down who takes which leads along.
pub async fn write_down(app: &App, by: &Viewer, form: ListForm, filter: &LeadFilter) -> Result<()> {
    let asked = json!({ "format": form.shape.as_str(), "status": filter.status, "source": filter.source, "text": filter.text });
    audit::record_taken(app, by.takes_along("leads.export", "leads", asked)).await
}
