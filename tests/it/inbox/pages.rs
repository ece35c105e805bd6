//! The pages of the inbox: the list with its filter, one receipt, the statistics, the connection, and what each shows of secrets.

use diesel::prelude::*;
use rocket::http::Header;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{audit, receipts};
use throughline::inbox::model::ReceiptState;
use throughline::sandbox::Options;
use throughline::sandbox::stripe::WEBHOOK_SECRET;

use super::{happens, receipts as all_receipts, refund, with_stripe};
use crate::harness::{Whole, both_engines, read};
use crate::web::browser::Browser;

async fn put_into(whole: &Whole, id: i64, state: ReceiptState, caused: Option<&'static str>) {
    let change = move |tx: &mut Tx<'_>| -> throughline::Result<usize> {
        let row = receipts::table.filter(receipts::id.eq(id));
        Ok(diesel::update(row)
            .set((receipts::state.eq(state), receipts::caused.eq(caused), receipts::reason.eq("as the test says")))
            .execute(tx.conn())?)
    };
    whole.app.store.write("test.put", "k", change).await.expect("it is written");
}

async fn ids(browser: &Browser, path: &str) -> Vec<i64> {
    let answered = read(browser.0.get(path.to_owned()).header(Header::new("Accept", "application/json")).dispatch().await).await;
    answered.json()["receipts"].as_array().expect("a list").iter().map(|receipt| receipt["id"].as_i64().expect("an id")).collect()
}

both_engines! {
    async fn the_list_is_narrowed_by_what_its_address_says(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let empty = browser.get("/inbox").await.text;
        assert!(empty.contains("Nothing has come in yet"), "{empty}");
        whole.push(&refund(&app, &whole, 1)).await;
        whole.push(&refund(&app, &whole, 2)).await;
        let paid = happens(&app, &whole, "invoice.paid", &json!({ "id": "in_1", "object": "invoice" }));
        whole.push(&paid).await;
        put_into(&whole, 2, ReceiptState::Failed, None).await;

        for (path, expected) in [
            ("/inbox", vec![3, 2, 1]),
            ("/inbox?state=failed", vec![2]),
            ("/inbox?type=invoice.paid", vec![3]),
            ("/inbox?provider=stripe&verdict=verified", vec![3, 2, 1]),
            ("/inbox?verdict=fetched", vec![]),
            ("/inbox?about=ch_1", vec![1]),
            ("/inbox?about=in_1&type=charge.refunded", vec![]),
        ] {
            assert_eq!(ids(&browser, path).await, expected, "{path}");
        }
        assert_eq!(ids(&browser, &format!("/inbox?about={}", paid.event_id)).await, [3]);
        let page = browser.get("/inbox?state=failed&type=charge.refunded").await.text;
        assert!(page.contains("as the test says") && page.contains("about ch_2") && page.contains("test mode"), "{page}");
        assert!(page.contains("1</span></a>"), "one failed is told on its tab: {page}");
        assert!(!page.contains("Replay: see what it would do"), "a viewer only looks");
        assert!(browser.get("/inbox?about=nobody").await.text.contains("No event is or is about nobody."));
        let file = browser.get("/inbox?format=csv&type=charge.refunded").await.text;
        assert_eq!((file.lines().count(), file.contains(",ch_1,")), (3, true), "{file}");
    }

    async fn pages_follow_each_other_and_so_does_the_file(app: TestApp) {
        let whole = with_stripe(&app).await;
        for number in 0..120 {
            whole.push(&refund(&app, &whole, number)).await;
        }
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let (mut path, mut seen) = (Some("/inbox?type=charge.refunded&format=json".to_owned()), Vec::new());
        while let Some(next) = path {
            let page: Value = browser.get(&next).await.json();
            seen.extend(page["receipts"].as_array().expect("a list").iter().map(|receipt| receipt["id"].as_i64().expect("an id")));
            path = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(seen, (1..=120).rev().collect::<Vec<i64>>());
        assert_eq!(browser.get("/inbox?format=csv").await.text.lines().count(), 121);
        browser.get("/inbox").await;
        let taken: Vec<Option<String>> = whole.ask(|conn| audit::table.filter(audit::action.eq("inbox.export")).order(audit::id).select(audit::after).load(conn)).await;
        assert_eq!(taken.len(), 4, "whoever takes personal data along is written down: {taken:?}");
        assert_eq!(taken[0].as_deref(), Some("{\"format\":\"json\",\"from\":\"/inbox?type=charge.refunded\"}"));
    }

    async fn the_metrics_say_where_events_stand(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        whole.push(&refund(&app, &whole, 1)).await;
        whole.run_until_idle().await;
        let waiting = refund(&app, &whole, 2);
        whole.push(&waiting).await;
        whole.push(&waiting.tampered()).await;
        app.clock.advance(std::time::Duration::from_secs(20));
        let told = browser.get("/metrics").await.text;
        for line in [
            "throughline_receipts{provider=\"stripe\",verdict=\"verified\",state=\"handled\"} 1",
            "throughline_receipts{provider=\"stripe\",verdict=\"verified\",state=\"received\"} 1",
            "throughline_receipts_oldest_waiting_seconds 20",
            "throughline_webhooks_refused_24h{provider=\"stripe\",flaw=\"no_match\"} 1",
        ] {
            assert!(told.lines().any(|one| one == line), "{line} in:\n{told}");
        }
    }

    async fn one_receipt_shows_what_it_said_and_caused_and_no_secret(app: TestApp) {
        let whole = with_stripe(&app).await;
        let object = json!({ "id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_hunter2", "description": "<b>bold</b>" });
        whole.push(&happens(&app, &whole, "payment_intent.succeeded", &object)).await;
        whole.run_until_idle().await;
        put_into(&whole, 1, ReceiptState::Handled, Some(r#"[{"subject":"lead:7","what":"Paid in full"}]"#)).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/inbox/1").await.text;
        for part in ["Handled", "Paid in full", "/leads/7", "Lead 7", "Stripe/1.0", "payment_intent.succeeded", "/outbox/1", "&#60;b&#62;bold", "Signature fits"] {
            assert!(page.contains(part), "{part} is missing:\n{page}");
        }
        assert!(!page.contains("hunter2") && !page.contains(WEBHOOK_SECRET), "{page}");
        let line = all_receipts(&whole).await[0].line_id.clone();
        let story = browser.get(&format!("/lines/{line}")).await.text;
        assert!(story.contains("Told by Stripe") && story.contains("inbox.interpret"), "{story}");
        assert_eq!(browser.get("/inbox/99").await.status.code, 404);
    }

    async fn the_statistics_count_each_type(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(browser.get("/inbox/statistics").await.text.contains("Nothing has come in yet"));
        for number in 1..=4 {
            whole.push(&refund(&app, &whole, number)).await;
        }
        let again = happens(&app, &whole, "invoice.paid", &json!({ "id": "in_1" }));
        whole.push(&again).await;
        whole.push(&again).await;
        for (id, state) in [(1, ReceiptState::Handled), (2, ReceiptState::Superseded), (3, ReceiptState::Failed)] {
            put_into(&whole, id, state, None).await;
        }
        let told = browser.get("/inbox/statistics?format=json").await.json();
        let refunds = told["types"].as_array().expect("a list").iter().find(|one| one["event_type"] == "charge.refunded").expect("refunds");
        assert_eq!(
            *refunds,
            json!({ "event_type": "charge.refunded", "received": 4, "handled": 1, "superseded": 1, "not_handled": 0, "refused": 0, "failed": 1,
                "waiting": 1, "duplicates": 0, "last_at": "2026-11-22T09:00:00Z" })
        );
        let page = browser.get("/inbox/statistics").await.text;
        assert!(page.contains("66.6%") && page.contains("type=charge.refunded"), "{page}");
        assert_eq!(browser.get("/inbox/statistics?format=csv").await.text.lines().count(), 3);
    }

    async fn the_page_of_the_connection_says_how_it_stands_and_shows_no_secret(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let fresh = browser.get("/connections/stripe").await.text;
        for part in ["Waiting", "/api/stripe/webhook", "1 set; never shown", "test: no money moves", "checkout.session.completed", "none yet"] {
            assert!(fresh.contains(part), "{part} is missing:\n{fresh}");
        }
        assert!(!fresh.contains("whsec_sandbox") && !fresh.contains("sk_test_sandbox") && !fresh.contains("Read events now"), "{fresh}");
        whole.push(&refund(&app, &whole, 1)).await;
        let used = browser.get("/connections/stripe").await.text;
        assert!(used.contains("Connected") && used.contains("charge.refunded, ") && used.contains("has come"), "{used}");
        assert!(browser.get("/connections").await.text.contains("href=\"/connections/stripe\""));

        let other = app.whole_with(Options::default(), &[("STRIPE_WEBHOOK_SECRET", "0123456789abcdef")]).await;
        let page = Browser::open(&other).await;
        page.sign_in("viewer@example.com", crate::web::browser::PASSWORD).await;
        let page = page.get("/connections/stripe").await.text;
        assert!(page.contains("does not look like one of Stripe&#39;s") && page.contains("No key is set"), "{page}");
    }
}
