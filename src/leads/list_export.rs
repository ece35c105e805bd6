//! The list of leads as a file: all that fits the filter, of any length. Personal data leaves the program here, so each file
//! is written down in the audit before its first byte.

use serde_json::json;

use super::filter::LeadFilter;
use super::list_queries::{self as list, LeadSummary};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit::{self, Act};
use crate::db::keyset::Place;
use crate::db::{Conn, Tx};
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
pub async fn csv(app: &App, by: &Viewer, form: ListForm, filter: LeadFilter, place: Place) -> Result<CsvFile> {
    write_down(app, by, &filter).await?;
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

async fn write_down(app: &App, by: &Viewer, filter: &LeadFilter) -> Result<()> {
    let (actor, address, now) = (by.actor(), by.address.ip.to_string(), app.clock.now());
    let asked = json!({ "status": filter.status, "source": filter.source, "text": filter.text });
    let record = move |tx: &mut Tx<'_>| -> Result<()> {
        let act = Act {
            actor: &actor,
            action: "leads.export",
            subject: "leads",
            line: None,
            reason: None,
            before: None,
            after: Some(asked.clone()),
            address: Some(&address),
        };
        Ok(audit::record(tx, now, &act)?)
    };
    Ok(app.store.write("leads.export", "leads.export", record).await?)
}
