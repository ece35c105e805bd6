//! Stripe's own sample payloads, from before and after 2025: all are read, and lead to the state they should.

use std::path::PathBuf;

use throughline::clock::UtcTime;
use throughline::integrations::stripe::event::Event;
use throughline::integrations::stripe::snapshot::{Snapshot, Status};
use throughline::line::LineId;
use throughline::orders::model::Said;
use throughline::orders::{Attention, Object, OrderState, standing};

/// What each sample says of its object: status, amount, what was settled.
const TOLD: &[(&str, Status, i64, i64)] = &[
    ("composed-2026-07-29.dahlia/charge.dispute.created.json", Status::Open, 10_000, 0),
    ("composed-2026-07-29.dahlia/charge.refunded.full.json", Status::Succeeded, 10_000, 10_000),
    ("composed-2026-07-29.dahlia/charge.refunded.partial.json", Status::Succeeded, 10_000, 2_500),
    ("composed-2026-07-29.dahlia/checkout.session.async_payment_failed.json", Status::Failed, 10_000, 0),
    ("composed-2026-07-29.dahlia/checkout.session.async_payment_succeeded.json", Status::Paid, 10_000, 10_000),
    ("composed-2026-07-29.dahlia/checkout.session.completed.paid.json", Status::Paid, 10_000, 10_000),
    ("composed-2026-07-29.dahlia/checkout.session.completed.unpaid-async.json", Status::Processing, 10_000, 0),
    ("composed-2026-07-29.dahlia/checkout.session.expired.json", Status::Expired, 10_000, 0),
    ("composed-2026-07-29.dahlia/customer.subscription.created.json", Status::Open, 0, 0),
    ("composed-2026-07-29.dahlia/customer.subscription.deleted.json", Status::Cancelled, 0, 0),
    ("composed-2026-07-29.dahlia/customer.subscription.updated.json", Status::Active, 0, 0),
    ("composed-2026-07-29.dahlia/invoice.paid.json", Status::Paid, 2_000, 2_000),
    ("composed-2026-07-29.dahlia/payment_intent.payment_failed.json", Status::Declined, 10_000, 0),
    ("composed-2026-07-29.dahlia/payment_intent.succeeded.json", Status::Succeeded, 10_000, 10_000),
    ("verbatim-2020-03-02/charge_dispute_created.json", Status::Open, 1_000, 0),
    ("verbatim-2020-03-02/charge_refunded.json", Status::Succeeded, 2_500, 2_500),
    ("verbatim-2020-03-02/checkout_session_completed.json", Status::Paid, 999, 999),
    ("verbatim-2020-03-02/invoice_paid.json", Status::Paid, 0, 0),
    ("verbatim-2020-03-02/invoice_payment_paid.json", Status::Paid, 2_000, 2_000),
    ("verbatim-2020-03-02/payment_intent_payment_failed.json", Status::Declined, 1_000, 0),
    ("verbatim-2020-03-02/payment_intent_succeeded.json", Status::Succeeded, 1_000, 1_000),
    ("verbatim-2020-03-02/refund_created.json", Status::Succeeded, 1_000, 1_000),
    ("verbatim-2020-03-02/subscription_created.json", Status::Active, 0, 0),
    ("verbatim-2020-03-02/subscription_deleted.json", Status::Cancelled, 0, 0),
    ("verbatim-2020-03-02/subscription_updated.json", Status::Active, 0, 0),
];

fn folder() -> PathBuf {
    PathBuf::from(super::given("THROUGHLINE_CONTRACTS")).join("stripe")
}

fn sample(name: &str) -> Event {
    let body = std::fs::read(folder().join(name)).unwrap_or_else(|cause| panic!("{name}: {cause}"));
    Event::parse(&body).unwrap_or_else(|| panic!("{name} is no event"))
}

fn object(name: &str) -> Object {
    let event = sample(name);
    let snapshot = Snapshot::of(&event).unwrap_or_else(|| panic!("{name} is not read"));
    let line = LineId::mint(UtcTime::default());
    Object::new(snapshot, Said { event_id: &format!("{}/{name}", event.head.id), at: event.at, line: &line })
}

#[test]
#[ignore = "needs Stripe's samples: scripts/contract-test"]
fn every_sample_says_what_it_should() {
    let mut found = 0;
    for group in std::fs::read_dir(folder()).expect("the samples").flatten().filter(|entry| entry.path().is_dir()) {
        found += std::fs::read_dir(group.path()).expect("a folder").count();
    }
    assert_eq!(found, TOLD.len(), "the table names every sample");
    for (name, status, amount, settled) in TOLD {
        let told = object(name);
        assert_eq!((told.status, told.amount_minor, told.settled_minor), (*status, *amount, *settled), "{name}");
    }
}

#[test]
#[ignore = "needs Stripe's samples: scripts/contract-test"]
fn the_samples_of_one_purchase_make_one_order() {
    let of = |names: &[&str]| {
        let mut objects: Vec<Object> = Vec::new();
        for word in names.iter().map(|name| object(&format!("composed-2026-07-29.dahlia/{name}.json"))) {
            match objects.iter().position(|known| known.object_id == word.object_id) {
                Some(place) => objects[place] = objects[place].clone().join(word),
                None => objects.push(word),
            }
        }
        standing::of(None, &objects).map(|standing| (standing.state, standing.paid_minor, standing.refunded_minor, standing.attentions()))
    };
    let paid = ["payment_intent.payment_failed", "payment_intent.succeeded", "checkout.session.completed.paid"];
    assert_eq!(of(&paid), Some((OrderState::Paid, 10_000, 0, vec![])));
    assert_eq!(
        of(&["checkout.session.completed.paid", "checkout.session.completed.unpaid-async"]),
        Some((OrderState::Paid, 10_000, 0, vec![]))
    );
    assert_eq!(
        of(&["checkout.session.async_payment_failed", "checkout.session.completed.unpaid-async"]),
        Some((OrderState::Failed, 0, 0, vec![]))
    );
    let partly = [&paid[..], &["charge.refunded.partial"]].concat();
    assert_eq!(of(&partly), Some((OrderState::PartlyRefunded, 10_000, 2_500, vec![])));
    let all = [&["charge.refunded.full", "charge.dispute.created"], &partly[..]].concat();
    assert_eq!(of(&all), Some((OrderState::Refunded, 10_000, 10_000, vec![Attention::DisputeOpen])));
    assert_eq!(of(&["invoice.paid"]), Some((OrderState::Paid, 2_000, 0, vec![])));
    assert_eq!(of(&["charge.refunded.full", "payment_intent.succeeded"]), None, "a payment alone makes no order");
}
