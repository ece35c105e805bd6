//! The SQL by which receipts come in, are interpreted and replayed. Lists have their own (`list_queries`).

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamp};

use super::model::{Incoming, Receipt, ReceiptId, ReceiptState, Stored, Verdict};
use crate::clock::UtcTime;
use crate::db::schema::receipts;
use crate::db::{Conn, Tx, json_text};
use crate::on_backend;

#[derive(Insertable)]
#[diesel(table_name = receipts, treat_none_as_default_value = false)]
struct NewReceipt<'a> {
    provider: &'static str,
    event_id: &'a str,
    event_type: &'a str,
    object_id: Option<&'a str>,
    verdict: Verdict,
    livemode: Option<bool>,
    account: Option<&'a str>,
    api_version: Option<&'a str>,
    headers: &'a str,
    body: &'a [u8],
    size_bytes: i64,
    address: Option<&'a str>,
    happened_at: Option<UtcTime>,
    received_at: UtcTime,
    state: ReceiptState,
    reason: Option<&'a str>,
    line_id: &'a str,
    duplicates: i64,
    settled_at: Option<UtcTime>,
}

/// Keeps an event; None: it is there already. Of two requests with the same event at once one keeps it, and the other waits
/// for that one's commit before it learns so.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, incoming: &Incoming) -> QueryResult<Option<Stored>> {
    let state = if incoming.refusal.is_some() { ReceiptState::Refused } else { ReceiptState::Received };
    let row = NewReceipt {
        provider: incoming.provider,
        event_id: &incoming.event_id,
        event_type: &incoming.event_type,
        object_id: incoming.object_id.as_deref(),
        verdict: incoming.verdict,
        livemode: incoming.livemode,
        account: incoming.account.as_deref(),
        api_version: incoming.api_version.as_deref(),
        headers: &incoming.headers,
        body: &incoming.body,
        size_bytes: i64::try_from(incoming.body.len()).unwrap_or(i64::MAX),
        address: incoming.address.as_deref(),
        happened_at: incoming.happened_at,
        received_at: now,
        state,
        reason: incoming.refusal.as_deref(),
        line_id: incoming.line.as_str(),
        duplicates: 0,
        settled_at: incoming.refusal.as_ref().map(|_| now),
    };
    let id: Option<ReceiptId> = on_backend!(tx.conn(), |c| diesel::insert_into(receipts::table)
        .values(row)
        .on_conflict((receipts::provider, receipts::event_id))
        .do_nothing()
        .returning(receipts::id)
        .get_result(c)
        .optional())?;
    Ok(id.map(|id| Stored { id, state, is_duplicate: false }))
}

/// Counts that an event came again. What was only read by us before is verified from then on.
pub fn count_duplicate(tx: &mut Tx<'_>, now: UtcTime, incoming: &Incoming) -> QueryResult<Option<Stored>> {
    let this = receipts::table.filter(receipts::provider.eq(incoming.provider)).filter(receipts::event_id.eq(&incoming.event_id));
    let found: Option<(ReceiptId, ReceiptState)> = diesel::update(this)
        .set((receipts::duplicates.eq(receipts::duplicates + 1), receipts::seen_again_at.eq(now), receipts::verdict.eq(incoming.verdict)))
        .returning((receipts::id, receipts::state))
        .get_result(tx.conn())
        .optional()?;
    Ok(found.map(|(id, state)| Stored { id, state, is_duplicate: true }))
}

/// The receipt, whole.
pub fn find(conn: &mut Conn, id: ReceiptId) -> QueryResult<Option<Receipt>> {
    receipts::table.filter(receipts::id.eq(id)).select(Receipt::as_select()).first(conn).optional()
}

/// Those there are of these, locked until the end of the transaction on PostgreSQL: of two who would interpret one the second waits,
/// and then sees that it is settled.
pub fn lock(tx: &mut Tx<'_>, ids: &[ReceiptId]) -> QueryResult<BTreeMap<ReceiptId, Receipt>> {
    // In one order, so that two who lock several do not wait for each other.
    let these = receipts::table.filter(receipts::id.eq_any(ids)).order(receipts::id);
    let found: Vec<Receipt> = match tx.conn() {
        Conn::Postgres(c) => these.select(Receipt::as_select()).for_update().load(c)?,
        Conn::Sqlite(c) => these.select(Receipt::as_select()).load(c)?,
    };
    Ok(found.into_iter().map(|receipt| (receipt.id, receipt)).collect())
}

/// The last word on a receipt.
pub struct Settled {
    pub id: ReceiptId,
    pub state: ReceiptState,
    pub reason: Option<String>,
    /// JSON.
    pub caused: Option<String>,
}

/// Writes down what was made of receipts.
pub fn settle(tx: &mut Tx<'_>, now: UtcTime, words: &[Settled]) -> QueryResult<()> {
    const SET: &str = "UPDATE receipts SET state = said.state, reason = said.reason, caused = said.caused, settled_at = ";
    match tx.conn() {
        Conn::Postgres(c) => diesel::sql_query(format!(
            "{SET} $1 FROM unnest($2, $3, $4, $5) AS said (id, state, reason, caused) WHERE receipts.id = said.id"
        ))
        .bind::<Timestamp, _>(now)
        .bind::<Array<BigInt>, _>(words.iter().map(|word| word.id.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(words.iter().map(|word| word.state.as_str()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(words.iter().map(|word| word.reason.as_deref()).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(words.iter().map(|word| word.caused.as_deref()).collect::<Vec<_>>())
        .execute(c),
        Conn::Sqlite(c) => {
            let said: Vec<_> = words.iter().map(|word| (word.id.0, word.state.as_str(), &word.reason, &word.caused)).collect();
            let said = json_text(&said)?;
            diesel::sql_query(format!(
                "{SET} ? FROM (SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS reason, value ->> 3 AS caused \
                 FROM json_each(?)) AS said WHERE receipts.id = said.id"
            ))
            .bind::<Timestamp, _>(now)
            .bind::<Text, _>(said)
            .execute(c)
        }
    }
    .map(drop)
}

/// Its job has failed for good, or a person has given it up; one that was interpreted all the same stays as it is.
pub fn mark_failed(tx: &mut Tx<'_>, now: UtcTime, id: ReceiptId, why: &str) -> QueryResult<usize> {
    diesel::update(receipts::table.filter(receipts::id.eq(id)).filter(receipts::state.eq(ReceiptState::Received)))
        .set((receipts::state.eq(ReceiptState::Failed), receipts::reason.eq(why), receipts::settled_at.eq(now)))
        .execute(tx.conn())
}

/// It is to be interpreted again. What it caused before stays told until then.
pub fn reopen(tx: &mut Tx<'_>, id: ReceiptId, from: ReceiptState) -> QueryResult<usize> {
    diesel::update(receipts::table.filter(receipts::id.eq(id)).filter(receipts::state.eq(from)))
        .set((receipts::state.eq(ReceiptState::Received), receipts::reason.eq(None::<String>), receipts::settled_at.eq(None::<UtcTime>)))
        .execute(tx.conn())
}
