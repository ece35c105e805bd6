//! What a checkout refuses, and what becomes of one that Stripe refuses.

use rocket::http::{ContentType, Header, Status};
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::sandbox::Options;

use super::checkout::{ask, grinders, orders, session_of, shop, shop_with};
use crate::harness::{both_engines, read};
use crate::web::browser::Browser;

both_engines! {
    async fn what_cannot_be_bought_is_refused_by_its_name_and_nothing_is_kept(app: TestApp) {
        let whole = shop(&app).await;
        let item = |fields: Value| json!({ "items": [fields], "currency": "EUR" });
        for (body, field, words) in [
            (item(json!({ "sku": "G65", "unit_amount": 1 })), "items.0.unit_amount", "prices come from the catalogue"),
            (item(json!({ "sku": "NONE" })), "items.0.sku", "there is no product"),
            (item(json!({ "sku": "CUP" })), "items.0.sku", "has no price in EUR"),
            (item(json!({ "sku": "G65", "quantity": 0 })), "items.0.quantity", "not between 1 and"),
            (json!({ "items": [] }), "items", "nothing is ordered"),
            (json!({ "items": [{ "sku": "G65" }], "currency": "EUR", "email": "Ada <ada@example.com>" }), "email", "no mail address"),
            (json!({ "items": [{ "sku": "G65" }], "success_url": "https://evil.example/" }), "success_url", "THROUGHLINE_SITES"),
        ] {
            let answer = whole.post("/api/checkout", &body).await;
            let told = answer.json();
            assert_eq!((answer.status, &told["errors"][0]["field"]), (Status::UnprocessableEntity, &json!(field)), "{told}");
            assert!(told["errors"][0]["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{told}");
        }
        for (kind, body, status) in [(ContentType::Form, "a=b", 415), (ContentType::JSON, "{", 400), (ContentType::JSON, "[]", 422)] {
            let answer = read(whole.client.post("/api/checkout").header(kind).body(body).dispatch().await).await;
            assert_eq!(answer.status.code, status, "{body}: {}", answer.text);
        }
        assert_eq!((orders(&whole).await.len(), whole.sandbox.checkout_sessions().len()), (0, 0));
    }

    async fn whoever_opens_many_is_told_to_wait(app: TestApp) {
        let whole = shop(&app).await;
        for _ in 0..10 {
            assert_eq!(whole.post("/api/checkout", &json!({})).await.status, Status::UnprocessableEntity);
        }
        let refused = whole.post("/api/checkout", &grinders("EUR")).await;
        assert_eq!(refused.status, Status::TooManyRequests);
        assert!(refused.header("Retry-After").and_then(|wait| wait.parse::<u32>().ok()).is_some_and(|wait| wait <= 7), "{refused:?}");
        assert!(orders(&whole).await.is_empty());
    }

    async fn a_bad_key_is_no_key(app: TestApp) {
        let whole = shop(&app).await;
        for key in ["", &"x".repeat(256), "\u{e9}"] {
            assert_eq!(ask(&whole.client, key, &grinders("EUR")).await.status, Status::BadRequest, "{key}");
        }
    }

    async fn without_a_key_of_stripe_it_says_so(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let list = crate::catalog::add_list(&whole, crate::catalog::list("EUR", "EUR")).await;
        let id = crate::catalog::add(&whole, "G65").await;
        crate::catalog::price(&whole, id, list, (1, 100)).await;
        let answer = ask(&whole.client, "k", &grinders("EUR")).await;
        assert!(answer.status == Status::ServiceUnavailable && answer.text.contains("STRIPE_SECRET_KEY"), "{}", answer.text);
        assert!(orders(&whole).await.is_empty(), "no order is begun that cannot be paid");
    }

    async fn what_stripe_refuses_stands_on_the_order(app: TestApp) {
        let whole = shop(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        whole.sandbox.refuse_stripe_keys(true);
        let refused = ask(&whole.client, "k", &grinders("EUR")).await;
        assert_eq!(refused.status, Status::BadGateway, "{}", refused.text);
        assert!(!refused.text.contains("API Key"), "that is for the seller: {}", refused.text);
        assert!(browser.get("/orders/1").await.text.contains("Stripe refuses our key"));
        whole.sandbox.refuse_stripe_keys(false);
        session_of(&ask(&whole.client, "k", &grinders("EUR")).await);
        assert!(!browser.get("/orders/1").await.text.contains("Stripe refuses our key"));
    }

    async fn a_fault_of_stripe_is_tried_three_times_and_then_under_another_key(app: TestApp) {
        let whole = shop(&app).await;
        whole.sandbox.script(json!({ "fault": "server_error", "path": "/v1/checkout", "times": 3 }));
        assert_eq!(ask(&whole.client, "k", &grinders("EUR")).await.status, Status::ServiceUnavailable);
        assert_eq!(whole.sandbox.calls("POST /v1/checkout/sessions"), 3);
        session_of(&ask(&whole.client, "k", &grinders("EUR")).await);
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(browser.get("/orders/1").await.text.contains("2 times"), "Stripe keeps its own faults under a key");
        whole.sandbox.script(json!({ "fault": "rate_limited", "path": "/v1/checkout", "times": 1 }));
        assert_eq!(ask(&whole.client, "k3", &grinders("EUR")).await.status, Status::ServiceUnavailable);
        assert_eq!(whole.sandbox.calls("POST /v1/checkout/sessions"), 5, "a busy Stripe is not pressed");
    }

    async fn scripts_of_listed_sites_may_begin_one_and_come_back_there(app: TestApp) {
        let whole = shop_with(&app, &[("THROUGHLINE_SITES", "https://shop.example")]).await;
        let body = json!({ "items": [{ "sku": "G65" }], "currency": "EUR", "success_url": "https://shop.example/thanks?s={CHECKOUT_SESSION_ID}" });
        for (origin, seen) in [("https://shop.example", Some("https://shop.example")), ("https://evil.example", None)] {
            let request = whole.client.post("/api/checkout").header(ContentType::JSON).header(Header::new("Origin", origin));
            let answer = read(request.body(body.to_string()).dispatch().await).await;
            assert_eq!(answer.header("Access-Control-Allow-Origin"), seen, "{origin}");
            let id = session_of(&answer);
            let (_, back) = whole.sandbox.pay(&id, &[("card", "4242424242424242")], app.clock.now());
            assert_eq!(back, Some(format!("https://shop.example/thanks?s={id}")));
        }
    }
}
