//! The pages of orders, and their list for programs.

use diesel::prelude::*;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{audit, booking_steps, orders, stripe_objects};
use throughline::integrations::stripe::event::Event;
use throughline::line::LineId;
use throughline::orders::OrderId;
use throughline::orders::stripe::{self, Told};

use crate::harness::{Whole, both_engines};
use crate::web::browser::Browser;

/// Takes an event of Stripe in.
pub async fn tell(whole: &Whole, number: u32, kind: &str, object: Value) {
    let event =
        json!({ "id": format!("evt_{kind}_{number}"), "type": kind, "created": 1_785_340_000 + number, "data": { "object": object } });
    let (event, now) = (Event::parse(event.to_string().as_bytes()).expect("an event"), whole.app.clock.now());
    let apply = move |tx: &mut Tx<'_>| {
        stripe::apply(tx, now, &[Told { event: &event, line: &LineId::mint(now) }]).map_err(throughline::Error::from)
    };
    whole.app.store.write("test", "stripe", apply).await.expect("it is taken");
}

pub fn session(number: u32, amount: i64, currency: &str) -> Value {
    json!({ "object": "checkout.session", "id": format!("cs_{number}"), "status": "complete", "payment_status": "paid", "amount_total": amount,
        "currency": currency, "payment_intent": format!("pi_{number}"), "customer_details": { "email": "Ada@Example.com", "name": "Ada <b>" } })
}

both_engines! {
    async fn a_paid_order_is_listed_and_told(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(browser.get("/orders").await.text.contains("No orders yet"));
        tell(&whole, 1, "checkout.session.completed", session(1, 5_120, "kwd")).await;
        tell(&whole, 2, "checkout.session.completed", session(2, 5_000, "jpy")).await;

        let list = browser.get("/orders").await.text;
        assert!(list.contains("KWD\u{a0}5.120") && list.contains("JPY\u{a0}5,000"), "{list}");
        assert!(list.contains("Ada &#60;b&#62;") && list.contains("ada@example.com"), "{list}");

        let order = browser.get("/orders/1").await.text;
        for told in ["Order 1", "Paid", "Checkout paid", "cs_1", "KWD\u{a0}5.120"] {
            assert!(order.contains(told), "{told}: {order}");
        }
        assert_eq!(browser.get("/orders/3").await.status.code, 404);
    }

    async fn a_filter_narrows_the_page_the_json_and_the_file(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        tell(&whole, 1, "checkout.session.completed", session(1, 900, "eur")).await;
        tell(&whole, 2, "checkout.session.completed", session(2, 800, "eur")).await;
        let dispute = json!({ "object": "dispute", "id": "dp_2", "payment_intent": "pi_2", "status": "needs_response", "amount": 800, "currency": "eur" });
        tell(&whole, 3, "charge.dispute.created", dispute).await;

        let ids = |body: &str| -> Vec<i64> {
            let told: Value = serde_json::from_str(body).expect("JSON");
            told["orders"].as_array().expect("orders").iter().filter_map(|order| order["id"].as_i64()).collect()
        };
        for (query, expected) in [("", vec![2, 1]), ("state=to_look_at&", vec![2]), ("text=pi_1&", vec![1]), ("text=%231&", vec![1]), ("text=ada%40ex&", vec![2, 1]), ("text=nobody%40&", vec![]), ("state=refunded&", vec![])] {
            assert_eq!(ids(&browser.get(&format!("/orders?{query}format=json")).await.text), expected, "{query}");
        }
        let file = browser.get("/orders?state=to_look_at&format=csv").await.text;
        assert!(file.contains("dispute_open") && file.lines().count() == 2, "{file}");
        browser.get("/orders").await;
        let taken: i64 = whole.ask(|conn| audit::table.filter(audit::action.eq("orders.export")).count().get_result(conn)).await;
        assert_eq!(taken, 8, "whoever takes personal data along is written down");
        assert!(browser.get("/orders/2").await.text.contains("asks for the money back"));
    }

    async fn whatever_stands_on_an_orders_page_finds_it(app: TestApp) {
        let whole = app.whole().await;
        whole.choose_books().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for (number, email) in [(1, "eve.story@example.com"), (2, "buyer+2@example.com"), (3, "eve@example.com")] {
            let mut bought = session(number, 900, "eur");
            bought["customer_details"] = json!({ "email": email, "name": format!("Buyer {number}") });
            tell(&whole, number, "checkout.session.completed", bought).await;
        }
        whole.run_until_idle().await;
        let ours = |tx: &mut Tx<'_>| -> throughline::Result<()> {
            diesel::update(orders::table.find(2)).set(orders::reference.eq("o-3f6c")).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test", "orders", ours).await.expect("it has a reference");
        let steps: Vec<(String, String)> = whole
            .ask(|conn| {
                let done = booking_steps::table.filter(booking_steps::order_id.eq(OrderId(2))).order(booking_steps::id);
                done.select((booking_steps::key, booking_steps::zoho_id.assume_not_null())).load(conn)
            })
            .await;
        let [(_, customer), (invoice, in_books), (_, payment)] = steps.as_slice() else { panic!("{steps:?}") };
        assert!(invoice.starts_with("TL-2-"), "{invoice}");
        let lower = invoice.to_lowercase();
        for (text, expected) in [
            ("eve.story", vec![1]), ("Eve", vec![3, 1]), ("eve.story@", vec![1]), ("buyer", vec![2]), ("buyer+2@example.com", vec![2]), ("story", vec![]), ("ev", vec![]),
            ("o-3f6c", vec![2]), ("o-3f", vec![]), (invoice, vec![2]), (&lower, vec![2]), (customer, vec![2]), (in_books, vec![2]), (payment, vec![2]),
            ("#2", vec![2]), ("2", vec![2]), ("pi_2", vec![2]), ("cs_3", vec![3]), ("77", vec![]),
        ] {
            let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("text", text).append_pair("format", "json").finish();
            let told: Value = serde_json::from_str(&browser.get(&format!("/orders?{query}")).await.text).expect("JSON");
            let ids: Vec<i64> = told["orders"].as_array().expect("orders").iter().filter_map(|order| order["id"].as_i64()).collect();
            assert_eq!(ids, expected, "{text}");
        }
    }

    async fn a_line_leads_to_what_it_is_about_and_says_the_amounts(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        tell(&whole, 1, "checkout.session.completed", session(1, 5_120, "kwd")).await;
        whole.run_until_idle().await;
        while throughline::contacts::link_new(&whole.app).await.expect("it links") > 0 {}
        let line: String = whole.ask(|conn| stripe_objects::table.filter(stripe_objects::object_id.eq("cs_1")).select(stripe_objects::line_id).first(conn)).await;
        let page = browser.get(&format!("/lines/{line}")).await.text;
        for told in ["href=\"/orders/1\"><bdi>Order 1<", "href=\"/contacts/1\"><bdi>Ada", "<a class=\"item-title\" href=\"/orders/1\">Checkout paid</a>", "KWD\u{a0}5.120"] {
            assert!(page.contains(told), "{told}: {page}");
        }
    }

    async fn money_without_an_order_is_shown_until_something_names_both(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let refund = json!({ "object": "refund", "id": "re_1", "payment_intent": "pi_1", "status": "succeeded", "amount": 100, "currency": "eur" });
        tell(&whole, 1, "refund.created", refund).await;
        assert!(browser.get("/orders/unmatched").await.text.contains("re_1"));
        assert!(browser.get("/orders").await.text.contains("No orders yet"));
        tell(&whole, 2, "checkout.session.completed", session(1, 900, "eur")).await;
        assert!(browser.get("/orders/unmatched").await.text.contains("Everything belongs to an order"));
        assert!(browser.get("/orders/1").await.text.contains("Partly refunded"));
    }
}
