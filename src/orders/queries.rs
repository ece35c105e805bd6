//! What acts on orders ask of the database, and write.

use diesel::prelude::*;

use super::model::{Object, Order, OrderId, OrderLine, Standing};
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

/// What is known of these.
pub fn objects(conn: &mut Conn, object_ids: &[String]) -> QueryResult<Vec<Object>> {
    on_backend!(conn, |c| stripe_objects::table.filter(stripe_objects::object_id.eq_any(object_ids)).select(Object::as_select()).load(c))
}

/// Keeps the first words on objects. Nobody else keeps any until this transaction ends ([`lock`]).
pub fn insert_objects(tx: &mut Tx<'_>, now: UtcTime, objects: &[&Object]) -> QueryResult<()> {
    if objects.is_empty() {
        return Ok(());
    }
    tx.touch(Topic::Orders);
    let rows: Vec<_> = objects.iter().map(|object| (*object, stripe_objects::updated_at.eq(now))).collect();
    on_backend!(tx.conn(), |c| diesel::insert_into(stripe_objects::table).values(rows).execute(c)).map(drop)
}

/// Keeps the last word on an object.
pub fn restate_object(tx: &mut Tx<'_>, now: UtcTime, object: &Object) -> QueryResult<()> {
    tx.touch(Topic::Orders);
    let this = stripe_objects::table.filter(stripe_objects::object_id.eq(&object.object_id));
    diesel::update(this).set((object, stripe_objects::updated_at.eq(now))).execute(tx.conn()).map(drop)
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

/// The objects of these orders, as they came.
pub fn objects_of_all(conn: &mut Conn, orders: &[OrderId], most: i64) -> QueryResult<Vec<Object>> {
    on_backend!(conn, |c| stripe_objects::table
        .filter(stripe_objects::order_id.eq_any(orders))
        .order(stripe_objects::id)
        .limit(most)
        .select(Object::as_select())
        .load(c))
}

/// Gives objects that have no order to one.
pub fn join(tx: &mut Tx<'_>, order: OrderId, object_ids: &[String]) -> QueryResult<()> {
    if object_ids.is_empty() {
        return Ok(());
    }
    on_backend!(tx.conn(), |c| diesel::update(
        stripe_objects::table.filter(stripe_objects::object_id.eq_any(object_ids)).filter(stripe_objects::order_id.is_null())
    )
    .set(stripe_objects::order_id.eq(order))
    .execute(c))
    .map(drop)
}

/// An order.
pub fn find(conn: &mut Conn, id: OrderId) -> QueryResult<Option<Order>> {
    orders::table.find(id.0).select(Order::as_select()).first(conn).optional()
}

/// The orders with these ids, in no order.
pub fn by_ids(conn: &mut Conn, ids: &[OrderId]) -> QueryResult<Vec<Order>> {
    on_backend!(conn, |c| orders::table.filter(orders::id.eq_any(ids)).select(Order::as_select()).load(c))
}

/// The orders with these ids, and our own orders of these names.
pub fn named(conn: &mut Conn, ids: &[OrderId], references: &[String]) -> QueryResult<Vec<Order>> {
    on_backend!(conn, |c| orders::table
        .filter(orders::id.eq_any(ids).or(orders::reference.eq_any(references)))
        .order(orders::id)
        .select(Order::as_select())
        .load(c))
}

/// Makes an order that began at Stripe.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, line_id: &str, standing: Standing) -> QueryResult<Order> {
    tx.touch(Topic::Orders);
    let row = (&standing, orders::line_id.eq(line_id), orders::updated_at.eq(now));
    let id = diesel::insert_into(orders::table).values(row).returning(orders::id).get_result(tx.conn())?;
    Ok(Order { id, reference: None, line_id: line_id.to_owned(), standing, booking_failed_at: None })
}

/// Writes down where an order stands, if that is news. Returns the order as it is then.
pub fn restate(tx: &mut Tx<'_>, now: UtcTime, order: Order, standing: Standing) -> QueryResult<Order> {
    if order.standing != standing {
        tx.touch(Topic::Orders);
        diesel::update(orders::table.find(order.id.0)).set((&standing, orders::updated_at.eq(now))).execute(tx.conn())?;
    }
    Ok(Order { standing, ..order })
}

/// What was bought.
pub fn lines(conn: &mut Conn, order: OrderId) -> QueryResult<Vec<OrderLine>> {
    order_lines::table.filter(order_lines::order_id.eq(order)).order(order_lines::position).select(OrderLine::as_select()).load(conn)
}
