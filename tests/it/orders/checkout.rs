//! Checkouts: from SKUs to a page at Stripe, and from what Stripe tells to a paid order; once, whatever happens in between.

use std::time::Duration;

use rocket::http::{ContentType, Header, Status};
use rocket::local::asynchronous::Client;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::orders::{Order, OrderState, list_queries};
use throughline::sandbox::Options;

use crate::catalog::{add, add_list, list, price};
use crate::harness::{Answered, STRIPE, TestApp, Whole, both_engines, read};
use crate::web::browser::Browser;

/// The program with two products: a grinder for 49.00 EUR, 5,000 JPY, 5.120 KWD and 900 ISK, a cup for 5.124 KWD.
pub async fn shop(app: &TestApp) -> Whole {
    shop_with(app, &[]).await
}

pub async fn shop_with(app: &TestApp, settings: &[(&str, &str)]) -> Whole {
    let whole = app.whole_with(Options::default(), &[&STRIPE, settings].concat()).await;
    let (grinder, cup) = (add(&whole, "G65").await, add(&whole, "CUP").await);
    for (code, amount) in [("EUR", 4_900), ("JPY", 5_000), ("KWD", 5_120), ("ISK", 900)] {
        let list = add_list(&whole, list(code, code)).await;
        price(&whole, grinder, list, (1, amount)).await;
        if code == "KWD" {
            price(&whole, cup, list, (1, 5_124)).await;
        }
    }
    whole
}

/// Two grinders in this currency.
pub fn grinders(code: &str) -> Value {
    json!({ "items": [{ "sku": "g65", "quantity": 2 }], "currency": code, "email": "Ada@Example.com" })
}

/// Asks for a checkout under this key.
pub async fn ask(client: &Client, key: &str, body: &Value) -> Answered {
    let request = client.post("/api/checkout").header(ContentType::JSON).header(Header::new("Idempotency-Key", key.to_owned()));
    read(request.body(body.to_string()).dispatch().await).await
}

/// The id of the session that an answer leads to.
pub fn session_of(answer: &Answered) -> String {
    assert_eq!(answer.status, Status::Created, "{}", answer.text);
    answer.json()["url"].as_str().and_then(|url| url.rsplit('/').next()).expect("a page").to_owned()
}

/// Brings what Stripe has to tell, the latest first and each twice, and does what follows.
pub async fn hear(app: &TestApp, whole: &Whole) {
    for webhook in whole.sandbox.take_stripe_webhooks(app.clock.now()).into_iter().rev() {
        for _ in 0..2 {
            assert_eq!(whole.push(&webhook).await.status, Status::Ok);
        }
    }
    whole.run_until_idle().await;
}

/// Every order, the latest first.
pub async fn orders(whole: &Whole) -> Vec<Order> {
    whole.ask(|conn| list_queries::page(conn, &list_queries::OrderFilter::default(), "".parse().unwrap_or_default(), 100)).await.rows
}

fn sums(order: &Order) -> (OrderState, Option<i64>, i64, Option<String>) {
    let standing = &order.standing;
    (standing.state, standing.total_minor, standing.paid_minor, standing.attention.clone())
}

both_engines! {
    async fn a_purchase_goes_from_skus_to_a_paid_order(app: TestApp) {
        let whole = shop(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let answer = ask(&whole.client, "k1", &grinders("EUR")).await;
        let id = session_of(&answer);
        assert_eq!(answer.header("Location"), answer.json()["url"].as_str());
        let session = whole.sandbox.checkout_sessions().remove(0);
        assert_eq!((&session["amount_total"], &session["currency"], &session["customer_email"]), (&json!(9_800), &json!("eur"), &json!("ada@example.com")));
        assert_eq!(session["metadata"]["throughline_order"], answer.json()["order"]);
        let page = browser.get("/orders/1").await.text;
        for told in ["Order 1", "Product G65", "EUR\u{a0}98.00", "Open it at Stripe", &id, "Order begun", "has not paid yet"] {
            assert!(page.contains(told), "{told}: {page}");
        }

        let (declined, _) = whole.sandbox.pay(&id, &[("card", "4000 0000 0000 0002")], app.clock.now());
        assert_eq!(declined, 402);
        hear(&app, &whole).await;
        assert_eq!(sums(&orders(&whole).await[0]), (OrderState::Open, Some(9_800), 0, None));

        let (status, back) = whole.sandbox.pay(&id, &[("card", "4242 4242 4242 4242"), ("email", "ada@example.com")], app.clock.now());
        assert_eq!((status, back.as_deref()), (303, Some("http://127.0.0.1:8000/checkout/thanks")));
        assert!(browser.get("/checkout/thanks").await.text.contains("Thank you"));
        assert_eq!(sums(&orders(&whole).await[0]).0, OrderState::Open, "the page people come back to decides nothing");
        hear(&app, &whole).await;
        let found = orders(&whole).await;
        assert_eq!((found.len(), sums(&found[0])), (1, (OrderState::Paid, Some(9_800), 9_800, None)));
        assert_eq!(found[0].standing.email.as_deref(), Some("ada@example.com"));
        let page = browser.get("/orders/1").await.text;
        assert!(page.contains("Checkout paid") && !page.contains("Open it at Stripe"), "{page}");
        assert_eq!(ask(&whole.client, "k1", &grinders("EUR")).await.status, Status::Conflict, "it is paid");
        assert_eq!(whole.sandbox.checkout_sessions().len(), 1);
    }

    async fn the_same_request_again_leads_to_the_same_page_at_the_same_price(app: TestApp) {
        let whole = shop(&app).await;
        let first = ask(&whole.client, "k1", &grinders("EUR")).await;
        let grinder = whole.ask(|conn| throughline::catalog::queries::wholes(conn, &[throughline::catalog::model::key("G65")])).await;
        let product = grinder.into_values().next().expect("it is there").product;
        let euros = whole.ask(throughline::catalog::price_list_queries::all).await;
        let euros = euros.into_iter().find(|list| list.name == "EUR").expect("a list").id;
        price(&whole, product.id, euros, (1, 99_900)).await;
        let second = ask(&whole.client, "k1", &grinders("EUR")).await;
        assert_eq!((second.status, &second.text), (Status::Created, &first.text));
        let other = ask(&whole.client, "k1", &grinders("JPY")).await;
        assert!(other.status == Status::Conflict && other.text.contains("another purchase"), "{}", other.text);
        assert_eq!((whole.sandbox.checkout_sessions().len(), orders(&whole).await.len()), (1, 1));
        session_of(&ask(&whole.client, "k2", &grinders("EUR")).await);
        assert_eq!(whole.sandbox.checkout_sessions()[1]["amount_total"], 199_800, "another key is another purchase");
    }

    async fn a_page_that_ran_out_is_followed_by_another_of_the_same_order(app: TestApp) {
        let whole = shop(&app).await;
        let first = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        app.clock.advance(Duration::from_secs(25 * 3_600));
        let second = session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        assert_ne!(first, second);
        hear(&app, &whole).await;
        assert_eq!(sums(&orders(&whole).await[0]).0, OrderState::Expired);
        assert_eq!(session_of(&ask(&whole.client, "k1", &grinders("EUR")).await), second, "it is open still");
        whole.sandbox.pay(&second, &[("way", "bank")], app.clock.now());
        hear(&app, &whole).await;
        assert_eq!(sums(&orders(&whole).await[0]).0, OrderState::Processing);
        assert!(ask(&whole.client, "k1", &grinders("EUR")).await.text.contains("is being paid already"));
        app.clock.advance(Duration::from_secs(30));
        hear(&app, &whole).await;
        let found = orders(&whole).await;
        assert_eq!((found.len(), sums(&found[0])), (1, (OrderState::Paid, Some(9_800), 9_800, None)));
    }

    async fn a_lost_answer_is_asked_for_again_and_makes_no_second_page(app: TestApp) {
        let whole = shop(&app).await;
        whole.sandbox.script(json!({ "fault": "timeout_after_commit", "path": "/v1/checkout", "times": 1 }));
        session_of(&ask(&whole.client, "k1", &grinders("EUR")).await);
        assert_eq!((whole.sandbox.calls("POST /v1/checkout/sessions"), whole.sandbox.checkout_sessions().len()), (2, 1));

        whole.sandbox.clear_faults();
        whole.sandbox.script(json!({ "fault": "timeout_after_commit", "path": "/v1/checkout", "times": 3 }));
        let lost = ask(&whole.client, "k2", &grinders("EUR")).await;
        assert_eq!((lost.status, lost.header("Retry-After")), (Status::ServiceUnavailable, Some("10")), "{}", lost.text);
        session_of(&ask(&whole.client, "k2", &grinders("EUR")).await);
        assert_eq!((whole.sandbox.checkout_sessions().len(), orders(&whole).await.len()), (2, 2));
    }

    async fn of_two_requests_with_one_key_both_get_the_one_page(app: TestApp) {
        let whole = shop(&app).await;
        let there = whole.client_elsewhere(&app).await;
        for round in 0..8 {
            let (key, body) = (format!("k{round}"), grinders("EUR"));
            let (one, two) = tokio::join!(ask(&whole.client, &key, &body), ask(&there, &key, &body));
            assert_eq!((session_of(&one), &one.text), (session_of(&two), &two.text), "round {round}");
        }
        assert_eq!((whole.sandbox.checkout_sessions().len(), orders(&whole).await.len()), (8, 8));
    }

    async fn each_currency_is_charged_as_stripe_counts_it(app: TestApp) {
        let whole = shop(&app).await;
        for (code, sent, total) in [("JPY", 10_000, 10_000), ("KWD", 10_240, 10_240), ("ISK", 180_000, 1_800)] {
            let id = session_of(&ask(&whole.client, code, &grinders(code)).await);
            let session = whole.sandbox.checkout_sessions().into_iter().find(|session| session["id"] == id.as_str()).expect("a session");
            assert_eq!(session["amount_total"], sent, "{code}");
            whole.sandbox.pay(&id, &[("card", "4242424242424242")], app.clock.now());
            hear(&app, &whole).await;
            assert_eq!(sums(&orders(&whole).await[0]), (OrderState::Paid, Some(total), total, None), "{code}");
        }
        let odd = json!({ "items": [{ "sku": "CUP" }], "currency": "KWD" });
        let refused = ask(&whole.client, "odd", &odd).await;
        assert!(refused.status == Status::UnprocessableEntity && refused.text.contains("its last decimals must be 0"), "{}", refused.text);
    }
}
