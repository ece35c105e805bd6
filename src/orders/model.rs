//! An order, what Stripe's objects say about it, and the words for both.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{order_lines, orders, stripe_objects};
use crate::db::{id_type, text_enum};
use crate::integrations::stripe::snapshot::{ObjectKind, Snapshot, Status};
use crate::line::LineId;

id_type! {
    /// A row of `orders`.
    pub struct OrderId;
}

impl OrderId {
    /// How jobs, events and audit rows name it.
    pub fn subject(self) -> String {
        format!("order:{self}")
    }
}

text_enum! {
    /// Where an order stands, worked out from its objects ([`super::standing`]).
    pub enum OrderState {
        /// Begun, nothing paid; a declined card leaves it here.
        Open => "open",
        /// The customer has done their part, the bank not yet.
        Processing => "processing",
        Paid => "paid",
        PartlyRefunded => "partly_refunded",
        Refunded => "refunded",
        /// The checkout ran out.
        Expired => "expired",
        /// The bank refused in the end.
        Failed => "failed",
    }
}

impl OrderState {
    /// Whether a customer may still pay, on this page or on another one.
    pub fn is_payable(self) -> bool {
        matches!(self, Self::Open | Self::Expired | Self::Failed)
    }
}

text_enum! {
    /// What a person has to look at.
    pub enum Attention {
        /// What came in is not what the order comes to.
        AmountDiffers => "amount_differs",
        /// Something is in another currency than the order.
        CurrencyDiffers => "currency_differs",
        RefundedMore => "refunded_more",
        /// The customer's bank asks for the money back.
        DisputeOpen => "dispute_open",
        DisputeLost => "dispute_lost",
    }
}

/// An order as its row holds it.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = orders)]
pub struct Order {
    pub id: OrderId,
    /// Ours; None: it began at Stripe.
    pub reference: Option<String>,
    pub line_id: String,
    #[diesel(embed)]
    pub standing: Standing,
    /// Since when its booking has stopped and needs a person; None: it has not, or it runs again.
    pub booking_failed_at: Option<UtcTime>,
}

/// Everything about an order that follows from what is known of its objects.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = orders, treat_none_as_null = true)]
pub struct Standing {
    pub state: OrderState,
    /// ISO 4217.
    pub currency: Option<String>,
    /// What the order comes to, in minor units.
    pub total_minor: Option<i64>,
    pub paid_minor: i64,
    pub refunded_minor: i64,
    /// Taken back by banks in disputes.
    pub lost_minor: i64,
    /// [`Attention`], separated by commas.
    pub attention: Option<String>,
    pub email: Option<String>,
    pub person: Option<String>,
    /// Stripe's customer.
    pub customer: Option<String>,
    pub placed_at: UtcTime,
    pub paid_at: Option<UtcTime>,
}

impl Standing {
    /// What a person has to look at.
    pub fn attentions(&self) -> Vec<Attention> {
        self.attention.iter().flat_map(|codes| codes.split(',')).filter_map(Attention::parse).collect()
    }
}

/// What was bought.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = order_lines)]
pub struct OrderLine {
    pub sku: String,
    pub name: String,
    pub quantity: i64,
    pub unit_minor: i64,
    pub total_minor: i64,
}

/// The last word on one object of Stripe.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = stripe_objects, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct Object {
    pub object_id: String,
    pub kind: ObjectKind,
    pub status: Status,
    pub status_rank: i64,
    pub amount_minor: i64,
    pub settled_minor: i64,
    pub currency: Option<String>,
    pub made_at: Option<UtcTime>,
    pub payment: Option<String>,
    pub charge: Option<String>,
    pub invoice: Option<String>,
    pub subscription: Option<String>,
    pub customer: Option<String>,
    /// Of our own order, as the object names it.
    pub reference: Option<String>,
    pub email: Option<String>,
    pub person: Option<String>,
    pub event_id: String,
    pub event_at: UtcTime,
    pub line_id: String,
    pub order_id: Option<OrderId>,
    /// Of a dispute that waits for our answer: until when.
    pub respond_by: Option<UtcTime>,
}

/// The event an object's standing comes from.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub event_id: &'a str,
    pub at: UtcTime,
    pub line: &'a LineId,
}

impl Object {
    /// What one event says.
    pub fn new(snapshot: Snapshot, said: Said<'_>) -> Self {
        let Snapshot { kind, id, status, amount_minor, settled_minor, currency, made_at, respond_by, names } = snapshot;
        Self {
            object_id: id,
            status_rank: kind.rank(status),
            kind,
            status,
            amount_minor,
            settled_minor,
            currency,
            made_at,
            payment: names.payment,
            charge: names.charge,
            invoice: names.invoice,
            subscription: names.subscription,
            customer: names.customer,
            reference: names.order,
            email: names.email,
            person: names.person,
            event_id: said.event_id.to_owned(),
            event_at: said.at,
            line_id: said.line.to_string(),
            order_id: None,
            respond_by,
        }
    }

    /// The last word of two: the higher rank, then the later event, then what tells events of one second apart the same way
    /// wherever it is asked. What the last word leaves unsaid is taken from the other: an id once named stays.
    /// In whatever order and however often words are joined, the result is the same.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let (last, first) = if self.place() >= other.place() { (self, other) } else { (other, self) };
        Self {
            currency: last.currency.or(first.currency),
            made_at: last.made_at.or(first.made_at),
            payment: last.payment.or(first.payment),
            charge: last.charge.or(first.charge),
            invoice: last.invoice.or(first.invoice),
            subscription: last.subscription.or(first.subscription),
            customer: last.customer.or(first.customer),
            reference: last.reference.or(first.reference),
            email: last.email.or(first.email),
            person: last.person.or(first.person),
            order_id: last.order_id.or(first.order_id),
            ..last
        }
    }

    fn place(&self) -> (i64, UtcTime, i64, &str) {
        (self.status_rank, self.event_at, self.settled_minor, &self.event_id)
    }

    /// How events about it name it.
    pub fn subject(object_id: &str) -> String {
        format!("stripe:{object_id}")
    }
}
