//! What people type to find an order: its number, a reference, a number or an id that stands on its page. Else it is the beginning of a
//! mail address ([`super::list_queries`]).

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::booking::queries as booking;
use super::model::OrderId;
use super::queries;
use crate::db::Conn;

/// Orders that one name leads to, at most: a customer of Books has many.
const NAMED_MAX: i64 = 200;
/// Objects looked at that name one.
const NAMING_MAX: i64 = 50;

/// The orders that a text names whole: by their number (`#7`), our reference (`o-…`), an id of Stripe, our number of an invoice (`TL-…`), or
/// an id of Zoho Books. Each is one look into an index.
pub fn named_by(conn: &mut Conn, text: &str) -> QueryResult<Vec<OrderId>> {
    // An address has its own index.
    if text.contains('@') {
        return Ok(Vec::new());
    }
    let number = text.trim_start_matches('#').parse().map(OrderId).ok();
    let ours = queries::named(conn, number.as_slice(), &[text.to_owned()])?.into_iter().map(|order| order.id);
    let booked = booking::orders_named(conn, text, NAMED_MAX)?;
    Ok(ours.chain(booked).chain(by_object(conn, text)?).collect::<BTreeSet<_>>().into_iter().collect())
}

/// The order of an object, or of one that names it: its own event may not have come.
fn by_object(conn: &mut Conn, object_id: &str) -> QueryResult<Option<OrderId>> {
    let around = queries::around(conn, &[object_id.to_owned()], NAMING_MAX)?;
    Ok(around.into_iter().find_map(|object| object.order_id))
}
