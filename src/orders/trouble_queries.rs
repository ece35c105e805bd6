//! What staff have to know of orders, for the report of health and the first page. Each question is bounded.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::model::OrderId;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::stripe_objects;
use crate::integrations::stripe::snapshot::{ObjectKind, Status};

/// A count ends here.
pub const COUNT_MAX: i64 = 1_000;
/// What names the order of a payment may come after it.
const JOINS_WITHIN: TimeDelta = TimeDelta::hours(1);
/// Money without an order is told of for so long; its list has it for good.
const TOLD_FOR: TimeDelta = TimeDelta::days(30);

/// A dispute that is open.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Dispute {
    /// None: of a payment without an order.
    pub order: Option<OrderId>,
    /// None: it was answered, or no answer is possible.
    pub respond_by: Option<UtcTime>,
}

/// What needs somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// Open disputes, those to be answered first before all others.
    pub disputes: Vec<Dispute>,
    /// Payments of the last days that came in and belong to no order, up to a limit.
    pub unmatched: i64,
}

/// What needs somebody.
pub fn troubles(conn: &mut Conn, now: UtcTime) -> QueryResult<Troubles> {
    // The kind stands literally: SQLite uses a partial index only where it can read the index's condition.
    let is_dispute = diesel::dsl::sql::<diesel::sql_types::Bool>("kind = 'dispute'");
    let mut disputes: Vec<Dispute> = stripe_objects::table
        .filter(is_dispute)
        .filter(stripe_objects::status.eq(Status::Open))
        .order(stripe_objects::id.desc())
        .limit(COUNT_MAX)
        .select((stripe_objects::order_id, stripe_objects::respond_by))
        .load(conn)?;
    disputes.sort_by_key(|dispute| (dispute.respond_by.is_none(), dispute.respond_by));
    let without: Vec<i64> = stripe_objects::table
        .filter(stripe_objects::order_id.is_null())
        .filter(stripe_objects::event_at.between(now - TOLD_FOR, now - JOINS_WITHIN))
        .filter(stripe_objects::kind.eq(ObjectKind::Payment))
        .filter(stripe_objects::status.eq(Status::Succeeded))
        .select(stripe_objects::id)
        .limit(COUNT_MAX)
        .load(conn)?;
    Ok(Troubles { disputes, unmatched: i64::try_from(without.len()).unwrap_or(COUNT_MAX) })
}
