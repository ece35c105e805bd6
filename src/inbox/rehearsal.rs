//! Rehearsing replays: what interpreting events again would do now, found out by doing it in transactions that are undone.

use super::actions::{self, Rehearsal};
use super::interpreters::{self, Reading};
use super::list_queries::{self as list, ReceiptSummary};
use super::model::ReceiptId;
use crate::app::App;
use crate::db::{Conn, Tx, WriteError};
use crate::{Error, Result};

/// A receipt with what a replay would do. Err: it would fail, in words.
pub type Rehearsed = (ReceiptSummary, std::result::Result<Rehearsal, String>);

/// Rehearses each of these, oldest first: as they came. One after the other, so that nobody else waits for more than one.
pub async fn of(app: &App, ids: Vec<ReceiptId>) -> Result<Vec<Rehearsed>> {
    let receipts = app.store.read(move |conn: &mut Conn| -> Result<_> { Ok(list::summaries(conn, &ids)?) }).await?;
    let mut rehearsed = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        let told = rehearse(app, receipt.id).await?;
        rehearsed.push((receipt, told));
    }
    Ok(rehearsed)
}

async fn rehearse(app: &App, id: ReceiptId) -> Result<std::result::Result<Rehearsal, String>> {
    let (now, reader) = (app.clock.now(), app.clone());
    let rehearse = move |tx: &mut Tx<'_>| {
        let reading = Reading { choice: interpreters::of, stripe: &reader.config.stripe };
        actions::rehearse(tx, now, id, reading)
    };
    let cause = match app.store.write("inbox.rehearse", &id.subject(), rehearse).await {
        Ok(rehearsal) => return Ok(Ok(rehearsal)),
        // What the database refuses of one event must not hide what becomes of the others.
        Err(WriteError::NotWritten(why)) => return Ok(Err(format!("The database does not take it: {why}"))),
        Err(cause) => Error::from(cause),
    };
    match cause {
        Error::Unavailable(_) => Err(cause),
        Error::Internal(cause) => Ok(Err(format!("{cause:#}"))),
        other => Ok(Err(other.to_string())),
    }
}
