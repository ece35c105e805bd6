//! An order whose booking failed for good, or whose refund came back after it was booked: whoever opens the orders sees that it needs them.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;
use throughline::accounts::Role;
use throughline::clock::UtcTime;
use throughline::db::Tx;
use throughline::db::schema::{booking_steps, events, jobs, orders};
use throughline::orders::OrderId;
use throughline::outbox::JobState;
use throughline::retention;

use super::booking::{job, pay, refund, run_to_the_end, whole};
use super::pages::{session, tell};
use crate::harness::{Whole, both_engines};
use crate::web::big_tables::{fill, plan};
use crate::web::browser::Browser;

/// The ids of the orders that need a look.
async fn to_look_at(browser: &Browser) -> Vec<i64> {
    let told: serde_json::Value = serde_json::from_str(&browser.get("/orders?state=to_look_at&format=json").await.text).expect("JSON");
    told["orders"].as_array().expect("orders").iter().filter_map(|order| order["id"].as_i64()).collect()
}

async fn failures(whole: &Whole) -> i64 {
    whole.ask(|conn| events::table.filter(events::kind.eq("booking.failed")).count().get_result(conn)).await
}

both_engines! {
    async fn an_order_whose_booking_failed_needs_a_look_until_it_is_booked(app: TestApp) {
        let whole = whole(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        whole.sandbox.script(json!({ "fault": "server_error", "path": "/books/" }));
        pay(&whole, 1, 5_120, "eur").await;
        let mut other = session(2, 900, "eur");
        other["customer_details"]["email"] = json!("other@example.com");
        whole.run_until_idle().await;
        assert_eq!(to_look_at(&browser).await, Vec::<i64>::new(), "it is tried again by itself");
        let dead = run_to_the_end(&app, &whole, 1).await;
        assert_eq!(dead.state, JobState::Dead);
        whole.sandbox.clear_faults();
        app.clock.advance(Duration::from_secs(3_600));
        tell(&whole, 2, "checkout.session.completed", other).await;
        assert_eq!(run_to_the_end(&app, &whole, 2).await.state, JobState::Succeeded);

        assert_eq!((to_look_at(&browser).await, failures(&whole).await), (vec![1], 1));
        let list = browser.get("/orders?state=to_look_at").await.text;
        assert!(list.contains("Not booked in Zoho Books") && list.contains("/orders/1\"") && !list.contains("/orders/2\""), "{list}");
        let page = browser.get("/orders/1").await.text;
        let to_do = format!("Its booking failed and says why. Mend that, then run <a href=\"/outbox/{0}\">job {0}</a> again.", dead.id);
        for told in [to_do.as_str(), "Booking in Zoho Books failed", "Mend what it says, then run its job again", "Failed"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        let disputed = browser.get("/orders?state=disputed").await.text;
        assert!(!disputed.contains("/orders/1\""), "no dispute is open: {disputed}");

        browser.post(&format!("/outbox/{}/run", dead.id), &[]).await;
        assert_eq!(to_look_at(&browser).await, Vec::<i64>::new(), "it is on its way");
        assert_eq!(run_to_the_end(&app, &whole, 1).await.state, JobState::Succeeded);
        let page = browser.get("/orders/1").await.text;
        assert!(!page.contains("Its booking failed") && page.contains("Invoice booked in Zoho Books"), "{page}");
    }

    async fn the_job_of_a_failed_booking_stays_until_somebody_has_decided(app: TestApp) {
        let whole = whole(&app).await;
        whole.sandbox.script(json!({ "fault": "server_error", "path": "/books/" }));
        pay(&whole, 1, 5_120, "eur").await;
        let dead = run_to_the_end(&app, &whole, 1).await;
        whole.sandbox.clear_faults();
        app.clock.advance(Duration::from_secs(400 * 24 * 60 * 60));
        retention::sweep(&whole.app).await.expect("it sweeps");
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        assert_eq!(to_look_at(&browser).await, [1]);
        browser.post(&format!("/outbox/{}/run", dead.id), &[]).await;
        let again = run_to_the_end(&app, &whole, 1).await;
        assert_eq!(again.state, JobState::Succeeded, "{:?}", again.last_error);
        app.clock.advance(Duration::from_secs(100 * 24 * 60 * 60));
        retention::sweep(&whole.app).await.expect("it sweeps");
        assert_eq!(whole.ask(|conn| jobs::table.filter(jobs::kind.eq("orders.book")).count().get_result::<i64>(conn)).await, 0, "it is as any other then");
    }

    async fn of_several_jobs_of_an_order_the_newest_says_whether_it_needs_a_look(app: TestApp) {
        let whole = whole(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        whole.sandbox.script(json!({ "fault": "server_error", "path": "/books/" }));
        pay(&whole, 1, 5_120, "eur").await;
        let first = run_to_the_end(&app, &whole, 1).await;
        refund(&whole, 2, 1, (5_120, 1_020)).await;
        whole.run_until_idle().await;
        assert_eq!(to_look_at(&browser).await, [1], "the first has failed, the second is tried again");
        let second = run_to_the_end(&app, &whole, 1).await;
        assert!(first.id != second.id && second.state == JobState::Dead, "{:?}", second.state);
        browser.post(&format!("/outbox/{}/cancellation", first.id), &[("reason", "there is another")]).await;
        assert_eq!(to_look_at(&browser).await, [1], "the second has failed too");

        whole.sandbox.clear_faults();
        browser.post(&format!("/outbox/{}/run", second.id), &[]).await;
        assert_eq!(run_to_the_end(&app, &whole, 1).await.state, JobState::Succeeded);
        assert_eq!(to_look_at(&browser).await, Vec::<i64>::new());
    }

    async fn a_booking_of_which_nobody_knows_needs_a_look_and_the_hourly_job_puts_marks_right(app: TestApp) {
        let whole = whole(&app).await;
        let browser = Browser::signed_in(&whole, Role::Admin).await;
        for number in 1..=2 {
            let mut bought = session(number, 5_000, "eur");
            bought["customer_details"]["email"] = json!(format!("ada{number}@example.com"));
            tell(&whole, number, "checkout.session.completed", bought).await;
        }
        whole.run_until_idle().await;
        let spoil = |tx: &mut Tx<'_>| -> throughline::Result<()> {
            let job = jobs::table.filter(jobs::subject.eq("order:1"));
            diesel::update(job).set((jobs::state.eq(JobState::Uncertain), jobs::finished_at.eq(None::<UtcTime>))).execute(tx.conn())?;
            diesel::update(booking_steps::table.filter(booking_steps::order_id.eq(OrderId(1)))).set(booking_steps::done_at.eq(None::<UtcTime>)).execute(tx.conn())?;
            diesel::update(orders::table.find(2)).set(orders::booking_failed_at.eq(orders::placed_at.nullable())).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test", "orders", spoil).await.expect("marks are wrong now");
        assert_eq!(to_look_at(&browser).await, [2]);
        browser.post("/schedules/orders.book_missing/run", &[]).await;
        whole.run_until_idle().await;
        assert_eq!(to_look_at(&browser).await, [1]);
        assert!(browser.get("/orders/1").await.text.contains("Nobody knows whether its last step was booked."));
    }

    async fn what_a_person_has_ended_needs_no_look(app: TestApp) {
        let whole = whole(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        whole.sandbox.surcharge_books(true);
        for number in 1..=2 {
            let mut bought = session(number, 5_000, "eur");
            bought["customer_details"]["email"] = json!(format!("ada{number}@example.com"));
            tell(&whole, number, "checkout.session.completed", bought).await;
            run_to_the_end(&app, &whole, i64::from(number)).await;
        }
        assert_eq!(to_look_at(&browser).await, [2, 1]);
        browser.post(&format!("/outbox/{}/cancellation", job(&whole, 1).await.id), &[("reason", "booked by hand")]).await;
        browser.post(&format!("/outbox/{}/completion", job(&whole, 2).await.id), &[("reason", "booked by hand")]).await;
        assert_eq!((job(&whole, 1).await.state, job(&whole, 2).await.state), (JobState::Cancelled, JobState::Succeeded));
        assert_eq!(to_look_at(&browser).await, Vec::<i64>::new());
    }

    async fn a_refund_that_came_back_after_its_credit_note_is_to_be_taken_back_by_hand(app: TestApp) {
        let whole = whole(&app).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        pay(&whole, 1, 5_120, "eur").await;
        let refund = |status: &str| {
            json!({ "object": "refund", "id": "re_1", "payment_intent": "pi_1", "amount": 1_020, "status": status, "currency": "eur", "created": 1_785_340_000 })
        };
        tell(&whole, 2, "refund.created", refund("succeeded")).await;
        whole.run_until_idle().await;
        let before = browser.get("/orders/1").await.text;
        assert!(before.contains("Credit note booked in Zoho Books") && !before.contains("By hand"), "{before}");

        tell(&whole, 3, "refund.failed", refund("failed")).await;
        whole.run_until_idle().await;
        let page = browser.get("/orders/1").await.text;
        assert!(page.contains("By hand"), "{page}");
        assert_eq!(page.matches("take the credit note and its refund back in Zoho Books by hand").count(), 2, "in the panel and among what is to do: {page}");
    }

    async fn what_needs_a_look_is_found_among_many_by_an_index(app: TestApp) {
        let whole = app.whole_with(throughline::sandbox::Options::default(), &[]).await;
        fill(&app, &whole, &[
            "INSERT INTO orders (reference, state, paid_minor, refunded_minor, lost_minor, email, line_id, placed_at, updated_at, attention, booking_failed_at)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
             SELECT 'o-' || i, 'paid', 0, 0, 0, 'n' || i || '@example.com', 'line-' || i, AT(i), AT(i), CASE WHEN i % 500 = 0 THEN 'dispute_open' END,
                 CASE WHEN i % 700 = 0 THEN AT(i) END FROM n",
            "INSERT INTO booking_steps (order_id, kind, number, key, amount_minor, currency, zoho_id, asked_at)
             SELECT id, 'invoice', 0, 'TL-' || id || '-ABCDEF', 0, 'EUR', CASE WHEN id % 2 = 0 THEN 'z' || id END, placed_at FROM orders",
            "ANALYZE",
        ]).await;
        for (index, sql) in [
            ("orders_to_look_at", "SELECT * FROM orders WHERE (orders.attention IS NOT NULL OR orders.booking_failed_at IS NOT NULL) ORDER BY placed_at DESC, id DESC LIMIT 51"),
            ("orders_to_look_at", "SELECT * FROM orders WHERE (orders.attention IS NOT NULL OR orders.booking_failed_at IS NOT NULL) AND attention LIKE '%dispute_open%' ORDER BY placed_at DESC, id DESC LIMIT 51"),
            ("booking_steps_by_key", "SELECT order_id FROM booking_steps WHERE key = 'TL-7-ABCDEF' ORDER BY id DESC LIMIT 200"),
            ("booking_steps_by_zoho_id", "SELECT order_id FROM booking_steps WHERE zoho_id = 'z8' ORDER BY id DESC LIMIT 200"),
            ("orders_by_email", "SELECT * FROM orders WHERE email >= 'n77' AND email < 'n77x' ORDER BY placed_at DESC, id DESC LIMIT 51"),
            ("reference", "SELECT id FROM orders WHERE reference = 'o-7' LIMIT 1"),
        ] {
            let plan = plan(&app, &whole, sql).await;
            assert!(plan.contains(index), "{sql}\n{plan}");
            assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
        }
        // Numbers of ours, in a list: no order beside these is read.
        let named = plan(&app, &whole, "SELECT * FROM orders WHERE orders.id IN (7, 9, 19999) ORDER BY placed_at DESC, id DESC LIMIT 51").await;
        assert!(named.contains("orders_pkey") || named.contains("INTEGER PRIMARY KEY"), "{named}");
    }
}
