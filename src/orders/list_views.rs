//! What the lists of orders show, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use super::list_queries::{OrderFilter, Unmatched};
use super::model::{Order, OrderState};
use super::views::{ObjectRow, TABS, amount, notice, word};
use crate::db::keyset::{Page, Place};
use crate::saved_filters::FilterStrip;
use crate::web::parts::{Exports, Pager, Pill, Tab, href};
use crate::web::{Shell, Stamp, Times, format};

/// The list of orders.
#[derive(Template, WebTemplate)]
#[template(path = "orders/list.html")]
pub struct OrderList {
    pub shell: Shell,
    pub tabs: Vec<Tab>,
    pub state: &'static str,
    pub text: String,
    pub rows: Vec<OrderRow>,
    pub pager: Pager,
    pub exports: Exports,
    pub saved: FilterStrip,
}

/// A row of the list.
pub struct OrderRow {
    pub id: i64,
    pub person: String,
    pub email: String,
    pub pill: Pill,
    pub total: String,
    pub paid: String,
    pub refunded: String,
    pub attention: &'static str,
    pub placed: Stamp,
}

/// Money that belongs to no order yet.
#[derive(Template, WebTemplate)]
#[template(path = "orders/unmatched.html")]
pub struct UnmatchedList {
    pub shell: Shell,
    pub rows: Vec<ObjectRow>,
    pub pager: Pager,
}

fn state_of(filter: &OrderFilter) -> &'static str {
    match filter {
        OrderFilter { to_look_at: true, .. } => "to_look_at",
        OrderFilter { is_disputed: true, .. } => "disputed",
        _ => filter.state.map_or("", OrderState::as_str),
    }
}

/// The address of a page of the list.
pub fn list_href(filter: &OrderFilter, place: Option<Place>, format: &str) -> String {
    let place = place.map(|place| place.to_string()).unwrap_or_default();
    let text = filter.text.as_deref().unwrap_or_default();
    href("/orders", &[("state", state_of(filter)), ("text", text), ("place", &place), ("format", format)])
}

/// An order for programs.
pub fn as_json(order: &Order) -> Value {
    let standing = &order.standing;
    json!({
        "id": order.id, "state": standing.state, "currency": standing.currency, "total_minor": standing.total_minor,
        "paid_minor": standing.paid_minor, "refunded_minor": standing.refunded_minor, "lost_minor": standing.lost_minor,
        "attention": standing.attentions(), "email": standing.email, "person": standing.person, "line_id": order.line_id,
        "placed_at": format::rfc3339(standing.placed_at), "paid_at": standing.paid_at.map(format::rfc3339),
        "booking_failed_at": order.booking_failed_at.map(format::rfc3339),
    })
}

impl OrderList {
    /// Puts the page together.
    pub fn new(shell: Shell, filter: &OrderFilter, page: &Page<Order>, saved: FilterStrip) -> Self {
        let times = shell.frame.times;
        let state = state_of(filter);
        let tabs = TABS.iter().map(|(code, label)| Tab {
            label,
            href: href("/orders", &[("state", code), ("text", filter.text.as_deref().unwrap_or_default())]),
            count: String::new(),
            tone: "",
            current: *code == state,
        });
        let link = |place: Option<Place>| place.map(|place| list_href(filter, Some(place), ""));
        Self {
            tabs: tabs.collect(),
            state,
            text: filter.text.clone().unwrap_or_default(),
            rows: page.rows.iter().map(|order| OrderRow::new(order, times)).collect(),
            pager: Pager { newer: link(page.newer), older: link(page.older) },
            exports: Exports::of(&list_href(filter, None, "")),
            saved,
            shell,
        }
    }
}

impl OrderRow {
    fn new(order: &Order, times: Times) -> Self {
        let standing = &order.standing;
        let money = |minor: i64| amount(minor, standing.currency.as_deref());
        Self {
            id: order.id.0,
            person: standing.person.clone().unwrap_or_default(),
            email: standing.email.clone().unwrap_or_default(),
            pill: Pill::of(word(standing.state)),
            total: standing.total_minor.map(money).unwrap_or_default(),
            paid: money(standing.paid_minor),
            refunded: if standing.refunded_minor == 0 { String::new() } else { money(standing.refunded_minor) },
            attention: trouble(order).unwrap_or_default(),
            placed: times.stamp(standing.placed_at),
        }
    }
}

/// The first thing for which it needs a look.
fn trouble(order: &Order) -> Option<&'static str> {
    let first = order.standing.attentions().first().map(|first| notice(*first, &order.standing).title);
    first.or_else(|| order.booking_failed_at.map(|_| "Not booked in Zoho Books"))
}

impl UnmatchedList {
    /// Puts the page together.
    pub fn new(shell: Shell, page: &Page<Unmatched>) -> Self {
        let times = shell.frame.times;
        let link = |place: Option<Place>| place.map(|place| href("/orders/unmatched", &[("place", &place.to_string())]));
        Self {
            rows: page.rows.iter().map(|row| ObjectRow::new(&row.object, times)).collect(),
            pager: Pager { newer: link(page.newer), older: link(page.older) },
            shell,
        }
    }
}
