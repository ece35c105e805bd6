//! Walking over all receipts that fit a filter, oldest first, for what is done to all of them: along the one index that narrows
//! most, so many at a time; the rest of the filter is looked at here, so that a read never goes on until something fits.

use diesel::prelude::*;

use super::filter::ReceiptFilter;
use super::list_queries;
use super::model::{ReceiptId, ReceiptState, Verdict};
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::Key;
use crate::db::schema::receipts;

/// What is looked at of a receipt.
#[derive(Clone, Debug, Queryable)]
pub struct Look {
    pub id: ReceiptId,
    pub received_at: UtcTime,
    pub state: ReceiptState,
    provider: String,
    event_type: String,
    verdict: Verdict,
    event_id: String,
    object_id: Option<String>,
    has_body: bool,
}

impl Look {
    /// Its place in the walk.
    pub fn key(&self) -> Key {
        Key { at: self.received_at, id: self.id.0 }
    }

    /// Whether a replay of all that fit would meet it: one that waits for its job is not replayed, nor one whose content was removed.
    pub fn is_met_by(&self, filter: &ReceiptFilter) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let is_about = |about: &String| *about == self.event_id || Some(about) == self.object_id.as_ref();
        self.has_body
            && self.state != ReceiptState::Received
            && filter.state.is_none_or(|state| state == self.state)
            && is(&filter.provider, &self.provider)
            && is(&filter.event_type, &self.event_type)
            && filter.verdict.is_none_or(|verdict| verdict == self.verdict)
            && filter.about.as_ref().is_none_or(is_about)
    }
}

/// How far a replay must know a receipt before it begins.
#[derive(Clone, Debug, Queryable)]
pub struct Standing {
    pub state: ReceiptState,
    pub settled_at: Option<UtcTime>,
    pub has_body: bool,
}

/// The same of one, by its id.
pub fn standing(conn: &mut Conn, id: ReceiptId) -> QueryResult<Option<Standing>> {
    let asked = (receipts::state, receipts::settled_at, receipts::body.is_not_null());
    receipts::table.filter(receipts::id.eq(id)).select(asked).first(conn).optional()
}

/// The highest id there is.
pub fn id_max(conn: &mut Conn) -> QueryResult<Option<i64>> {
    receipts::table.order(receipts::id.desc()).select(receipts::id).first(conn).map(|id: ReceiptId| id.0).optional()
}

/// The next receipts after a place, along one index: so many, whether they fit or not.
pub fn oldest(conn: &mut Conn, filter: &ReceiptFilter, after: Option<Key>, most: usize) -> QueryResult<Vec<Look>> {
    let mut query = receipts::table
        .select((
            receipts::id,
            receipts::received_at,
            receipts::state,
            receipts::provider,
            receipts::event_type,
            receipts::verdict,
            receipts::event_id,
            receipts::object_id,
            receipts::body.is_not_null(),
        ))
        .into_boxed();
    if let Some(about) = &filter.about {
        query = match list_queries::id_of_event(conn, about)? {
            Some(id) => query.filter(receipts::id.eq(id)),
            None => query.filter(receipts::object_id.eq(about.clone())),
        };
    } else if let Some(state) = filter.state {
        query = query.filter(receipts::state.eq(state));
    } else if let Some(event_type) = &filter.event_type {
        query = query.filter(receipts::event_type.eq(event_type.clone()));
    } else if let (Some(provider), Some(verdict)) = (&filter.provider, filter.verdict) {
        query = query.filter(receipts::provider.eq(provider.clone())).filter(receipts::verdict.eq(verdict));
    }
    if let Some(key) = after {
        query = query.filter(receipts::received_at.ge(key.at).and(receipts::received_at.gt(key.at).or(receipts::id.gt(key.id))));
    }
    query.order((receipts::received_at, receipts::id)).limit(i64::try_from(most).unwrap_or(i64::MAX)).load(conn)
}
