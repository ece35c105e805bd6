//! All SQL about the answer to those who write to us.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{replied_addresses, reply_settings, reply_texts};
use crate::db::{Conn, Tx};
use crate::on_backend;

/// An address is answered once in so long.
const ONCE_IN: TimeDelta = TimeDelta::hours(24);

/// What is answered in one language.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = reply_texts)]
pub struct ReplyText {
    /// BCP 47.
    pub language: String,
    pub subject: String,
    /// Plain text; an empty line ends a paragraph.
    pub body: String,
}

/// Whether anybody is answered.
pub fn is_on(conn: &mut Conn) -> QueryResult<bool> {
    Ok(reply_settings::table.filter(reply_settings::id.eq(1)).select(reply_settings::is_on).first(conn).optional()?.unwrap_or(false))
}

/// Every text, by language.
pub fn texts(conn: &mut Conn) -> QueryResult<Vec<ReplyText>> {
    reply_texts::table.order(reply_texts::language).select(ReplyText::as_select()).load(conn)
}

/// The texts, where replies are switched on.
pub fn texts_in_use(conn: &mut Conn) -> QueryResult<Option<Vec<ReplyText>>> {
    if is_on(conn)? { texts(conn).map(Some) } else { Ok(None) }
}

/// Replaces the settings whole.
pub fn keep(tx: &mut Tx<'_>, is_on: bool, texts: &[ReplyText], now: UtcTime) -> QueryResult<()> {
    let row = (reply_settings::id.eq(1_i64), reply_settings::is_on.eq(is_on), reply_settings::changed_at.eq(now));
    let changes = (reply_settings::is_on.eq(is_on), reply_settings::changed_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(reply_settings::table)
        .values(row)
        .on_conflict(reply_settings::id)
        .do_update()
        .set(changes)
        .execute(c))?;
    diesel::delete(reply_texts::table).execute(tx.conn())?;
    for text in texts {
        let row = text.clone();
        on_backend!(tx.conn(), |c| diesel::insert_into(reply_texts::table).values(row).execute(c))?;
    }
    Ok(())
}

/// Takes the day's one answer for an address; false: it was given already. The row decides between two at once.
pub fn claim(tx: &mut Tx<'_>, address_hash: &str, now: UtcTime) -> QueryResult<bool> {
    let row = (replied_addresses::address_hash.eq(address_hash), replied_addresses::replied_at.eq(now));
    let first = on_backend!(tx.conn(), |c| diesel::insert_into(replied_addresses::table).values(row).on_conflict_do_nothing().execute(c))?;
    if first == 1 {
        return Ok(true);
    }
    let long_ago = replied_addresses::table
        .filter(replied_addresses::address_hash.eq(address_hash))
        .filter(replied_addresses::replied_at.le(now - ONCE_IN));
    Ok(diesel::update(long_ago).set(replied_addresses::replied_at.eq(now)).execute(tx.conn())? == 1)
}
