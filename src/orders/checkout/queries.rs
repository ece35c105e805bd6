//! All SQL of checkouts.

use diesel::prelude::*;

use super::model::{Begun, Checkout, NewCheckout, PricedLine};
use super::session::Session;
use crate::clock::UtcTime;
use crate::db::schema::{checkouts, order_lines, orders};
use crate::db::{Conn, Tx};
use crate::integrations::stripe::snapshot::Status;
use crate::line::LineId;
use crate::money::{Currency, Money};
use crate::on_backend;
use crate::orders::{OrderId, OrderState, queries};

/// The order that was asked for under this key of the client's.
pub fn by_client_key(conn: &mut Conn, key_hash: &str) -> QueryResult<Option<OrderId>> {
    checkouts::table.filter(checkouts::client_key_hash.eq(key_hash)).select(checkouts::order_id).first(conn).optional()
}

/// The checkout of an order.
pub fn of_order(conn: &mut Conn, order: OrderId) -> QueryResult<Option<Checkout>> {
    checkouts::table.find(order.0).select(Checkout::as_select()).first(conn).optional()
}

/// The order with its lines and its checkout.
pub fn begun(conn: &mut Conn, id: OrderId) -> QueryResult<Option<(Begun, OrderState)>> {
    let (Some(order), Some(checkout)) = (queries::find(conn, id)?, of_order(conn, id)?) else { return Ok(None) };
    let currency = order.standing.currency.as_deref().and_then(Currency::from_code);
    let (Some(reference), Some(currency)) = (order.reference, currency) else { return Ok(None) };
    let lines = queries::lines(conn, id)?.into_iter().map(|line| PricedLine {
        sku: line.sku,
        name: line.name,
        quantity: line.quantity,
        unit: Money::new(line.unit_minor, currency),
        total: Money::new(line.total_minor, currency),
    });
    let line = LineId::from_stored(order.line_id);
    Ok(Some((Begun { line, reference, lines: lines.collect(), email: order.standing.email, checkout }, order.standing.state)))
}

/// Writes an order down before anybody is asked for money. None: another request with the client's key was faster, and what was
/// written here must be undone.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, (reference, line): (&str, &LineId), new: &NewCheckout) -> QueryResult<Option<OrderId>> {
    let order = (
        orders::reference.eq(reference),
        orders::state.eq(OrderState::Open),
        orders::currency.eq(new.total.currency.code()),
        orders::total_minor.eq(new.total.amount_minor),
        orders::email.eq(new.email.as_ref().map(|email| email.to_lowercase())),
        orders::line_id.eq(line.as_str()),
        orders::placed_at.eq(now),
        orders::updated_at.eq(now),
    );
    let id: OrderId = diesel::insert_into(orders::table).values(order).returning(orders::id).get_result(tx.conn())?;
    for (position, line) in new.lines.iter().enumerate() {
        let row = (
            order_lines::order_id.eq(id),
            order_lines::position.eq(i64::try_from(position).unwrap_or(i64::MAX)),
            order_lines::sku.eq(&line.sku),
            order_lines::name.eq(&line.name),
            order_lines::quantity.eq(line.quantity),
            order_lines::unit_minor.eq(line.unit.amount_minor),
            order_lines::total_minor.eq(line.total.amount_minor),
        );
        diesel::insert_into(order_lines::table).values(row).execute(tx.conn())?;
    }
    let checkout = (
        checkouts::order_id.eq(id),
        checkouts::client_key_hash.eq(new.client_key_hash.as_ref()),
        checkouts::body_hash.eq(&new.body_hash),
        checkouts::attempt.eq(1_i64),
        checkouts::success_url.eq(&new.success_url),
        checkouts::cancel_url.eq(&new.cancel_url),
        checkouts::created_at.eq(now),
        checkouts::updated_at.eq(now),
    );
    let rows = on_backend!(tx.conn(), |c| diesel::insert_into(checkouts::table).values(checkout).on_conflict_do_nothing().execute(c))?;
    Ok((rows == 1).then_some(id))
}

/// Whether Stripe has said of this session that nobody can pay there any more.
pub fn is_over(conn: &mut Conn, session_id: &str) -> QueryResult<bool> {
    let known = queries::object(conn, session_id)?;
    Ok(known.is_some_and(|object| matches!(object.status, Status::Expired | Status::Failed)))
}

/// Asks for another session under a new key: the one there was ran out, or Stripe refused it.
pub fn next_attempt(tx: &mut Tx<'_>, now: UtcTime, order: OrderId, after: i64) -> QueryResult<usize> {
    let none: Option<String> = None;
    diesel::update(checkouts::table.find(order.0).filter(checkouts::attempt.eq(after)))
        .set((
            checkouts::attempt.eq(after + 1),
            checkouts::session_id.eq(none.clone()),
            checkouts::url.eq(none),
            checkouts::expires_at.eq(None::<UtcTime>),
            checkouts::updated_at.eq(now),
        ))
        .execute(tx.conn())
}

/// Keeps the session that Stripe opened for this attempt.
pub fn opened(tx: &mut Tx<'_>, now: UtcTime, (order, attempt): (OrderId, i64), session: &Session) -> QueryResult<usize> {
    let none: Option<String> = None;
    diesel::update(checkouts::table.find(order.0).filter(checkouts::attempt.eq(attempt)))
        .set((
            checkouts::session_id.eq(&session.id),
            checkouts::url.eq(&session.url),
            checkouts::expires_at.eq(session.expires_at),
            checkouts::last_error.eq(none),
            checkouts::updated_at.eq(now),
        ))
        .execute(tx.conn())
}

/// Keeps what Stripe said when it opened none.
pub fn refused(tx: &mut Tx<'_>, now: UtcTime, (order, attempt): (OrderId, i64), why: &str) -> QueryResult<usize> {
    diesel::update(checkouts::table.find(order.0).filter(checkouts::attempt.eq(attempt)))
        .set((checkouts::last_error.eq(why), checkouts::updated_at.eq(now)))
        .execute(tx.conn())
}
