//! What happened, append-only: every feature records its events here. Whose timeline an event stands in is a link over it (`links`), which
//! the linker of contacts makes; `feed_queries` reads the timelines.

mod feed_api;
mod feed_queries;
pub mod feed_views;
mod filter;
mod kinds;
pub mod links;
mod pages;
pub mod story;

pub use feed_queries::{FeedPage, Told, Whose, leaves_out_members, page};
pub use filter::FeedFilter;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Timestamp};
use serde_json::Value;

use crate::clock::UtcTime;
use crate::db::schema::events;
use crate::db::{Conn, GatheredRow, Tx};
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

/// Records an event; one that is already there stays as it is. Written with those of the whole group (see [`Tx::gather`]):
/// nobody reads the timeline in the transaction that goes on with it.
pub fn record(tx: &mut Tx<'_>, recorded_at: UtcTime, event: &Event<'_>) -> QueryResult<()> {
    tx.gather(NewEvent::of(recorded_at, event));
    Ok(())
}

/// Records an event at once and tells its id, for the few that are linked in the transaction that makes them.
pub fn record_now(tx: &mut Tx<'_>, recorded_at: UtcTime, event: &Event<'_>) -> QueryResult<i64> {
    let row = NewEvent::of(recorded_at, event);
    diesel::insert_into(events::table).values(row).returning(events::id).get_result(tx.conn())
}

/// The pages of the timeline and its feed for programs.
pub fn routes() -> Vec<rocket::Route> {
    [pages::routes(), feed_api::routes()].concat()
}

#[derive(Insertable)]
#[diesel(table_name = events)]
struct NewEvent {
    line_id: String,
    source: &'static str,
    source_event_id: String,
    kind: &'static str,
    subject: String,
    occurred_at: UtcTime,
    recorded_at: UtcTime,
    data: String,
}

impl NewEvent {
    fn of(recorded_at: UtcTime, event: &Event<'_>) -> Self {
        Self {
            line_id: event.line.to_string(),
            source: event.source,
            source_event_id: event.source_event_id.to_owned(),
            kind: event.kind,
            subject: event.subject.to_owned(),
            occurred_at: event.occurred_at,
            recorded_at,
            data: event.data.to_string(),
        }
    }
}

impl GatheredRow for NewEvent {
    fn insert_all(conn: &mut Conn, rows: Vec<Self>) -> QueryResult<()> {
        match conn {
            // One statement of one text, however many they are: a round trip each is what a group of requests costs most.
            Conn::Postgres(c) if rows.len() > 1 => insert_together(c, &rows),
            conn => rows.into_iter().try_for_each(|row| {
                on_backend!(conn, |c| diesel::insert_into(events::table).values(row).on_conflict_do_nothing().execute(c)).map(drop)
            }),
        }
    }
}

fn insert_together(conn: &mut PgConnection, rows: &[NewEvent]) -> QueryResult<()> {
    let texts = |of: fn(&NewEvent) -> &str| rows.iter().map(of).collect::<Vec<_>>();
    diesel::sql_query(
        "INSERT INTO events (line_id, source, source_event_id, kind, subject, data, occurred_at, recorded_at) \
         SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
    )
    .bind::<Array<Text>, _>(texts(|row| &row.line_id))
    .bind::<Array<Text>, _>(texts(|row| row.source))
    .bind::<Array<Text>, _>(texts(|row| &row.source_event_id))
    .bind::<Array<Text>, _>(texts(|row| row.kind))
    .bind::<Array<Text>, _>(texts(|row| &row.subject))
    .bind::<Array<Text>, _>(texts(|row| &row.data))
    .bind::<Array<Timestamp>, _>(rows.iter().map(|row| row.occurred_at).collect::<Vec<_>>())
    .bind::<Array<Timestamp>, _>(rows.iter().map(|row| row.recorded_at).collect::<Vec<_>>())
    .execute(conn)
    .map(drop)
}
