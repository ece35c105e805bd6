//! The real program's calls to Zoho Books, each judged by Zoho's description.

use std::collections::BTreeSet;

use serde_json::json;
use throughline::db::Engine;
use throughline::http::{Method, Outgoing};
use throughline::sandbox::Options;

use super::described::Described;
use crate::harness::on_engine;
use crate::orders::pages::{session, tell};

#[test]
#[ignore = "needs Zoho's published descriptions: scripts/contract-test"]
fn what_the_program_books_is_what_zoho_describes() {
    on_engine(Engine::Sqlite, |app| async move {
        let described = Described::new();
        let whole = app.whole_through(Options::default(), &[], |sandbox| described.in_front_of(sandbox)).await;
        whole.connect_zoho().await;
        whole.choose_books().await;
        for (number, amount, currency) in [(1, 5_120, "eur"), (2, 5_125, "kwd"), (3, 5_000, "jpy")] {
            tell(&whole, number, "checkout.session.completed", session(number, amount, currency)).await;
        }
        let charge = json!({ "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 5_120, "amount_refunded": 20, "currency": "eur" });
        tell(&whole, 4, "charge.refunded", charge).await;
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.books()["refunds"].as_array().map(Vec::len), Some(1), "{:#}", whole.sandbox.books());

        let judged: Vec<_> = described.judged().into_iter().filter(|judged| judged.call.contains("/books/")).collect();
        let wrong: Vec<_> = judged.iter().filter(|judged| judged.violation.is_some()).collect();
        assert!(wrong.is_empty(), "Zoho's description does not allow: {wrong:#?}");
        let calls: BTreeSet<String> = judged.iter().map(|judged| without_ids(&judged.call)).collect();
        assert_eq!(
            calls.into_iter().collect::<Vec<_>>(),
            [
                "GET /books/v3/contacts",
                "GET /books/v3/invoices",
                "GET /books/v3/invoices/{id}/payments",
                "POST /books/v3/contacts",
                "POST /books/v3/customerpayments",
                "POST /books/v3/invoices",
                "POST /books/v3/invoices/{id}/status/sent",
            ],
            "each call that is described is made here"
        );
    });
}

/// The test of the test: a request that is wrong is refused.
#[tokio::test]
#[ignore = "needs Zoho's published descriptions: scripts/contract-test"]
async fn a_booking_that_is_not_as_described_is_refused() {
    let described = Described::new();
    let call = |query: &str, body: serde_json::Value| Outgoing {
        method: Method::Post,
        url: format!("https://www.zohoapis.test/books/v3/invoices{query}"),
        headers: vec![("authorization", "Zoho-oauthtoken 1000.made-up".into()), ("content-type", "application/json".into())],
        body: body.to_string().into_bytes(),
    };
    let line = json!({ "name": "Order 1", "quantity": 1, "rate": 51.2 });
    for (query, body) in [
        ("", json!({ "customer_id": "1", "line_items": [line] })),
        ("?organization_id=1", json!({})),
        ("?organization_id=1", json!({ "customer_id": 1, "line_items": [line] })),
        ("?organization_id=1", json!({ "customer_id": "1", "line_items": [{ "name": "Order 1", "quantity": 1, "rate": "51.2" }] })),
    ] {
        let judged = described.judge(&call(query, body.clone())).await;
        assert!(judged.violation.is_some(), "{query} {body} is let through");
    }
}

/// Without what differs from run to run.
fn without_ids(call: &str) -> String {
    let is_id = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    call.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect::<Vec<_>>().join("/")
}
