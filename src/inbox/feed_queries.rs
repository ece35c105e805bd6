//! The SQL about how far the events that a provider keeps have been read.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::event_feeds;
use crate::db::{Conn, Tx};
use crate::on_backend;

/// How far the events of a provider have been read.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = event_feeds, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Feed {
    pub provider: String,
    /// What is older was never asked for, or cannot be had any more.
    pub begins_at: UtcTime,
    /// The newest event before which none is missing.
    pub cursor_id: Option<String>,
    pub cursor_at: Option<UtcTime>,
    /// While there is no cursor, events are walked through from the newest back: the newest becomes the cursor at the end.
    pub walk_newest_id: Option<String>,
    pub walk_newest_at: Option<UtcTime>,
    /// How far back the walk is.
    pub walk_after_id: Option<String>,
    /// When everything there was had been read.
    pub read_at: Option<UtcTime>,
    /// The provider no longer knew our cursor: what came between this moment and what it still has is lost.
    pub gap_from: Option<UtcTime>,
    pub gap_found_at: Option<UtcTime>,
}

impl Feed {
    /// One that nothing was read of.
    pub fn new(provider: &str, begins_at: UtcTime) -> Self {
        Self {
            provider: provider.to_owned(),
            begins_at,
            cursor_id: None,
            cursor_at: None,
            walk_newest_id: None,
            walk_newest_at: None,
            walk_after_id: None,
            read_at: None,
            gap_from: None,
            gap_found_at: None,
        }
    }
}

/// How far it is; None: nobody has read any.
pub fn find(conn: &mut Conn, provider: &str) -> QueryResult<Option<Feed>> {
    event_feeds::table.filter(event_feeds::provider.eq(provider)).select(Feed::as_select()).first(conn).optional()
}

/// Writes down how far it is.
pub fn save(tx: &mut Tx<'_>, feed: &Feed) -> QueryResult<()> {
    let (row, changes) = (feed.clone(), feed.clone());
    on_backend!(tx.conn(), |c| diesel::insert_into(event_feeds::table)
        .values(row)
        .on_conflict(event_feeds::provider)
        .do_update()
        .set(changes)
        .execute(c))
    .map(drop)
}
