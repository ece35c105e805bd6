//! What is asked for, case by case.

use super::*;
use crate::orders::booking::model::StepId;

fn standing(paid_minor: i64, refunded_minor: i64) -> Standing {
    let state = match refunded_minor {
        0 => OrderState::Paid,
        some if some < paid_minor => OrderState::PartlyRefunded,
        _ => OrderState::Refunded,
    };
    Standing {
        state,
        currency: Some("EUR".into()),
        total_minor: Some(paid_minor),
        paid_minor,
        refunded_minor,
        lost_minor: 0,
        attention: None,
        email: Some("Ada@Example.com".into()),
        person: None,
        customer: None,
        placed_at: UtcTime::default(),
        paid_at: None,
    }
}

fn asked(steps: &[NewStep]) -> Vec<(&'static str, i64, &str, i64)> {
    steps.iter().map(|step| (step.kind.as_str(), step.number, step.key.as_str(), step.amount_minor)).collect()
}

fn known(steps: &[NewStep]) -> Vec<Step> {
    let step = |new: &NewStep| Step {
        id: StepId(1),
        order_id: OrderId(1),
        kind: new.kind,
        number: new.number,
        key: new.key.clone(),
        amount_minor: new.amount_minor,
        currency: "EUR".into(),
        organisation_id: None,
        zoho_id: None,
        account_id: None,
        asked_at: UtcTime::default(),
        done_at: None,
    };
    steps.iter().map(step).collect()
}

#[test]
fn a_paid_order_is_booked_once_and_each_refund_by_what_is_new_of_it() {
    let mut all = missing("TL-1", &standing(5_120, 0), &[]);
    assert_eq!(
        asked(&all),
        [("customer", 0, "mail:ada@example.com:EUR", 5_120), ("invoice", 0, "TL-1", 5_120), ("payment", 0, "TL-1", 5_120)]
    );
    assert_eq!(missing("TL-1", &standing(5_120, 0), &known(&all)), []);
    for (refunded, amount) in [(1_000, Some(1_000)), (1_000, None), (5_120, Some(4_120)), (9_999, None)] {
        let more = missing("TL-1", &standing(5_120, refunded), &known(&all));
        assert_eq!(more.first().map(|step| step.amount_minor), amount, "{refunded}");
        all.extend(more);
    }
    let notes: Vec<_> = all.iter().filter(|step| step.kind == StepKind::CreditNote).map(|step| step.key.as_str()).collect();
    assert_eq!(notes, ["TL-1-R1", "TL-1-R2"]);
}

#[test]
fn what_is_not_settled_or_does_not_agree_is_not_booked() {
    let open = Standing { state: OrderState::Open, ..standing(5_120, 0) };
    let differs = Standing { attention: Some("amount_differs".into()), ..standing(5_120, 0) };
    let mixed = Standing { attention: Some("currency_differs".into()), ..standing(5_120, 0) };
    let unknown = Standing { currency: Some("XXX".into()), ..standing(5_120, 0) };
    for standing in [&open, &differs, &mixed, &unknown] {
        assert_eq!(missing("TL-1", standing, &[]), [], "{standing:?}");
    }
    assert_eq!(hindrance(&open), None);
    assert!(hindrance(&differs).is_some() && hindrance(&mixed).is_some() && hindrance(&unknown).is_some());
    // A lost dispute is no reason against it.
    assert_eq!(missing("TL-1", &Standing { attention: Some("dispute_open".into()), ..standing(1, 0) }, &[]).len(), 3);
}

#[test]
fn where_nothing_was_to_pay_there_is_an_invoice_and_no_payment() {
    let kinds: Vec<_> = missing("TL-1", &standing(0, 0), &[]).iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::Customer, StepKind::Invoice]);
}

#[test]
fn the_number_names_the_order_and_the_installation() {
    assert_eq!(document_number(OrderId(12), "0192f0c1-2d3e-7a4b-8c5d-6e7f809f03a1"), "TL-12-9F03A1");
}
