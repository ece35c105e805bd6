//! What customers ask of Stripe shows on its connection, beside what jobs ask of it.

use rocket::http::Status;
use serde_json::{Value, json};
use throughline::accounts::Role;

use super::checkout::{ask, grinders, shop};
use crate::harness::both_engines;
use crate::web::browser::Browser;

/// When Stripe last worked, failures in a row, and calls of the last second.
async fn connection(browser: &Browser) -> (Value, Value, Value) {
    let told: Value = serde_json::from_str(&browser.get("/connections?format=json").await.text).expect("JSON");
    let stripe = told["connections"].as_array().expect("connections").iter().find(|one| one["connection"] == "stripe").expect("Stripe");
    (stripe["last_success_at"].clone(), stripe["failures_in_a_row"].clone(), stripe["windows"][0]["calls_used"].clone())
}

both_engines! {
    async fn a_checkout_counts_and_says_whether_stripe_works(app: TestApp) {
        let whole = shop(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(connection(&browser).await, (json!(null), json!(0), json!(0)));
        assert_eq!(ask(&whole.client, "k1", &grinders("EUR")).await.status, Status::Created);
        let (worked_at, failures, calls) = connection(&browser).await;
        assert!(worked_at.is_string(), "{worked_at}");
        assert_eq!((failures, calls), (json!(0), json!(1)));

        whole.sandbox.script(json!({ "fault": "server_error", "path": "/v1/checkout" }));
        assert_eq!(ask(&whole.client, "k2", &grinders("EUR")).await.status, Status::ServiceUnavailable);
        assert_eq!(connection(&browser).await, (worked_at, json!(0), json!(4)), "it is asked three times, and no job is held back");
        assert!(browser.get("/connections").await.text.contains("For a checkout: Stripe met a fault of its own [HTTP 500]"));

        whole.sandbox.clear_faults();
        whole.sandbox.refuse_stripe_keys(true);
        assert_eq!(ask(&whole.client, "k3", &grinders("EUR")).await.status, Status::BadGateway);
        assert!(browser.get("/connections").await.text.contains("For a checkout: Stripe refuses our key [HTTP 401]"));
    }
}
