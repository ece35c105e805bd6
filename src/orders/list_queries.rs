//! What the pages ask of orders.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::model::{Attention, Object, Order, OrderId, OrderState};
use super::search_queries::named_by;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{events, orders, stripe_objects};
use crate::{keyset_page, literal_condition, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Objects and events of one order that its page shows.
pub const SHOWN_MAX: i64 = 200;

/// Characters of the beginning of a mail address, at least.
pub const BEGINNING_MIN: usize = 3;

literal_condition! {
    /// As the index `orders_to_look_at` has it.
    NeedsALook = "(orders.attention IS NOT NULL OR orders.booking_failed_at IS NOT NULL)"
}

/// Which orders a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub state: Option<OrderState>,
    /// Only those a person has to look at.
    pub to_look_at: bool,
    /// Only those with a dispute that is open.
    pub is_disputed: bool,
    /// What names an order (`search_queries.rs`), or the beginning of a mail address.
    pub text: Option<String>,
}

/// One page of the list, newest first.
pub fn page(conn: &mut Conn, filter: &OrderFilter, place: Place, rows_max: usize) -> QueryResult<Page<Order>> {
    let mut query = orders::table.select(Order::as_select()).into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(orders::state.eq(state));
    }
    if filter.to_look_at || filter.is_disputed {
        query = query.filter(NeedsALook);
    }
    if filter.is_disputed {
        query = query.filter(orders::attention.like(format!("%{}%", Attention::DisputeOpen.as_str())));
    }
    if let Some(text) = filter.text.as_deref() {
        let named = named_by(conn, text)?;
        query = match named.is_empty() {
            false => query.filter(one_of(&named)),
            // What is shorter begins a great part of all addresses, and each of those would be sorted.
            true if text.chars().count() < BEGINNING_MIN => return Ok(Page { rows: Vec::new(), newer: None, older: None }),
            // A range, not LIKE: both engines use the index, and no character is special.
            true => {
                let address = text.to_lowercase();
                query.filter(orders::email.ge(address.clone())).filter(orders::email.lt(format!("{address}{}", char::MAX)))
            }
        };
    }
    keyset_page!(conn, query, orders::placed_at, orders::id, place, rows_max, |row: &Order| Key {
        at: row.standing.placed_at,
        id: row.id.0
    })
}

/// One of these orders. Boxed queries are written for both engines at once and know no list of values; these are numbers of ours.
fn one_of(ids: &[OrderId]) -> SqlLiteral<Bool> {
    let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
    sql(&format!("orders.id IN ({})", ids.join(", ")))
}

/// An object without an order, with its place in the list.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = stripe_objects)]
pub struct Unmatched {
    pub id: i64,
    #[diesel(embed)]
    pub object: Object,
}

/// What came in and belongs to no order yet, the latest first.
pub fn unmatched(conn: &mut Conn, place: Place) -> QueryResult<Page<Unmatched>> {
    let query = stripe_objects::table.filter(stripe_objects::order_id.is_null()).select(Unmatched::as_select()).into_boxed();
    keyset_page!(conn, query, stripe_objects::event_at, stripe_objects::id, place, PAGE, |row: &Unmatched| Key {
        at: row.object.event_at,
        id: row.id
    })
}

/// Something that happened to an order.
#[derive(Clone, Debug, Queryable)]
pub struct Happening {
    pub id: i64,
    pub kind: String,
    pub subject: String,
    pub occurred_at: UtcTime,
    pub data: String,
    pub line_id: String,
}

/// What happened to these objects, the latest first.
pub fn happenings(conn: &mut Conn, subjects: &[String]) -> QueryResult<Vec<Happening>> {
    on_backend!(conn, |c| events::table
        .filter(events::subject.eq_any(subjects))
        .order((events::occurred_at.desc(), events::id.desc()))
        .limit(SHOWN_MAX)
        .select((events::id, events::kind, events::subject, events::occurred_at, events::data, events::line_id))
        .load(c))
}
