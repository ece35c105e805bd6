//! What acts on orders ask of the database, and write.

use diesel::prelude::*;

use super::model::{Object, Order, OrderId, OrderLine, Standing};
use super::standing::Agreed;
use crate::clock::UtcTime;
use crate::db::schema::{order_lines, orders, stripe_objects};
use crate::db::{Conn, Engine, Topic, Tx};
use crate::on_backend;

/// Keeps others from joining objects to orders until this transaction ends: two events of one order, read side by side, would
/// each miss what the other brings. SQLite has one writer at a time by itself.
pub fn lock(conn: &mut Conn) -> QueryResult<()> {
    match conn.engine() {
        Engine::Postgres => diesel::sql_query("SELECT id FROM order_book FOR UPDATE").execute(conn).map(drop),
        Engine::Sqlite => Ok(()),
    }
}

/// What is known of an object.
pub fn object(conn: &mut Conn, object_id: &str) -> QueryResult<Option<Object>> {
    stripe_objects::table.filter(stripe_objects::object_id.eq(object_id)).select(Object::as_select()).first(conn).optional()
}

/// Keeps the last word on an object.
pub fn keep(tx: &mut Tx<'_>, now: UtcTime, object: &Object) -> QueryResult<()> {
    tx.touch(Topic::Orders);
    let row = (object, stripe_objects::updated_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(stripe_objects::table)
        .values(row)
        .on_conflict(stripe_objects::object_id)
        .do_update()
        .set(row)
        .execute(c))
    .map(drop)
}

/// Objects that are named, or that name one of these.
pub fn around(conn: &mut Conn, ids: &[String], most: i64) -> QueryResult<Vec<Object>> {
    on_backend!(conn, |c| stripe_objects::table
        .filter(
            stripe_objects::object_id
                .eq_any(ids)
                .or(stripe_objects::payment.eq_any(ids))
                .or(stripe_objects::charge.eq_any(ids))
                .or(stripe_objects::invoice.eq_any(ids)),
        )
        .order(stripe_objects::id)
        .limit(most)
        .select(Object::as_select())
        .load(c))
}

/// The objects of an order, as they came.
pub fn objects_of(conn: &mut Conn, order: OrderId, most: i64) -> QueryResult<Vec<Object>> {
    stripe_objects::table
        .filter(stripe_objects::order_id.eq(order))
        .order(stripe_objects::id)
        .limit(most)
        .select(Object::as_select())
        .load(conn)
}

/// Gives objects that have no order to one.
pub fn join(tx: &mut Tx<'_>, order: OrderId, object_ids: &[String]) -> QueryResult<usize> {
    on_backend!(tx.conn(), |c| diesel::update(
        stripe_objects::table.filter(stripe_objects::object_id.eq_any(object_ids)).filter(stripe_objects::order_id.is_null())
    )
    .set(stripe_objects::order_id.eq(order))
    .execute(c))
}

/// An order.
pub fn find(conn: &mut Conn, id: OrderId) -> QueryResult<Option<Order>> {
    orders::table.find(id.0).select(Order::as_select()).first(conn).optional()
}

/// The orders with these ids, in no order.
pub fn by_ids(conn: &mut Conn, ids: &[OrderId]) -> QueryResult<Vec<Order>> {
    on_backend!(conn, |c| orders::table.filter(orders::id.eq_any(ids)).select(Order::as_select()).load(c))
}

/// Our own order of that name.
pub fn by_reference(conn: &mut Conn, reference: &str) -> QueryResult<Option<OrderId>> {
    orders::table.filter(orders::reference.eq(reference)).select(orders::id).first(conn).optional()
}

/// What was agreed on an order of our own; None for one that began at Stripe.
pub fn agreed(conn: &mut Conn, id: OrderId) -> QueryResult<Option<Agreed>> {
    let ours = find(conn, id)?.filter(|order| order.reference.is_some());
    Ok(ours.and_then(|Order { standing, .. }| {
        let (currency, total_minor) = (standing.currency?, standing.total_minor?);
        Some(Agreed { currency, total_minor, placed_at: standing.placed_at, email: standing.email })
    }))
}

/// Makes an order that began at Stripe.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, line_id: &str, standing: &Standing) -> QueryResult<OrderId> {
    tx.touch(Topic::Orders);
    let row = (standing, orders::line_id.eq(line_id), orders::updated_at.eq(now));
    diesel::insert_into(orders::table).values(row).returning(orders::id).get_result(tx.conn())
}

/// Writes down where an order stands, if that is news.
pub fn restate(tx: &mut Tx<'_>, now: UtcTime, id: OrderId, standing: &Standing) -> QueryResult<()> {
    let before: Standing = orders::table.find(id.0).select(Standing::as_select()).first(tx.conn())?;
    if before == *standing {
        return Ok(());
    }
    tx.touch(Topic::Orders);
    diesel::update(orders::table.find(id.0)).set((standing, orders::updated_at.eq(now))).execute(tx.conn()).map(drop)
}

/// What was bought.
pub fn lines(conn: &mut Conn, order: OrderId) -> QueryResult<Vec<OrderLine>> {
    order_lines::table.filter(order_lines::order_id.eq(order)).order(order_lines::position).select(OrderLine::as_select()).load(conn)
}
