//! What the pages ask of receipts: a page of the list, the types and providers there are, the job of one.

use diesel::prelude::*;

use super::filter::ReceiptFilter;
use super::model::{ReceiptId, ReceiptState, Verdict};
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{jobs, receipts};
use crate::outbox::JobRow;
use crate::{keyset_page, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Types offered in the filter, and told of in the statistics.
pub const TYPES_MAX: usize = 60;

/// A receipt as lists show it: without what it said.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = receipts)]
pub struct ReceiptSummary {
    pub id: ReceiptId,
    pub provider: String,
    pub event_id: String,
    pub event_type: String,
    pub object_id: Option<String>,
    pub verdict: Verdict,
    pub livemode: Option<bool>,
    pub happened_at: Option<UtcTime>,
    pub received_at: UtcTime,
    pub state: ReceiptState,
    pub reason: Option<String>,
    pub caused: Option<String>,
    pub line_id: String,
    pub duplicates: i64,
    pub settled_at: Option<UtcTime>,
}

impl ReceiptSummary {
    /// Its place in the list.
    pub fn key(&self) -> Key {
        Key { at: self.received_at, id: self.id.0 }
    }
}

/// One page of the list, newest first.
pub fn page(conn: &mut Conn, filter: &ReceiptFilter, place: Place, rows_max: usize) -> QueryResult<Page<ReceiptSummary>> {
    let mut query = receipts::table.select(ReceiptSummary::as_select()).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(receipts::state.eq(state));
    }
    if let Some(provider) = &filter.provider {
        query = query.filter(receipts::provider.eq(provider.clone()));
    }
    if let Some(event_type) = &filter.event_type {
        query = query.filter(receipts::event_type.eq(event_type.clone()));
    }
    if let Some(verdict) = filter.verdict {
        query = query.filter(receipts::verdict.eq(verdict));
    }
    if let Some(about) = &filter.about {
        query = match id_of_event(conn, about)? {
            Some(id) => query.filter(receipts::id.eq(id)),
            None => query.filter(receipts::object_id.eq(about.clone())),
        };
    }
    keyset_page!(conn, query, receipts::received_at, receipts::id, place, rows_max, ReceiptSummary::key)
}

/// Whether this is the id of an event; else it is taken for that of an object. Asked apart, so that both find an index.
pub fn id_of_event(conn: &mut Conn, event_id: &str) -> QueryResult<Option<ReceiptId>> {
    for provider in providers(conn)? {
        let this = receipts::table.filter(receipts::provider.eq(provider)).filter(receipts::event_id.eq(event_id));
        if let Some(id) = this.select(receipts::id).first(conn).optional()? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The providers there are, found by hopping along the index instead of reading it.
pub fn providers(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().cloned().unwrap_or_default();
        let next = receipts::table.filter(receipts::provider.gt(after)).order(receipts::provider).select(receipts::provider);
        match next.first::<String>(conn).optional()? {
            Some(provider) => found.push(provider),
            None => return Ok(found),
        }
    }
}

/// The types of events there are, likewise.
pub fn types(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    while found.len() < TYPES_MAX {
        let after = found.last().cloned().unwrap_or_default();
        let next = receipts::table.filter(receipts::event_type.gt(after)).order(receipts::event_type).select(receipts::event_type);
        match next.first::<String>(conn).optional()? {
            Some(event_type) => found.push(event_type),
            None => break,
        }
    }
    Ok(found)
}

/// These receipts, oldest first.
pub fn summaries(conn: &mut Conn, ids: &[ReceiptId]) -> QueryResult<Vec<ReceiptSummary>> {
    on_backend!(conn, |c| receipts::table
        .filter(receipts::id.eq_any(ids))
        .order((receipts::received_at, receipts::id))
        .select(ReceiptSummary::as_select())
        .load(c))
}

/// The last job about a receipt.
pub fn last_job(conn: &mut Conn, id: ReceiptId) -> QueryResult<Option<JobRow>> {
    jobs::table.filter(jobs::subject.eq(id.subject())).order(jobs::id.desc()).select(JobRow::as_select()).first(conn).optional()
}

/// When the newest event came that we did not have to ask for, or one that we did.
pub fn last_at(conn: &mut Conn, provider: &str, verdict: Verdict) -> QueryResult<Option<UtcTime>> {
    receipts::table
        .filter(receipts::provider.eq(provider))
        .filter(receipts::verdict.eq(verdict))
        .order((receipts::received_at.desc(), receipts::id.desc()))
        .select(receipts::received_at)
        .first(conn)
        .optional()
}

/// The first event and the last one of a provider that was pushed to us.
pub fn first_and_last(conn: &mut Conn, provider: &str) -> QueryResult<Option<(ReceiptSummary, ReceiptSummary)>> {
    let of = || receipts::table.filter(receipts::provider.eq(provider.to_owned())).filter(receipts::verdict.eq(Verdict::Verified));
    let first = of().order((receipts::received_at, receipts::id)).select(ReceiptSummary::as_select()).first(conn).optional()?;
    let last =
        of().order((receipts::received_at.desc(), receipts::id.desc())).select(ReceiptSummary::as_select()).first(conn).optional()?;
    Ok(first.zip(last))
}
