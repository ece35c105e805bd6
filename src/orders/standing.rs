//! Works an order's state and sums out of everything known about its objects: a pure function of a set, so that neither the order
//! nor the number of events can change what comes out.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Attention, Object, Order, OrderState, Standing};
use crate::clock::UtcTime;
use crate::integrations::stripe::snapshot::{ObjectKind, Status};

/// What was agreed before anybody paid, where the checkout was ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    pub currency: String,
    pub total_minor: i64,
    pub placed_at: UtcTime,
    /// As the customer named it, until Stripe knows better.
    pub email: Option<String>,
}

/// What was agreed on an order of our own; None: it began at Stripe.
pub fn agreed(order: &Order) -> Option<Agreed> {
    order.reference.as_ref()?;
    let Standing { currency, total_minor, placed_at, email, .. } = order.standing.clone();
    Some(Agreed { currency: currency?, total_minor: total_minor?, placed_at, email })
}

/// Where an order with these objects stands. None: no object anchors an order (see [`is_anchor`]) and nothing was agreed.
pub fn of(agreed: Option<&Agreed>, objects: &[Object]) -> Option<Standing> {
    let mut objects: Vec<&Object> = objects.iter().collect();
    // Where several could speak, the same one does everywhere.
    objects.sort_by(|one, other| one.object_id.cmp(&other.object_id));
    let anchor = objects.iter().filter(|object| is_anchor(object)).min_by_key(|object| (object.kind, &object.object_id));
    if agreed.is_none() && anchor.is_none() {
        return None;
    }
    let taken = taken(&objects);
    let paid_minor = taken.values().map(|part| part.amount_minor).sum();
    let refunded_minor = refunded(&objects);
    let lost_minor = objects.iter().filter(|object| object.status == Status::Lost).map(|object| object.amount_minor).sum();
    let currency = agreed.map(|agreed| agreed.currency.clone()).or_else(|| anchor.and_then(|anchor| anchor.currency.clone()));
    let total_minor = agreed.map(|agreed| agreed.total_minor).or_else(|| anchor.map(|anchor| anchor.amount_minor));
    let is_settled = !taken.is_empty() || objects.iter().any(|object| object.status == Status::Free);
    let first = |of: fn(&Object) -> &Option<String>| objects.iter().find_map(|object| of(object).clone());
    let attention = attention(&objects, &taken, (currency.as_deref(), total_minor, refunded_minor));
    let began_at = objects.iter().filter(|object| is_anchor(object)).map(|object| object.made_at.unwrap_or(object.event_at)).min();
    Some(Standing {
        state: state(&objects, is_settled, (paid_minor, refunded_minor)),
        currency,
        total_minor,
        paid_minor,
        refunded_minor,
        lost_minor,
        attention: Some(attention.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(",")).filter(|codes| !codes.is_empty()),
        email: first(|object| &object.email).or_else(|| agreed?.email.clone()),
        person: first(|object| &object.person),
        customer: first(|object| &object.customer),
        placed_at: agreed.map(|agreed| agreed.placed_at).or(began_at)?,
        paid_at: settled_at(&objects, &taken).filter(|_| is_settled),
    })
}

/// Whether an object alone makes an order of its family: a checkout that was gone through, or a paid invoice. A payment, a charge, a
/// refund or a dispute belongs to one of these, which may come later.
pub fn is_anchor(object: &Object) -> bool {
    match object.kind {
        ObjectKind::Session => object.status != Status::Open && object.status != Status::Expired,
        ObjectKind::Invoice => true,
        _ => false,
    }
}

/// Money that came in, once: by payment, or by the invoice or session where no payment is known.
struct Part {
    amount_minor: i64,
    currency: Option<String>,
    at: UtcTime,
}

/// What came in. The payment itself knows best; a charge, then a session, says as much where its payment was not heard of.
fn taken<'a>(objects: &[&'a Object]) -> BTreeMap<&'a str, Part> {
    let mut taken: BTreeMap<&str, Part> = BTreeMap::new();
    for kind in [ObjectKind::Payment, ObjectKind::Charge, ObjectKind::Session] {
        for object in objects.iter().filter(|object| object.kind == kind) {
            let amount = match object.kind {
                ObjectKind::Charge => object.amount_minor,
                _ if matches!(object.status, Status::Succeeded | Status::Paid) => object.settled_minor,
                _ => continue,
            };
            // A session that was settled by an invoice is counted with the invoice.
            if kind == ObjectKind::Session && object.payment.is_none() && object.invoice.is_some() && has_invoice(objects, object) {
                continue;
            }
            let key = match kind {
                ObjectKind::Payment => Some(&object.object_id),
                _ => object.payment.as_ref(),
            };
            let key = key.or(object.invoice.as_ref()).unwrap_or(&object.object_id);
            taken.entry(key).or_insert(Part { amount_minor: amount, currency: object.currency.clone(), at: object.event_at });
        }
    }
    for invoice in objects.iter().filter(|object| object.kind == ObjectKind::Invoice) {
        let payments = paid_for(objects, invoice);
        let settled = payments.iter().filter_map(|payment| taken.get(payment.as_str())).map(|part| part.amount_minor);
        // What of it was not paid by a payment we know: out of band, or by one not heard of yet.
        let rest = invoice.settled_minor - settled.sum::<i64>();
        if rest > 0 {
            taken.insert(&invoice.object_id, Part { amount_minor: rest, currency: invoice.currency.clone(), at: invoice.event_at });
        } else if invoice.settled_minor == 0 {
            taken.entry(&invoice.object_id).or_insert(Part { amount_minor: 0, currency: invoice.currency.clone(), at: invoice.event_at });
        }
    }
    taken
}

fn has_invoice(objects: &[&Object], session: &Object) -> bool {
    objects.iter().any(|object| object.kind == ObjectKind::Invoice && Some(&object.object_id) == session.invoice.as_ref())
}

/// The payments that settled an invoice, as far as any object names both.
fn paid_for<'a>(objects: &[&'a Object], invoice: &'a Object) -> BTreeSet<&'a String> {
    let both = objects.iter().filter(|object| object.invoice.as_ref() == Some(&invoice.object_id)).filter_map(|object| match object.kind {
        ObjectKind::Payment => Some(&object.object_id),
        _ => object.payment.as_ref(),
    });
    both.chain(invoice.payment.as_ref()).collect()
}

/// What went back. A charge tells its sum at one moment, each refund its own fate: a refund that failed after that moment came back.
fn refunded(objects: &[&Object]) -> i64 {
    let refunds = || objects.iter().filter(|object| object.kind == ObjectKind::Refund);
    let charges: Vec<&&Object> = objects.iter().filter(|object| object.kind == ObjectKind::Charge).collect();
    let of_charges = charges.iter().map(|charge| {
        let own = || refunds().filter(|refund| belongs(refund, charge));
        let came_back: i64 = own()
            .filter(|refund| matches!(refund.status, Status::Failed | Status::Cancelled))
            .filter(|refund| refund.event_at >= charge.event_at && refund.made_at.is_some_and(|made_at| made_at <= charge.event_at))
            .map(|refund| refund.amount_minor)
            .sum();
        let known: i64 = own().map(|refund| refund.settled_minor).sum();
        known.max(charge.settled_minor - came_back)
    });
    let alone = refunds().filter(|refund| !charges.iter().any(|charge| belongs(refund, charge))).map(|refund| refund.settled_minor);
    of_charges.sum::<i64>() + alone.sum::<i64>()
}

fn belongs(refund: &Object, charge: &Object) -> bool {
    match &refund.charge {
        Some(named) => *named == charge.object_id,
        None => refund.payment.is_some() && refund.payment == charge.payment,
    }
}

fn state(objects: &[&Object], is_settled: bool, (paid, refunded): (i64, i64)) -> OrderState {
    let any = |kind: ObjectKind, status: Status| objects.iter().any(|object| object.kind == kind && object.status == status);
    if is_settled {
        return match refunded {
            0 => OrderState::Paid,
            some if some < paid => OrderState::PartlyRefunded,
            _ => OrderState::Refunded,
        };
    }
    if any(ObjectKind::Session, Status::Processing) || any(ObjectKind::Payment, Status::Processing) {
        return OrderState::Processing;
    }
    if any(ObjectKind::Session, Status::Open) {
        return OrderState::Open;
    }
    if any(ObjectKind::Session, Status::Failed) {
        return OrderState::Failed;
    }
    if any(ObjectKind::Session, Status::Expired) { OrderState::Expired } else { OrderState::Open }
}

fn settled_at(objects: &[&Object], taken: &BTreeMap<&str, Part>) -> Option<UtcTime> {
    let free = objects.iter().filter(|object| object.status == Status::Free).map(|object| object.event_at);
    taken.values().map(|part| part.at).chain(free).min()
}

fn attention(
    objects: &[&Object],
    taken: &BTreeMap<&str, Part>,
    (currency, total, refunded): (Option<&str>, Option<i64>, i64),
) -> Vec<Attention> {
    let paid: i64 = taken.values().map(|part| part.amount_minor).sum();
    let is_money = |object: &&&Object| object.kind != ObjectKind::Subscription;
    let others = objects.iter().filter(is_money).filter_map(|object| object.currency.as_deref());
    let has = |status: Status| objects.iter().any(|object| object.kind == ObjectKind::Dispute && object.status == status);
    let is_free = objects.iter().any(|object| object.status == Status::Free);
    let found = [
        (!is_free && !taken.is_empty() && total.is_some_and(|total| total != paid), Attention::AmountDiffers),
        (
            others.chain(taken.values().filter_map(|part| part.currency.as_deref())).any(|other| Some(other) != currency),
            Attention::CurrencyDiffers,
        ),
        (refunded > paid, Attention::RefundedMore),
        (has(Status::Open), Attention::DisputeOpen),
        (has(Status::Lost), Attention::DisputeLost),
    ];
    found.into_iter().filter(|(is_so, _)| *is_so).map(|(_, attention)| attention).collect()
}
