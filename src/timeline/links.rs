//! Whose timeline an event stands in: links over events, which never change themselves. An event has one owner.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::clock::UtcTime;
use crate::db::schema::event_links;
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;

/// What a link repeats of its event, so that a timeline is read from the links alone.
#[derive(Clone, Copy, Debug)]
pub struct Linked<'a> {
    pub event_id: i64,
    pub occurred_at: UtcTime,
    pub source: &'a str,
    pub kind: &'a str,
}

/// Puts an event into a timeline (`contact:7`, `company:3`), unless it stands there.
pub fn link(tx: &mut Tx<'_>, owner: &str, event: Linked<'_>) -> QueryResult<usize> {
    tx.touch(Topic::People);
    let row = (
        event_links::owner.eq(owner),
        event_links::occurred_at.eq(event.occurred_at),
        event_links::event_id.eq(event.event_id),
        event_links::source.eq(event.source),
        event_links::kind.eq(event.kind),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(event_links::table).values(row).on_conflict_do_nothing().execute(c))
}

/// Puts all events of a line into a timeline.
pub fn link_line(tx: &mut Tx<'_>, owner: &str, line_id: &str) -> QueryResult<usize> {
    link_all(tx.conn(), "line_id", owner, line_id)
}

/// Puts all events about a subject into a timeline.
pub fn link_subject(tx: &mut Tx<'_>, owner: &str, subject: &str) -> QueryResult<usize> {
    link_all(tx.conn(), "subject", owner, subject)
}

fn link_all(conn: &mut Conn, column: &str, owner: &str, value: &str) -> QueryResult<usize> {
    let text = |first: &str, second: &str| {
        format!(
            "INSERT INTO event_links (owner, occurred_at, event_id, source, kind) \
             SELECT {first}, occurred_at, id, source, kind FROM events WHERE {column} = {second} ON CONFLICT DO NOTHING"
        )
    };
    match conn {
        Conn::Postgres(c) => diesel::sql_query(text("$1", "$2")).bind::<Text, _>(owner).bind::<Text, _>(value).execute(c),
        Conn::Sqlite(c) => diesel::sql_query(text("?1", "?2")).bind::<Text, _>(owner).bind::<Text, _>(value).execute(c),
    }
}
