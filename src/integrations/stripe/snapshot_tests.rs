//! What events of each kind say, and what is not read.

use serde_json::{Value, json};

use super::*;

fn told(kind: &str, object: Value) -> Option<Snapshot> {
    let event = json!({ "id": "evt_1", "type": kind, "created": 1_785_340_000, "data": { "object": object } });
    Snapshot::of(&Event::parse(event.to_string().as_bytes()).expect("an event"))
}

fn standing_of(kind: &str, object: Value) -> (Status, i64, i64) {
    let told = told(kind, object).expect("it is read");
    (told.status, told.amount_minor, told.settled_minor)
}

#[test]
fn a_session_is_paid_free_or_waits_for_a_bank() {
    let session = |payment_status: &str| json!({ "object": "checkout.session", "id": "cs_1", "status": "complete", "payment_status": payment_status, "amount_total": 10_000 });
    let told = [
        ("completed", "paid", (Status::Paid, 10_000, 10_000)),
        ("completed", "unpaid", (Status::Processing, 10_000, 0)),
        ("completed", "no_payment_required", (Status::Free, 10_000, 0)),
        ("async_payment_succeeded", "paid", (Status::Paid, 10_000, 10_000)),
        ("async_payment_failed", "unpaid", (Status::Failed, 10_000, 0)),
        ("expired", "unpaid", (Status::Expired, 10_000, 0)),
    ];
    for (event, payment_status, expected) in told {
        assert_eq!(standing_of(&format!("checkout.session.{event}"), session(payment_status)), expected, "{event} {payment_status}");
    }
}

#[test]
fn what_came_in_is_what_was_received_and_a_declined_try_is_not_the_end() {
    let payment = |status: &str, received: i64| json!({ "object": "payment_intent", "id": "pi_1", "status": status, "amount": 1_000, "amount_received": received });
    assert_eq!(standing_of("payment_intent.succeeded", payment("succeeded", 900)), (Status::Succeeded, 1_000, 900));
    // Seen in a published sample: the type says more than the object.
    assert_eq!(standing_of("payment_intent.succeeded", payment("requires_payment_method", 0)), (Status::Succeeded, 1_000, 1_000));
    assert_eq!(standing_of("payment_intent.payment_failed", payment("requires_payment_method", 0)), (Status::Declined, 1_000, 0));
    assert!(Status::Declined.rank() < Status::Succeeded.rank());
}

#[test]
fn a_refund_that_fails_after_all_stands_above_its_success() {
    let refund = |status: &str| json!({ "object": "refund", "id": "re_1", "status": status, "amount": 400, "charge": "ch_1", "payment_intent": { "id": "pi_1" } });
    assert_eq!(standing_of("refund.created", refund("succeeded")), (Status::Succeeded, 400, 400));
    assert_eq!(standing_of("refund.failed", refund("failed")), (Status::Failed, 400, 0));
    assert!(ObjectKind::Refund.rank(Status::Failed) > ObjectKind::Refund.rank(Status::Succeeded));
    let names = told("refund.updated", refund("pending")).expect("read").names;
    assert_eq!((names.charge.as_deref(), names.payment.as_deref()), (Some("ch_1"), Some("pi_1")), "an id or the object itself");
}

#[test]
fn an_invoice_names_its_subscription_and_payment_before_and_after_basil() {
    let before = json!({ "object": "invoice", "id": "in_1", "amount_paid": 2_000, "total": 2_000, "subscription": "sub_1", "payment_intent": "pi_1",
        "subscription_details": { "metadata": { "throughline_order": "o-1" } } });
    let after = json!({ "object": "invoice", "id": "in_1", "amount_paid": 2_000, "total": 2_000,
        "parent": { "subscription_details": { "subscription": "sub_1", "metadata": { "throughline_order": "o-1" } } },
        "payments": { "data": [{ "payment": { "type": "payment_intent", "payment_intent": "pi_1" } }] } });
    let (before, after) = (told("invoice.paid", before).expect("read"), told("invoice.paid", after).expect("read"));
    assert_eq!(before, after);
    assert_eq!((after.names.subscription.as_deref(), after.names.order.as_deref()), (Some("sub_1"), Some("o-1")));
}

#[test]
fn nothing_but_nulls_is_no_failure() {
    for (event, object) in [
        ("checkout.session.completed", "checkout.session"),
        ("payment_intent.succeeded", "payment_intent"),
        ("charge.refunded", "charge"),
        ("refund.created", "refund"),
        ("charge.dispute.closed", "dispute"),
        ("invoice.paid", "invoice"),
        ("invoice_payment.paid", "invoice_payment"),
        ("customer.subscription.updated", "subscription"),
    ] {
        let nulls = json!({ "object": object, "id": "x_1", "status": null, "amount": null, "currency": null, "customer": null, "metadata": null,
            "payment_intent": null, "customer_details": null, "parent": null, "amount_total": null, "payment": null });
        let told = told(event, nulls).expect("it is read");
        assert_eq!((told.names, told.currency, told.amount_minor), (Names::default(), None, 0), "{event}");
    }
}

#[test]
fn other_types_and_thin_events_are_not_read() {
    assert_eq!(told("product.created", json!({ "object": "product", "id": "prod_1" })), None);
    assert_eq!(told("invoice.paid", json!({ "object": "invoice", "id": null })), None);
    assert_eq!(told("charge.refunded", json!({ "object": "a.kind.of.tomorrow", "id": "x" })), None);
    let thin = json!({ "id": "evt_1", "type": "invoice.paid", "created": 1, "related_object": { "id": "in_1" } });
    assert_eq!(Snapshot::of(&Event::parse(thin.to_string().as_bytes()).expect("an event")), None);
}
