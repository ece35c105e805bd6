//! What an event says about the one object it carries, in our words: how far it is, how much, and which other objects it names.
//! Shapes from before and after 2025-03-31 (basil), when invoices and charges lost the ids of each other, are both read.

use serde_json::Value;

use super::amounts;
use super::envelope::{moment, text};
use super::event::Event;
use crate::clock::UtcTime;
use crate::db::text_enum;

text_enum! {
    /// The objects that say something about an order.
    pub enum ObjectKind {
        Session => "session",
        Payment => "payment",
        Charge => "charge",
        Refund => "refund",
        Dispute => "dispute",
        Invoice => "invoice",
        /// Which payment settled which invoice: since basil neither names the other.
        InvoicePayment => "invoice_payment",
        Subscription => "subscription",
    }
}

text_enum! {
    /// How far an object is. An object never goes back to a lower [`Status::rank`].
    pub enum Status {
        Open => "open",
        /// A try was declined; the customer may try again.
        Declined => "declined",
        /// Under way at the bank.
        Processing => "processing",
        Active => "active",
        PastDue => "past_due",
        Paused => "paused",
        Expired => "expired",
        Failed => "failed",
        Cancelled => "cancelled",
        Paid => "paid",
        /// Nothing was to be paid.
        Free => "free",
        Succeeded => "succeeded",
        Won => "won",
        Lost => "lost",
        /// Ended without money moving.
        Closed => "closed",
    }
}

/// What one event says about its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub kind: ObjectKind,
    /// `cs_…`, `pi_…`, `ch_…`, `re_…`, `dp_…`, `in_…`, `inpay_…`, `sub_…`
    pub id: String,
    pub status: Status,
    /// What it is about, in minor units.
    pub amount_minor: i64,
    /// What has come in, or for a charge and a refund what has gone back.
    pub settled_minor: i64,
    /// ISO 4217, upper case.
    pub currency: Option<String>,
    /// When the object was made at Stripe.
    pub made_at: Option<UtcTime>,
    /// Of a dispute that waits for our answer: until when.
    pub respond_by: Option<UtcTime>,
    pub names: Names,
}

/// The other objects it names. Within one object's life each is empty or always the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub payment: Option<String>,
    pub charge: Option<String>,
    pub invoice: Option<String>,
    pub subscription: Option<String>,
    pub customer: Option<String>,
    /// Our own order, where the checkout was ours.
    pub order: Option<String>,
    pub email: Option<String>,
    pub person: Option<String>,
}

/// The key under which we put our order into an object's metadata.
pub const ORDER_KEY: &str = "throughline_order";

/// The types of events that are read here: what an endpoint has to be subscribed to.
pub const TYPES: &[&str] = &[
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
    "invoice.paid",
    "invoice_payment.paid",
    "charge.refunded",
    "charge.refund.updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
];

impl Status {
    /// A higher one is never undone by a lower one, in whatever order events arrive; among equals the later event decides.
    pub fn rank(self) -> i64 {
        match self {
            Self::Open | Self::Declined => 0,
            Self::Processing | Self::Active | Self::PastDue | Self::Paused => 1,
            Self::Expired | Self::Failed | Self::Cancelled => 3,
            Self::Paid | Self::Free | Self::Succeeded => 4,
            Self::Won | Self::Lost | Self::Closed => 5,
        }
    }
}

impl ObjectKind {
    /// [`Status::rank`], but that a refund which succeeded can still fail: money that went back comes again.
    pub fn rank(self, status: Status) -> i64 {
        match (self, status) {
            (Self::Refund, Status::Failed | Status::Cancelled) => 6,
            (_, status) => status.rank(),
        }
    }
}

impl Snapshot {
    /// Reads the object of an event; None: of a type that is not read here, or without an object.
    pub fn of(event: &Event) -> Option<Self> {
        if !TYPES.contains(&event.head.event_type.as_str()) {
            return None;
        }
        let object = event.object.as_ref()?;
        let kind = kind(object)?;
        let (status, amount_minor, settled_minor) = standing(kind, &event.head.event_type, object);
        let currency = text(&object["currency"]).map(|code| code.to_ascii_uppercase());
        let made_at = moment(&object["created"]);
        let (id, respond_by) = (text(&object["id"])?, respond_by(kind, object));
        Some(Self { kind, id, status, amount_minor, settled_minor, currency, made_at, respond_by, names: names(kind, object) })
    }
}

fn kind(object: &Value) -> Option<ObjectKind> {
    Some(match object.get("object")?.as_str()? {
        "checkout.session" => ObjectKind::Session,
        "payment_intent" => ObjectKind::Payment,
        "charge" => ObjectKind::Charge,
        "refund" => ObjectKind::Refund,
        "dispute" => ObjectKind::Dispute,
        "invoice" => ObjectKind::Invoice,
        "invoice_payment" => ObjectKind::InvoicePayment,
        "subscription" => ObjectKind::Subscription,
        _ => return None,
    })
}

/// Where it stands, what it is about, what was settled. The type of the event says more than the object where both speak:
/// `async_payment_failed` carries a session that is merely `unpaid`.
fn standing(kind: ObjectKind, event: &str, object: &Value) -> (Status, i64, i64) {
    let code = object.get("currency").and_then(Value::as_str).unwrap_or_default();
    let amount = |name: &str| amounts::told(object.get(name).and_then(Value::as_i64).unwrap_or_default(), code);
    let word = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    match kind {
        ObjectKind::Session => {
            let status = session(event, word("status"), word("payment_status"));
            let total = amount("amount_total");
            (status, total, if status == Status::Paid { total } else { 0 })
        }
        ObjectKind::Payment => {
            let status = payment(event, word("status"), object.get("last_payment_error").is_some_and(Value::is_object));
            // `amount_received` is what came in; an event of its success that leaves it out means all of it.
            let received = if amount("amount_received") > 0 { amount("amount_received") } else { amount("amount") };
            (status, amount("amount"), if status == Status::Succeeded { received } else { 0 })
        }
        ObjectKind::Charge => (Status::Succeeded, amount("amount"), amount("amount_refunded")),
        ObjectKind::Refund => {
            let status = refund(event, word("status"));
            let is_back = matches!(status, Status::Failed | Status::Cancelled);
            (status, amount("amount"), if is_back { 0 } else { amount("amount") })
        }
        ObjectKind::Dispute => (dispute(word("status")), amount("amount"), 0),
        ObjectKind::Invoice => (Status::Paid, amount("total"), amount("amount_paid")),
        ObjectKind::InvoicePayment => (Status::Paid, amount("amount_requested"), amount("amount_paid")),
        ObjectKind::Subscription => (subscription(word("status")), 0, 0),
    }
}

fn session(event: &str, status: &str, payment_status: &str) -> Status {
    match (event.rsplit('.').next().unwrap_or_default(), status, payment_status) {
        (_, _, "no_payment_required") => Status::Free,
        (_, _, "paid") | ("async_payment_succeeded", ..) => Status::Paid,
        ("async_payment_failed", ..) => Status::Failed,
        ("expired", ..) | (_, "expired", _) => Status::Expired,
        (_, "open", _) => Status::Open,
        // Completed and unpaid: a bank takes its days.
        _ => Status::Processing,
    }
}

fn payment(event: &str, status: &str, has_error: bool) -> Status {
    match (event, status) {
        ("payment_intent.succeeded", _) | (_, "succeeded") => Status::Succeeded,
        ("payment_intent.canceled", _) | (_, "canceled") => Status::Cancelled,
        ("payment_intent.processing", _) | (_, "processing" | "requires_capture") => Status::Processing,
        ("payment_intent.payment_failed", _) => Status::Declined,
        _ if has_error => Status::Declined,
        _ => Status::Open,
    }
}

fn refund(event: &str, status: &str) -> Status {
    match (event, status) {
        ("refund.failed", _) | (_, "failed") => Status::Failed,
        (_, "canceled") => Status::Cancelled,
        (_, "pending" | "requires_action") => Status::Processing,
        // Before 2017 and in some lists a refund has no status: it was done at once.
        _ => Status::Succeeded,
    }
}

fn dispute(status: &str) -> Status {
    match status {
        "won" => Status::Won,
        "lost" => Status::Lost,
        "warning_closed" | "prevented" => Status::Closed,
        _ => Status::Open,
    }
}

/// Where the bank allows no answer Stripe says 0; one that was answered is under review.
fn respond_by(kind: ObjectKind, object: &Value) -> Option<UtcTime> {
    let waits = object.get("status").and_then(Value::as_str).is_some_and(|status| status.ends_with("needs_response"));
    let due = object.pointer("/evidence_details/due_by").filter(|due| due.as_i64().is_some_and(|due| due > 0))?;
    moment(due).filter(|_| kind == ObjectKind::Dispute && waits)
}

fn subscription(status: &str) -> Status {
    match status {
        "active" | "trialing" => Status::Active,
        "past_due" | "unpaid" => Status::PastDue,
        "paused" => Status::Paused,
        "canceled" | "incomplete_expired" => Status::Cancelled,
        _ => Status::Open,
    }
}

fn names(kind: ObjectKind, object: &Value) -> Names {
    let metadata = |place: &str| object.pointer(place).and_then(|metadata| text(&metadata[ORDER_KEY]));
    let details = "/parent/subscription_details";
    Names {
        payment: named(object, "/payment_intent")
            .or_else(|| named(object, "/payment/payment_intent"))
            .or_else(|| named(object, "/payments/data/0/payment/payment_intent")),
        charge: named(object, "/charge"),
        invoice: named(object, "/invoice"),
        subscription: named(object, "/subscription").or_else(|| named(object, &format!("{details}/subscription"))),
        customer: named(object, "/customer"),
        order: metadata("/metadata")
            .or_else(|| metadata(&format!("{details}/metadata")))
            .or_else(|| metadata("/subscription_details/metadata")),
        email: first(object, &["/customer_details/email", "/customer_email", "/billing_details/email", "/receipt_email"])
            .map(|address| address.to_lowercase()),
        person: first(object, &["/customer_details/name", "/customer_name", "/billing_details/name"]),
    }
    .without_itself(kind)
}

impl Names {
    /// A charge of a subscription's invoice and the like never names itself; what does would join it to nothing new.
    fn without_itself(mut self, kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Payment => self.payment = None,
            ObjectKind::Charge => self.charge = None,
            ObjectKind::Invoice => self.invoice = None,
            // A renewal is an order of its own: what is about the subscription as a whole joins none of them.
            ObjectKind::Subscription => self.invoice = None,
            _ => {}
        }
        self
    }
}

/// An id, or the object itself where it was expanded.
fn named(object: &Value, place: &str) -> Option<String> {
    match object.pointer(place)? {
        Value::String(id) => Some(id.clone()).filter(|id| !id.is_empty()),
        expanded => text(&expanded["id"]),
    }
}

fn first(object: &Value, places: &[&str]) -> Option<String> {
    places.iter().find_map(|place| object.pointer(place)?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned))
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
