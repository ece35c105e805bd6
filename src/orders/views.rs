//! What the page of an order shows, as finished text; and the words for orders and objects.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::Value;

use super::booking::views::{Booking, BookingPanel};
use super::checkout::{self, Checkout};
use super::list_queries::Happening;
use super::model::{Attention, Object, Order, OrderLine, OrderState, Standing};
use crate::integrations::stripe::snapshot::{ObjectKind, Status};
use crate::money::{Currency, Money};
use crate::people::{self, Contact, Rule};
use crate::web::parts::{Entry, Fact, Pill};
use crate::web::{Shell, Stamp, Times, format};

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
    /// What is still to do.
    pub to_do: Vec<ToDo>,
}

/// Something that is still to do, in a sentence; its job, if it has one, stands in the middle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToDo {
    pub text: String,
    pub job: Option<i64>,
    pub after: &'static str,
}

impl From<String> for ToDo {
    fn from(text: String) -> Self {
        Self { text, job: None, after: "" }
    }
}

impl From<&str> for ToDo {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
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

pub(super) const TABS: &[(&str, &str)] = &[
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

/// The word for a state.
pub fn word(state: OrderState) -> &'static str {
    TABS.iter().find(|(code, _)| *code == state.as_str()).map_or("Open", |(_, word)| *word)
}

pub(super) fn amount(minor: i64, currency: Option<&str>) -> String {
    match currency.and_then(Currency::from_code) {
        Some(currency) => Money::new(minor, currency).to_string(),
        None => format!("{minor} minor units"),
    }
}

pub(super) fn notice(attention: Attention, standing: &Standing) -> Notice {
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
            to_do: [story.booking.to_do(order), to_do(standing, &story.objects, times)].concat(),
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

fn to_do(standing: &Standing, objects: &[Object], times: Times) -> Vec<ToDo> {
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
            Some(by) => format!("Answer the dispute in Stripe by {} ({}).", times.stamp(by).text, times.relative(by)).into(),
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
        text: data.get("error").and_then(Value::as_str).map(format::ended).unwrap_or_default(),
        at: times.stamp_s(happening.occurred_at),
        href: Some(format!("/lines/{}", happening.line_id)),
        request: String::new(),
        calls: Vec::new(),
        response: String::new(),
    }
}

impl ObjectRow {
    pub(super) fn new(object: &Object, times: Times) -> Self {
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
