//! What the pages of orders show, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use super::booking::views::{Booking, BookingPanel};
use super::checkout::{self, Checkout};
use super::list_queries::{Happening, OrderFilter, Unmatched};
use super::model::{Attention, Object, Order, OrderLine, OrderState, Standing};
use crate::db::keyset::{Page, Place};
use crate::integrations::stripe::snapshot::{ObjectKind, Status};
use crate::money::{Currency, Money};
use crate::people::{self, Contact, Rule};
use crate::saved_filters::FilterStrip;
use crate::web::parts::{Entry, Exports, Fact, Pager, Pill, Tab, href};
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
    pub attention: String,
    pub placed: Stamp,
}

/// One order.
#[derive(Template, WebTemplate)]
#[template(path = "orders/show.html")]
pub struct OrderShow {
    pub shell: Shell,
    pub id: i64,
    pub pill: Pill,
    pub placed: Stamp,
    pub total: String,
    pub notices: Vec<Notice>,
    pub lines: Vec<LineRow>,
    pub objects: Vec<ObjectRow>,
    pub booking: Option<BookingPanel>,
    pub entries: Vec<Entry>,
    pub money: Vec<Fact>,
    pub customer: Vec<Fact>,
    /// Empty: it began at Stripe.
    pub checkout: Vec<Fact>,
    /// What is still to do, in sentences.
    pub to_do: Vec<String>,
}

/// What a person has to look at.
pub struct Notice {
    pub tone: &'static str,
    pub title: &'static str,
    pub text: String,
}

/// What was bought.
pub struct LineRow {
    pub sku: String,
    pub name: String,
    pub quantity: String,
    pub unit: String,
    pub total: String,
}

/// An object of Stripe.
pub struct ObjectRow {
    pub label: &'static str,
    pub id: String,
    pub word: &'static str,
    pub amount: String,
    pub at: Stamp,
    pub line: String,
}

/// Money that belongs to no order yet.
#[derive(Template, WebTemplate)]
#[template(path = "orders/unmatched.html")]
pub struct UnmatchedList {
    pub shell: Shell,
    pub rows: Vec<ObjectRow>,
    pub pager: Pager,
}

/// What an order's page is made of.
pub struct OrderStory {
    pub order: Order,
    pub checkout: Option<Checkout>,
    pub lines: Vec<OrderLine>,
    pub objects: Vec<Object>,
    pub happenings: Vec<Happening>,
    pub booking: Booking,
    /// Whose it is, and by which rule.
    pub whose: Option<(Contact, Rule)>,
}

const TABS: &[(&str, &str)] = &[
    ("", "All"),
    ("to_look_at", "Needs a look"),
    ("disputed", "In dispute"),
    ("open", "Open"),
    ("processing", "Processing"),
    ("paid", "Paid"),
    ("partly_refunded", "Partly refunded"),
    ("refunded", "Refunded"),
    ("failed", "Failed"),
    ("expired", "Expired"),
];

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
    })
}

/// The word for a state.
pub fn word(state: OrderState) -> &'static str {
    TABS.iter().find(|(code, _)| *code == state.as_str()).map_or("Open", |(_, word)| *word)
}

fn amount(minor: i64, currency: Option<&str>) -> String {
    match currency.and_then(Currency::from_code) {
        Some(currency) => Money::new(minor, currency).to_string(),
        None => format!("{minor} minor units"),
    }
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
            attention: standing.attentions().first().map(|first| notice(*first, standing).title.to_owned()).unwrap_or_default(),
            placed: times.stamp(standing.placed_at),
        }
    }
}

fn notice(attention: Attention, standing: &Standing) -> Notice {
    let currency = standing.currency.as_deref();
    let (tone, title, text) = match attention {
        Attention::AmountDiffers => (
            "bad",
            "What came in is not what the order comes to",
            format!(
                "Stripe took {}, the order comes to {}. Nothing is booked until somebody has looked at it in Stripe.",
                amount(standing.paid_minor, currency),
                amount(standing.total_minor.unwrap_or_default(), currency)
            ),
        ),
        Attention::CurrencyDiffers => {
            ("bad", "Paid or refunded in another currency", "The sums below cannot be added up. Compare them in Stripe.".into())
        }
        Attention::RefundedMore => {
            ("bad", "More went back than came in", "Events may still be missing: read them again on Stripe's page.".into())
        }
        Attention::DisputeOpen => {
            ("warn", "The customer's bank asks for the money back", "Answer the dispute in Stripe before its deadline.".into())
        }
        Attention::DisputeLost => ("warn", "A dispute was lost", format!("The bank took {} back.", amount(standing.lost_minor, currency))),
    };
    Notice { tone, title, text }
}

impl OrderShow {
    /// Puts the page together.
    pub fn new(shell: Shell, story: &OrderStory) -> Self {
        let (times, order) = (shell.frame.times, &story.order);
        let standing = &order.standing;
        let currency = standing.currency.as_deref();
        let lines = story.lines.iter().map(|line| LineRow {
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: line.quantity.to_string(),
            unit: amount(line.unit_minor, currency),
            total: amount(line.total_minor, currency),
        });
        let happenings = story.happenings.iter().map(|happening| entry(happening, times));
        Self {
            id: order.id.0,
            pill: Pill::of(word(standing.state)),
            placed: times.stamp(standing.placed_at),
            total: standing.total_minor.map(|total| amount(total, currency)).unwrap_or_default(),
            notices: standing.attentions().into_iter().map(|one| notice(one, standing)).collect(),
            lines: lines.collect(),
            objects: story.objects.iter().map(|object| ObjectRow::new(object, times)).collect(),
            booking: BookingPanel::of(&story.booking, standing, times),
            entries: happenings.collect(),
            money: money(standing, times),
            customer: customer(story),
            checkout: story.checkout.iter().flat_map(|one| checkout::facts(one, standing.state.is_payable(), times)).collect(),
            to_do: to_do(standing, &story.objects, times),
            shell,
        }
    }
}

fn money(standing: &Standing, times: Times) -> Vec<Fact> {
    let money = |minor: i64| amount(minor, standing.currency.as_deref());
    let mut facts: Vec<Fact> = standing.total_minor.map(|total| Fact::text("Comes to", money(total))).into_iter().collect();
    facts.push(Fact::text("Paid", money(standing.paid_minor)));
    facts.push(Fact::text("Refunded", money(standing.refunded_minor)));
    if standing.lost_minor > 0 {
        facts.push(Fact::text("Taken back by banks", money(standing.lost_minor)));
    }
    facts.push(Fact::text("Kept", money(standing.paid_minor - standing.refunded_minor - standing.lost_minor)));
    facts.extend(standing.paid_at.map(|at| Fact::text("Paid at", times.exact(at).text)));
    facts
}

fn customer(story: &OrderStory) -> Vec<Fact> {
    let (order, standing) = (&story.order, &story.order.standing);
    let mut facts: Vec<Fact> = story.whose.iter().map(people::whose_fact).collect();
    facts.extend(standing.person.iter().map(|person| Fact::text("Name", person.clone())));
    facts.extend(standing.email.iter().map(|email| Fact::code("Mail", email.clone())));
    facts.extend(standing.customer.iter().map(|customer| Fact::code("Customer at Stripe", customer.clone())));
    facts.extend(order.reference.iter().map(|reference| Fact::code("Our reference", reference.clone())));
    facts.push(Fact::code("Line", order.line_id.clone()).at(format!("/lines/{}", order.line_id)));
    facts
}

fn to_do(standing: &Standing, objects: &[Object], times: Times) -> Vec<String> {
    let declined = objects.iter().any(|object| object.status == Status::Declined);
    let mut to_do = Vec::new();
    match standing.state {
        OrderState::Open if declined => to_do.push("A card was declined. The customer may try again until the checkout runs out.".into()),
        OrderState::Open => to_do.push("The customer has not paid yet.".into()),
        OrderState::Processing => to_do.push("The bank has not confirmed the payment yet; this takes up to some days.".into()),
        _ => {}
    }
    if standing.attentions().contains(&Attention::DisputeOpen) {
        let by = objects.iter().filter(|object| object.status == Status::Open).filter_map(|object| object.respond_by).min();
        to_do.push(match by {
            Some(by) => format!("Answer the dispute in Stripe by {} ({}).", times.stamp(by).text, times.relative(by)),
            None => "A dispute is open. Stripe says whether it waits for your answer.".into(),
        });
    }
    to_do
}

fn entry(happening: &Happening, times: Times) -> Entry {
    let data: Value = serde_json::from_str(&happening.data).unwrap_or_default();
    let minor = data.get("amount_minor").and_then(Value::as_i64).filter(|minor| *minor != 0);
    let note = minor.map(|minor| amount(minor, data.get("currency").and_then(Value::as_str))).unwrap_or_default();
    let (tone, icon, title) = crate::timeline::story::told(&happening.kind);
    Entry {
        id: format!("event-{}", happening.id),
        tone,
        icon,
        title,
        note,
        text: String::new(),
        at: times.stamp_s(happening.occurred_at),
        href: Some(format!("/lines/{}", happening.line_id)),
        request: String::new(),
        response: String::new(),
    }
}

impl ObjectRow {
    fn new(object: &Object, times: Times) -> Self {
        let label = match object.kind {
            ObjectKind::Session => "Checkout",
            ObjectKind::Payment => "Payment",
            ObjectKind::Charge => "Charge",
            ObjectKind::Refund => "Refund",
            ObjectKind::Dispute => "Dispute",
            ObjectKind::Invoice => "Invoice",
            ObjectKind::InvoicePayment => "Payment of invoice",
            ObjectKind::Subscription => "Subscription",
        };
        Self {
            label,
            id: object.object_id.clone(),
            word: status_word(object),
            amount: if object.kind == ObjectKind::Subscription {
                String::new()
            } else {
                amount(object.amount_minor, object.currency.as_deref())
            },
            at: times.stamp(object.event_at),
            line: object.line_id.clone(),
        }
    }
}

fn status_word(object: &Object) -> &'static str {
    match object.status {
        // What is kept of a charge is what of it went back.
        _ if object.kind == ObjectKind::Charge && object.settled_minor == object.amount_minor => "Refunded",
        _ if object.kind == ObjectKind::Charge => "Partly refunded",
        Status::Open => "Open",
        Status::Declined => "Declined",
        Status::Processing => "Processing",
        Status::Active => "Active",
        Status::PastDue => "Past due",
        Status::Paused => "Paused",
        Status::Expired => "Expired",
        Status::Failed => "Failed",
        Status::Cancelled => "Cancelled",
        Status::Paid => "Paid",
        Status::Free => "Nothing to pay",
        Status::Succeeded => "Succeeded",
        Status::Won => "Won",
        Status::Lost => "Lost",
        Status::Closed => "Closed",
    }
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
