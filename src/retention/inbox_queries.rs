//! What is due of the inbox, and its removal: as [`super::queries`].

use diesel::prelude::*;

use super::rules::Place;
use crate::clock::UtcTime;
use crate::db::schema::{receipts, refused_webhook_counts, refused_webhooks};
use crate::db::{Conn, Tx};
use crate::inbox::model::ReceiptState;
use crate::on_backend;

/// Rows of one chunk.
const ROWS_MAX: i64 = 500;
/// Each may hold a megabyte.
const BODIES_MAX: i64 = 100;

/// Receipts in the order in which they came. One that still waits for its job stays, however long that takes.
pub fn oldest_receipts(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (since, id) = after.unwrap_or_default();
    receipts::table
        .filter(receipts::received_at.lt(before).and(receipts::received_at.ge(since)))
        .filter(receipts::received_at.gt(since).or(receipts::id.gt(id)))
        .filter(receipts::state.ne(ReceiptState::Received))
        .order((receipts::received_at, receipts::id))
        .limit(ROWS_MAX)
        .select((receipts::received_at, receipts::id))
        .load(conn)
}

/// Whole.
pub fn remove_receipts(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let due = receipts::received_at.lt(before).and(receipts::state.ne(ReceiptState::Received));
    on_backend!(tx.conn(), |c| diesel::delete(receipts::table.filter(receipts::id.eq_any(ids)).filter(due)).execute(c))
}

/// Those that still say what they said.
pub fn full_receipts(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (since, id) = after.unwrap_or_default();
    receipts::table
        .filter(receipts::received_at.lt(before).and(receipts::received_at.ge(since)))
        .filter(receipts::received_at.gt(since).or(receipts::id.gt(id)))
        .filter(receipts::state.ne(ReceiptState::Received))
        // As the index has it: those that were emptied are not walked over again.
        .filter(receipts::body.is_not_null())
        .order((receipts::received_at, receipts::id))
        .limit(BODIES_MAX)
        .select((receipts::received_at, receipts::id))
        .load(conn)
}

/// Leaves that they came, and what became of them.
pub fn empty_receipts(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let due = receipts::received_at.lt(before).and(receipts::state.ne(ReceiptState::Received));
    on_backend!(tx.conn(), |c| diesel::update(receipts::table.filter(receipts::id.eq_any(ids)).filter(due))
        .set((
            receipts::headers.eq(None::<String>),
            receipts::body.eq(None::<Vec<u8>>),
            receipts::address.eq(None::<String>),
            receipts::reason.eq(None::<String>),
        ))
        .execute(c))
}

/// Webhooks with a wrong signature.
pub fn remove_refused(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let due = refused_webhooks::table.filter(refused_webhooks::received_at.lt(before));
    let ids: Vec<i64> =
        due.order((refused_webhooks::received_at, refused_webhooks::id)).limit(ROWS_MAX).select(refused_webhooks::id).load(tx.conn())?;
    on_backend!(tx.conn(), |c| diesel::delete(refused_webhooks::table.filter(refused_webhooks::id.eq_any(ids))).execute(c))
}

/// How many of them there were: a handful of rows an hour at most.
pub fn remove_refused_counts(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    diesel::delete(refused_webhook_counts::table.filter(refused_webhook_counts::hour_at.lt(before))).execute(tx.conn())
}
