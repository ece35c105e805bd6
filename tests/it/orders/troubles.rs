//! Disputes and money without an order: who is told, and by when an answer is due.

use std::time::Duration;

use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::sandbox::Options;

use super::pages::{session, tell};
use crate::harness::{STRIPE, both_engines};
use crate::health::{SETTINGS, beat, check, healthy, monitored, pass, recommended};
use crate::web::browser::Browser;

/// The test's clock begins on 2026-11-22 at 09:00 UTC.
const BEGINS: i64 = 1_795_338_000;

fn dispute(number: u32, status: &str, due_by: Value) -> Value {
    json!({ "object": "dispute", "id": format!("dp_{number}"), "charge": format!("ch_{number}"), "payment_intent": format!("pi_{number}"), "status": status,
        "amount": 5_120, "currency": "eur", "evidence_details": { "due_by": due_by, "has_evidence": false } })
}

both_engines! {
    async fn an_open_dispute_is_told_with_the_day_it_is_to_be_answered_by(app: TestApp) {
        let whole = healthy(&app).await;
        assert_eq!(check(&monitored(&whole).await.json(), "orders:disputes"), ("pass".into(), "No dispute is open.".into()));
        for number in 1..=3 {
            tell(&whole, number, "checkout.session.completed", session(number, 5_120, "eur")).await;
        }
        tell(&whole, 11, "charge.dispute.created", dispute(1, "needs_response", json!(BEGINS + 9 * 86_400))).await;
        tell(&whole, 12, "charge.dispute.created", dispute(2, "needs_response", json!(BEGINS + 5 * 86_400))).await;
        pass(&whole, 6).await;
        let told = monitored(&whole).await.json();
        let (state, output) = check(&told, "orders:disputes");
        assert_eq!(state, "warn");
        assert!(output.starts_with("2 disputes are open") && output.contains("that of order 2, by 2026-11-27 09:00 UTC, in 4 d"), "{output}");
        assert!(recommended(&told).contains(&"orders:disputes"));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let page = viewer.get("/orders/2").await.text;
        assert!(page.contains("Answer the dispute in Stripe by"), "{page}");
        let list = viewer.get("/orders?state=disputed").await.text;
        assert!(list.contains("/orders/1\"") && list.contains("/orders/2\"") && !list.contains("/orders/3\""), "{list}");
        assert!(viewer.get("/").await.text.contains("2 disputes are open"));
        assert!(viewer.get("/health").await.text.contains("/orders?state=disputed"));

        // Answered, then won: what has no date is not said to have one.
        tell(&whole, 13, "charge.dispute.updated", dispute(2, "under_review", json!(BEGINS + 5 * 86_400))).await;
        tell(&whole, 14, "charge.dispute.closed", dispute(1, "won", json!(0))).await;
        pass(&whole, 6).await;
        let (_, output) = check(&monitored(&whole).await.json(), "orders:disputes");
        assert!(output.starts_with("1 dispute is open") && output.ends_with("None of them waits for our answer, as far as Stripe told."), "{output}");
    }

    async fn money_without_an_order_is_told_once_its_order_had_time_to_come(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[SETTINGS, &STRIPE].concat()).await;
        whole.connect_zoho().await;
        beat(&whole).await;
        let payment = json!({ "object": "payment_intent", "id": "pi_9", "status": "succeeded", "amount": 900, "amount_received": 900, "currency": "eur", "created": BEGINS });
        whole.push(&whole.sandbox.happen_at_stripe("payment_intent.succeeded", &payment, app.clock.now())).await;
        whole.run_until_idle().await;
        pass(&whole, 60).await;
        assert_eq!(check(&monitored(&whole).await.json(), "orders:unmatched").0, "pass", "what names its order may come yet");
        app.clock.advance(Duration::from_secs(3_600));
        pass(&whole, 6).await;
        let told = monitored(&whole).await.json();
        let (state, output) = check(&told, "orders:unmatched");
        assert_eq!((state.as_str(), output.as_str()), ("warn", "1 payment of the last 30 days belongs to no order that we know of."));
        let first = told["recommendations"].as_array().expect("a list").iter().find(|one| one["check"] == "orders:unmatched").expect("it is there");
        assert_eq!(first["help"]["page"]["path"], "/orders/unmatched");
    }
}
