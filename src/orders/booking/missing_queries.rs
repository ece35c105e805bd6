//! Which paid orders nobody has asked to be booked.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::due;
use crate::db::Conn;
use crate::db::schema::{booking_steps, orders};
use crate::on_backend;
use crate::orders::queries::by_ids;
use crate::orders::{OrderId, OrderState};

/// Orders looked at by one question.
const WINDOW: i64 = 1_000;
/// The newest paid orders among which the report of health counts.
const COUNTED_AMONG: i64 = 1_000;

/// Paid orders behind this one that nobody asked to be booked, and where the next look begins; None: that was the end.
pub fn window(conn: &mut Conn, after: OrderId) -> QueryResult<(Vec<OrderId>, Option<OrderId>)> {
    let ids: Vec<OrderId> = orders::table.filter(orders::id.gt(after)).order(orders::id).limit(WINDOW).select(orders::id).load(conn)?;
    let last = ids.last().copied().filter(|_| i64::try_from(ids.len()) == Ok(WINDOW));
    Ok((missing(conn, &ids)?, last))
}

/// How many of the newest paid orders nobody asked to be booked.
pub fn count(conn: &mut Conn) -> QueryResult<i64> {
    let newest = orders::table.filter(orders::state.eq(OrderState::Paid)).order((orders::placed_at.desc(), orders::id.desc()));
    let ids: Vec<OrderId> = newest.limit(COUNTED_AMONG).select(orders::id).load(conn)?;
    Ok(i64::try_from(missing(conn, &ids)?.len()).unwrap_or(COUNTED_AMONG))
}

/// Whole orders are read only where nobody asked: as a rule those are none.
fn missing(conn: &mut Conn, ids: &[OrderId]) -> QueryResult<Vec<OrderId>> {
    let mut missing = Vec::new();
    for some in ids.chunks(500) {
        let asked: BTreeSet<OrderId> = on_backend!(conn, |c| booking_steps::table
            .filter(booking_steps::order_id.eq_any(some))
            .select(booking_steps::order_id)
            .distinct()
            .load(c))?
        .into_iter()
        .collect();
        let unasked: Vec<OrderId> = some.iter().copied().filter(|id| !asked.contains(id)).collect();
        let due = by_ids(conn, &unasked)?.into_iter().filter(|order| due::is_due(&order.standing)).map(|order| order.id);
        missing.extend(due);
    }
    // As they were made: the first is asked for first.
    missing.sort_unstable();
    Ok(missing)
}
