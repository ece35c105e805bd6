//! Which paid orders nobody has asked to be booked.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::due;
use crate::db::Conn;
use crate::db::schema::{booking_steps, orders};
use crate::on_backend;
use crate::orders::{Order, OrderId, OrderState};

/// Orders looked at by one question.
const WINDOW: i64 = 1_000;
/// The newest paid orders among which the report of health counts.
const COUNTED_AMONG: i64 = 1_000;

/// Paid orders behind this one that nobody asked to be booked, and where the next look begins; None: that was the end.
pub fn window(conn: &mut Conn, after: OrderId) -> QueryResult<(Vec<OrderId>, Option<OrderId>)> {
    let rows: Vec<Order> =
        orders::table.filter(orders::id.gt(after)).order(orders::id).limit(WINDOW).select(Order::as_select()).load(conn)?;
    let last = rows.last().map(|order| order.id).filter(|_| i64::try_from(rows.len()) == Ok(WINDOW));
    Ok((missing(conn, rows)?, last))
}

/// How many of the newest paid orders nobody asked to be booked.
pub fn count(conn: &mut Conn) -> QueryResult<i64> {
    let newest = orders::table.filter(orders::state.eq(OrderState::Paid)).order((orders::placed_at.desc(), orders::id.desc()));
    let rows: Vec<Order> = newest.limit(COUNTED_AMONG).select(Order::as_select()).load(conn)?;
    Ok(i64::try_from(missing(conn, rows)?.len()).unwrap_or(COUNTED_AMONG))
}

fn missing(conn: &mut Conn, rows: Vec<Order>) -> QueryResult<Vec<OrderId>> {
    let due: Vec<Order> = rows.into_iter().filter(|order| due::is_due(&order.standing)).collect();
    let mut booked = BTreeSet::new();
    for some in due.chunks(500) {
        let ids: Vec<OrderId> = some.iter().map(|order| order.id).collect();
        let asked: Vec<OrderId> = on_backend!(conn, |c| booking_steps::table
            .filter(booking_steps::order_id.eq_any(&ids))
            .select(booking_steps::order_id)
            .distinct()
            .load(c))?;
        booked.extend(asked);
    }
    Ok(due.into_iter().map(|order| order.id).filter(|id| !booked.contains(id)).collect())
}
