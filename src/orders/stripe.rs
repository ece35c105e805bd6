//! Takes events of Stripe into the books: the last word on each object, the order the object belongs to, where that order now stands.
//! The same events in any order and any number end in the same orders ([`super::model::Object::join`], [`super::standing`]).

use std::collections::{BTreeMap, BTreeSet};

use diesel::QueryResult;
use serde_json::json;

use super::family::{Families, Family};
use super::model::{Object, OrderId, Said};
use super::{booking, queries, standing};
use crate::clock::UtcTime;
use crate::db::{Conn, Tx};
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::event::Event;
use crate::integrations::stripe::snapshot::{self, ObjectKind, Snapshot};
use crate::line::LineId;
use crate::timeline;

/// An event, and the line it is on.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub event: &'a Event,
    pub line: &'a LineId,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It said something new. `order` is empty until something comes that makes an order of it.
    Taken { object: String, order: Option<OrderId> },
    /// What it says was known, or newer things are known.
    Known { object: String, order: Option<OrderId> },
    /// Of a type that is not read.
    NotRead,
    /// Of a type that is read, and its object could not be.
    Unreadable,
}

/// Takes events in, and says of each what became of it. Many cost hardly more queries than one: what is known of their objects, and
/// the families of these, are read once, and an order is worked out when all of them have had their say.
pub fn apply(tx: &mut Tx<'_>, now: UtcTime, told: &[Told<'_>]) -> QueryResult<Vec<Applied>> {
    let snapshots: Vec<Option<Snapshot>> = told.iter().map(|one| Snapshot::of(one.event)).collect();
    if snapshots.iter().all(Option::is_none) {
        return Ok(told.iter().map(|one| unread(one.event)).collect());
    }
    queries::lock(tx.conn())?;
    let ids = snapshots.iter().flatten().map(|snapshot| snapshot.id.clone()).collect();
    let mut words = LastWords::read(tx.conn(), ids)?;
    let mut heard = Vec::with_capacity(told.len());
    for (Told { event, line }, snapshot) in told.iter().zip(snapshots) {
        heard.push(match snapshot {
            Some(snapshot) => {
                record(tx, now, (event, &snapshot), line)?;
                let word = Object::new(snapshot, Said { event_id: &event.head.id, at: event.at, line });
                Some((word.object_id.clone(), words.hear(word)))
            }
            None => None,
        });
    }
    words.keep(tx, now)?;
    let mut families = Families::read(tx.conn(), &words.objects().collect::<Vec<_>>())?;
    let mut orders = BTreeMap::new();
    // As they were told: who comes first makes the order.
    for (id, _) in heard.iter().flatten() {
        let Some(object) = words.object(id) else { continue };
        let family = families.of(tx.conn(), object)?;
        orders.insert(id.clone(), settle(tx, now, object, family)?);
    }
    let applied = |(one, heard): (&Told<'_>, _)| match heard {
        Some(heard) => applied(heard, &orders),
        None => unread(one.event),
    };
    Ok(told.iter().zip(heard).map(applied).collect())
}

fn unread(event: &Event) -> Applied {
    if snapshot::TYPES.contains(&event.head.event_type.as_str()) { Applied::Unreadable } else { Applied::NotRead }
}

fn applied((object, is_news): (String, bool), orders: &BTreeMap<String, Option<OrderId>>) -> Applied {
    let order = orders.get(&object).copied().flatten();
    if is_news { Applied::Taken { object, order } } else { Applied::Known { object, order } }
}

/// What is known of some objects, before and after events are heard.
struct LastWords {
    stored: BTreeMap<String, Object>,
    heard: BTreeMap<String, Object>,
}

impl LastWords {
    fn read(conn: &mut Conn, ids: BTreeSet<String>) -> QueryResult<Self> {
        let stored = queries::objects(conn, &Vec::from_iter(ids))?;
        Ok(Self { stored: stored.into_iter().map(|object| (object.object_id.clone(), object)).collect(), heard: BTreeMap::new() })
    }

    /// Tells whether it was news.
    fn hear(&mut self, word: Object) -> bool {
        let known = self.heard.get(&word.object_id).or_else(|| self.stored.get(&word.object_id));
        let joined = match known {
            Some(known) => known.clone().join(word),
            None => word,
        };
        let is_news = known != Some(&joined);
        self.heard.insert(joined.object_id.clone(), joined);
        is_news
    }

    fn keep(&self, tx: &mut Tx<'_>, now: UtcTime) -> QueryResult<()> {
        let (known, new): (Vec<_>, Vec<_>) = self.heard.values().partition(|object| self.stored.contains_key(&object.object_id));
        queries::insert_objects(tx, now, &new)?;
        let has_changed = |object: &&&Object| self.stored.get(&object.object_id) != Some(**object);
        known.iter().filter(has_changed).try_for_each(|object| queries::restate_object(tx, now, object))
    }

    fn objects(&self) -> impl Iterator<Item = &Object> {
        self.heard.values()
    }

    fn object(&self, id: &str) -> Option<&Object> {
        self.heard.get(id)
    }
}

/// Finds or makes the order of an object's family, and works out where it stands.
fn settle(tx: &mut Tx<'_>, now: UtcTime, object: &Object, family: &mut Family) -> QueryResult<Option<OrderId>> {
    let id = family.order_of(&object.object_id);
    if !family.settled.insert(id) {
        return Ok(id);
    }
    let before = id.and_then(|id| family.order(id).cloned());
    if before.is_none() && id.is_some() {
        // Its row is gone: there is nothing to state, and another order must not take its place.
        return Ok(id);
    }
    let agreed = before.as_ref().and_then(standing::agreed);
    let Some(standing) = standing::of(agreed.as_ref(), &family.objects_of(id)) else { return Ok(id) };
    let order = match before {
        Some(before) => queries::restate(tx, now, before, standing)?,
        None => queries::insert(tx, now, &object.line_id, standing)?,
    };
    family.settled.insert(Some(order.id));
    queries::join(tx, order.id, &family.join(&order))?;
    booking::enqueue_due(tx, now, &order, &object.line_id)?;
    Ok(Some(order.id))
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
        data: json!({ "type": event.head.event_type, "amount_minor": moved(snapshot), "currency": snapshot.currency }),
    };
    timeline::record(tx, now, &happened)
}

/// What an event is about, in minor units: events of charges are read for what went back.
fn moved(snapshot: &Snapshot) -> i64 {
    if snapshot.kind == ObjectKind::Charge { snapshot.settled_minor } else { snapshot.amount_minor }
}

/// `payment.succeeded`: the kind of event on the timeline.
fn happening(snapshot: &Snapshot) -> &'static str {
    use crate::integrations::stripe::snapshot::Status;
    use ObjectKind as Kind;
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
