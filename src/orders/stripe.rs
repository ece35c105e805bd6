//! Takes an event of Stripe into the books: the last word on its object, the order the object belongs to, where that order now stands.
//! The same events in any order and any number end in the same orders ([`super::model::Object::join`], [`super::standing`]).

use diesel::QueryResult;
use serde_json::json;

use super::family::Family;
use super::model::{Object, OrderId, Said};
use super::{booking, queries, standing};
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::event::Event;
use crate::integrations::stripe::snapshot::Snapshot;
use crate::line::LineId;
use crate::timeline;

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It said something new. `order` is empty until something comes that makes an order of it.
    Taken { object: String, order: Option<OrderId> },
    /// What it says was known, or newer things are known.
    Known { object: String, order: Option<OrderId> },
    /// Of a type that is not read, or without its object.
    NotRead,
}

/// Takes one event in.
pub fn apply(tx: &mut Tx<'_>, now: UtcTime, event: &Event, line: &LineId) -> QueryResult<Applied> {
    let Some(snapshot) = Snapshot::of(event) else { return Ok(Applied::NotRead) };
    queries::lock(tx.conn())?;
    record(tx, now, (event, &snapshot), line)?;
    let word = Object::new(snapshot, Said { event_id: &event.head.id, at: event.at, line });
    let known = queries::object(tx.conn(), &word.object_id)?;
    let joined = match &known {
        Some(known) => known.clone().join(word),
        None => word,
    };
    let is_news = known.as_ref() != Some(&joined);
    if is_news {
        queries::keep(tx, now, &joined)?;
    }
    let order = settle(tx, now, &joined)?;
    let object = joined.object_id;
    Ok(if is_news { Applied::Taken { object, order } } else { Applied::Known { object, order } })
}

/// Finds or makes the order of an object's family, and works out where it stands.
fn settle(tx: &mut Tx<'_>, now: UtcTime, object: &Object) -> QueryResult<Option<OrderId>> {
    let mut family = Family::of(tx.conn(), object)?;
    // The order the object is in already, else the first there was.
    let order = object.order_id.or_else(|| family.orders.first().copied());
    if let Some(order) = order {
        family.around_order(tx.conn(), order)?;
    }
    let agreed = order.map(|order| queries::agreed(tx.conn(), order)).transpose()?.flatten();
    let objects: Vec<Object> = family.objects.values().cloned().collect();
    let Some(standing) = standing::of(agreed.as_ref(), &objects) else { return Ok(order) };
    let order = match order {
        Some(order) => {
            queries::restate(tx, now, order, &standing)?;
            order
        }
        None => queries::insert(tx, now, &object.line_id, &standing)?,
    };
    queries::join(tx, order, &family.without_order())?;
    booking::enqueue_due(tx, now, order, &standing, &object.line_id)?;
    Ok(Some(order))
}

fn record(tx: &mut Tx<'_>, now: UtcTime, (event, snapshot): (&Event, &Snapshot), line: &LineId) -> QueryResult<()> {
    let happened = timeline::Event {
        line,
        source: PROVIDER,
        source_event_id: &event.head.id,
        kind: happening(snapshot),
        // The object, not the order: which order it belongs to may be known only later, and events are never changed.
        subject: &Object::subject(&snapshot.id),
        occurred_at: event.at,
        data: json!({ "type": event.head.event_type, "amount_minor": snapshot.amount_minor, "currency": snapshot.currency }),
    };
    timeline::record(tx, now, &happened)
}

/// `payment.succeeded`: the kind of event on the timeline.
fn happening(snapshot: &Snapshot) -> &'static str {
    use crate::integrations::stripe::snapshot::{ObjectKind as Kind, Status};
    match (snapshot.kind, snapshot.status) {
        (Kind::Session, Status::Paid | Status::Free) => "checkout.paid",
        (Kind::Session, Status::Processing) => "checkout.processing",
        (Kind::Session, Status::Failed) => "checkout.failed",
        (Kind::Session, Status::Expired) => "checkout.expired",
        (Kind::Session, _) => "checkout.open",
        (Kind::Payment, Status::Succeeded) => "payment.succeeded",
        (Kind::Payment, Status::Declined) => "payment.declined",
        (Kind::Payment, Status::Cancelled) => "payment.cancelled",
        (Kind::Payment, _) => "payment.processing",
        (Kind::Charge, _) => "payment.refunded",
        (Kind::Refund, Status::Failed | Status::Cancelled) => "refund.failed",
        (Kind::Refund, _) => "refund.made",
        (Kind::Dispute, Status::Open) => "dispute.opened",
        (Kind::Dispute, Status::Lost) => "dispute.lost",
        (Kind::Dispute, _) => "dispute.ended",
        (Kind::Invoice | Kind::InvoicePayment, _) => "invoice.paid",
        (Kind::Subscription, Status::Cancelled) => "subscription.cancelled",
        (Kind::Subscription, Status::Active) => "subscription.active",
        (Kind::Subscription, _) => "subscription.changed",
    }
}
