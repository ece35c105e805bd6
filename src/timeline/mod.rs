//! What happened, append-only: every feature records its events here.

pub mod story;

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::UtcTime;
use crate::db::Tx;
use crate::db::schema::events;
use crate::line::LineId;
use crate::on_backend;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub line: &'a LineId,
    /// `intake`, `zoho`, `staff`.
    pub source: &'static str,
    /// The source's own id of the event; the same id is recorded once.
    pub source_event_id: &'a str,
    /// `lead.received`, `lead.sent`.
    pub kind: &'static str,
    /// `lead:12`.
    pub subject: &'a str,
    pub occurred_at: UtcTime,
    pub data: Value,
}

/// Records an event; one that is already there stays as it is.
pub fn record(tx: &mut Tx<'_>, recorded_at: UtcTime, event: &Event<'_>) -> QueryResult<()> {
    let row = (
        events::line_id.eq(event.line.as_str()),
        events::source.eq(event.source),
        events::source_event_id.eq(event.source_event_id),
        events::kind.eq(event.kind),
        events::subject.eq(event.subject),
        events::occurred_at.eq(event.occurred_at),
        events::recorded_at.eq(recorded_at),
        events::data.eq(event.data.to_string()),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(events::table).values(row).on_conflict_do_nothing().execute(c)).map(drop)
}
