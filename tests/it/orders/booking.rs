//! Paid orders in Zoho Books: everything once, to the minor unit, whatever goes wrong on the way. The sandbox's ledger is the witness.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{booking_steps, job_attempts};
use throughline::line::LineId;
use throughline::orders::OrderId;
use throughline::orders::booking::{BookOrder, StepKind};
use throughline::outbox::{JobRow, JobState, NewJob, enqueue};
use throughline::sandbox::{BooksPlan, Options};

use super::pages::{session, tell};
use crate::harness::{TestApp, Whole, both_engines};
use crate::web::browser::Browser;

const CRM_ONLY: &str = "ZohoCRM.modules.ALL ZohoCRM.settings.fields.READ ZohoCRM.coql.READ ZohoCRM.org.READ";

pub async fn whole(app: &TestApp) -> Whole {
    let whole = app.whole().await;
    whole.choose_books().await;
    whole
}

pub async fn pay(whole: &Whole, number: u32, amount: i64, currency: &str) {
    tell(whole, number, "checkout.session.completed", session(number, amount, currency)).await;
}

/// So much of the charge has gone back until now.
pub async fn refund(whole: &Whole, event: u32, number: u32, (amount, refunded): (i64, i64)) {
    let charge = json!({ "object": "charge", "id": format!("ch_{number}"), "payment_intent": format!("pi_{number}"), "amount": amount,
        "amount_refunded": refunded, "currency": "eur", "refunded": amount == refunded });
    tell(whole, event, "charge.refunded", charge).await;
}

pub async fn job(whole: &Whole, order: i64) -> JobRow {
    whole.job_of(&format!("order:{order}")).await
}

/// Turns the worker and the clock until the order's job is over.
pub async fn run_to_the_end(app: &TestApp, whole: &Whole, order: i64) -> JobRow {
    for _ in 0..12 {
        whole.run_until_idle().await;
        let job = job(whole, order).await;
        if matches!(job.state, JobState::Succeeded | JobState::Dead) {
            return job;
        }
        let wait = job.run_at - app.clock.now();
        app.clock.advance(wait.to_std().unwrap_or_default() + Duration::from_secs(31));
    }
    job(whole, order).await
}

/// What the sandbox has of a kind, by these members.
pub fn of(books: &Value, kind: &str, members: &[&str]) -> Vec<String> {
    let told =
        |one: &Value| members.iter().map(|member| one[*member].to_string().trim_matches('"').to_owned()).collect::<Vec<_>>().join(" ");
    books[kind].as_array().expect("a ledger").iter().map(told).collect()
}

pub fn counts(books: &Value) -> [usize; 5] {
    ["contacts", "invoices", "customerpayments", "creditnotes", "refunds"].map(|kind| books[kind].as_array().expect("a ledger").len())
}

both_engines! {
    async fn a_paid_order_has_one_customer_one_invoice_and_one_payment_of_the_exact_sum(app: TestApp) {
        let whole = whole(&app).await;
        for (number, amount, currency) in [(1, 5_120, "eur"), (2, 5_125, "kwd"), (3, 5_000, "jpy")] {
            let mut bought = session(number, amount, currency);
            bought["customer_details"] = json!({ "email": format!("ada{number}@example.com"), "name": format!("Ada {number}") });
            tell(&whole, number, "checkout.session.completed", bought).await;
        }
        whole.run_until_idle().await;

        let books = whole.sandbox.books();
        assert_eq!(counts(&books), [3, 3, 3, 0, 0], "{books:#}");
        assert_eq!(of(&books, "invoices", &["total", "balance", "status", "currency_code"]), ["51.2 0 paid EUR", "5.125 0 paid KWD", "5000 0 paid JPY"]);
        assert_eq!(of(&books, "customerpayments", &["amount"]), ["51.2", "5.125", "5000"]);
        let number = books["invoices"][0]["invoice_number"].as_str().expect("a number").to_owned();
        assert!(number.starts_with("TL-1-"), "{number}");
        assert_eq!(books["invoices"][0]["customer_id"], books["contacts"][0]["contact_id"]);
        assert_eq!(job(&whole, 1).await.state, JobState::Succeeded);

        let page = Browser::signed_in(&whole, Role::Viewer).await.get("/orders/1").await.text;
        for told in [&number, "In Zoho Books", "Booked", "Invoice booked in Zoho Books"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        for (kind, id) in [("contacts", "contact_id"), ("invoices", "invoice_id"), ("customerpayments", "payment_id")] {
            let id = books[kind][0][id].as_str().expect("an id");
            assert!(page.contains(id), "{kind} {id}: {page}");
        }
    }

    async fn each_call_of_an_attempt_is_told_with_its_status_and_without_addresses(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        let id = job(&whole, 1).await.id;
        let page = Browser::signed_in(&whole, Role::Viewer).await.get(&format!("/outbox/{id}")).await.text;
        for told in ["8 calls", "<code dir=\"ltr\">GET /books/v3/contacts</code> <span class=\"sub\">HTTP 200 after", "<code dir=\"ltr\">POST /books/v3/invoices</code> <span class=\"sub\">HTTP 201"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        let kept = job_attempts::table.filter(job_attempts::job_id.eq(id)).select((job_attempts::calls, job_attempts::provider_call));
        let kept: (Option<String>, Option<String>) = whole.ask(move |conn| kept.first(conn)).await;
        assert!(!format!("{kept:?}").contains("example.com"), "{kept:?}");
    }

    async fn whichever_answer_is_lost_there_is_still_one_of_each(app: TestApp) {
        let whole = whole(&app).await;
        for (number, path) in (1..).zip([
            "/books/v3/contacts", "/books/v3/invoices?", "/books/v3/invoices/", "/books/v3/customerpayments", "/books/v3/creditnotes?", "/books/v3/creditnotes/",
        ]) {
            let before = whole.sandbox.books();
            // The path of a call has no query: what ends with a mark is the collection itself.
            let path = path.trim_end_matches('?');
            whole.sandbox.script(json!({ "fault": "timeout_after_commit", "path": path, "method": "POST", "times": 1 }));
            let mut bought = session(number, 5_120, "eur");
            bought["customer_details"] = json!({ "email": format!("ada{number}@example.com"), "name": format!("Ada {number}") });
            tell(&whole, number, "checkout.session.completed", bought).await;
            refund(&whole, 100 + number, number, (5_120, 1_020)).await;
            let job = run_to_the_end(&app, &whole, i64::from(number)).await;
            assert_eq!((job.state, job.attempts), (JobState::Succeeded, 1), "{path}: {:?}", job.last_error);
            let after = whole.sandbox.books();
            assert_eq!(counts(&after), counts(&before).map(|count| count + 1), "{path}: {after:#}");
            whole.sandbox.clear_faults();
        }
    }

    async fn a_search_that_lags_makes_no_second_of_anything(app: TestApp) {
        let options = Options { search_lag: chrono::TimeDelta::minutes(12), ..Options::default() };
        let whole = app.whole_with(options, &[]).await;
        whole.connect_zoho().await;
        whole.choose_books().await;
        for path in ["/books/v3/contacts", "/books/v3/invoices"] {
            whole.sandbox.script(json!({ "fault": "timeout_after_commit", "path": path, "method": "POST", "times": 1 }));
        }
        pay(&whole, 1, 5_120, "eur").await;
        let job = run_to_the_end(&app, &whole, 1).await;
        assert_eq!(job.state, JobState::Succeeded, "{:?}", job.last_error);
        assert_eq!(counts(&whole.sandbox.books()), [1, 1, 1, 0, 0]);
        assert!(job.attempts > 2, "it was refused for a while: {}", job.attempts);
    }

    async fn a_crash_between_the_answer_of_books_and_our_commit_makes_no_second(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        refund(&whole, 2, 1, (5_120, 5_120)).await;
        whole.run_until_idle().await;
        let before = whole.sandbox.books();
        assert_eq!(counts(&before), [1, 1, 1, 1, 1]);
        app.clock.advance(Duration::from_secs(120));
        for kind in StepKind::ALL {
            let now = app.clock.now();
            let forget = move |tx: &mut Tx<'_>| -> throughline::Result<()> {
                let steps = booking_steps::table.filter(booking_steps::kind.eq(*kind));
                let nothing = (booking_steps::done_at.eq(None::<chrono::NaiveDateTime>), booking_steps::zoho_id.eq(None::<String>));
                diesel::update(steps).set(nothing).execute(tx.conn())?;
                let (order, line) = (OrderId(1), LineId::mint(now));
                let again = NewJob { job: &BookOrder { order }, line: &line, subject: &order.subject(), unique_key: None, order_key: None, run_at: now };
                enqueue(tx, now, &again)?;
                Ok(())
            };
            whole.app.store.write("test", "books", forget).await.expect("it is forgotten");
            whole.run_until_idle().await;
            assert_eq!(job(&whole, 1).await.state, JobState::Succeeded, "{kind:?}");
            let after = whole.sandbox.books();
            for kind in ["contacts", "invoices", "customerpayments", "creditnotes", "refunds"] {
                assert_eq!(after[kind], before[kind]);
            }
        }
        let open: i64 = whole.ask(|conn| booking_steps::table.filter(booking_steps::done_at.is_null()).count().get_result(conn)).await;
        assert_eq!(open, 0);
    }

    async fn refunds_become_credit_notes_that_come_to_exactly_them(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        refund(&whole, 2, 1, (5_120, 1_005)).await;
        whole.run_until_idle().await;
        refund(&whole, 3, 1, (5_120, 1_005)).await;
        refund(&whole, 4, 1, (5_120, 5_120)).await;
        whole.run_until_idle().await;

        let books = whole.sandbox.books();
        assert_eq!(counts(&books), [1, 1, 1, 2, 2], "{books:#}");
        assert_eq!(of(&books, "creditnotes", &["total", "balance", "status"]), ["10.05 0 closed", "41.15 0 closed"]);
        assert_eq!(of(&books, "refunds", &["amount"]), ["10.05", "41.15"]);
        assert_eq!(books["refunds"][0]["account_id"], books["customerpayments"][0]["account_id"], "it comes from where the payment went");
    }

    async fn one_mail_address_is_one_customer_and_another_person_of_the_name_is_another(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        pay(&whole, 2, 100, "eur").await;
        let mut namesake = session(3, 200, "eur");
        namesake["customer_details"]["email"] = json!("other@example.com");
        tell(&whole, 3, "checkout.session.completed", namesake).await;
        let mut nobody = session(4, 300, "eur");
        nobody["customer_details"] = Value::Null;
        tell(&whole, 4, "checkout.session.completed", nobody).await;
        run_to_the_end(&app, &whole, 3).await;
        run_to_the_end(&app, &whole, 4).await;

        let books = whole.sandbox.books();
        assert_eq!(counts(&books), [3, 4, 4, 0, 0], "{books:#}");
        let names = of(&books, "contacts", &["contact_name"]);
        assert!(names.contains(&"Ada <b>".to_owned()) && names.contains(&"Ada <b> (other@example.com, EUR)".to_owned()), "{names:?}");
        assert!(names.iter().any(|name| name.starts_with("Customer (TL-4-")), "{names:?}");
    }

    async fn where_nothing_was_to_pay_there_is_an_invoice_and_no_payment(app: TestApp) {
        let whole = whole(&app).await;
        let mut free = session(1, 0, "eur");
        (free["payment_status"], free["payment_intent"]) = (json!("no_payment_required"), Value::Null);
        tell(&whole, 1, "checkout.session.completed", free).await;
        whole.run_until_idle().await;
        let books = whole.sandbox.books();
        assert_eq!(counts(&books), [1, 1, 0, 0, 0], "{books:#}");
        assert_eq!(of(&books, "invoices", &["total", "status"]), ["0 paid"]);
    }

    async fn without_books_orders_wait_and_are_booked_once_it_is_connected(app: TestApp) {
        let whole = app.whole().await;
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        let waiting = job(&whole, 1).await;
        assert_eq!((waiting.state, waiting.attempts), (JobState::Pending, 0));
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/orders/1").await.text;
        assert!(page.contains("Waits until Zoho Books is connected") && page.contains("To do"), "{page}");

        whole.choose_books().await;
        whole.run_until_idle().await;
        assert_eq!(job(&whole, 1).await.state, JobState::Succeeded);
        assert_eq!(counts(&whole.sandbox.books()), [1, 1, 1, 0, 0]);
    }

    async fn what_somebody_booked_by_hand_is_not_booked_again_by_a_later_refund(app: TestApp) {
        let whole = app.whole().await;
        pay(&whole, 1, 5_120, "eur").await;
        let first = job(&whole, 1).await;
        Browser::signed_in(&whole, Role::Operator).await.post(&format!("/outbox/{}/cancellation", first.id), &[("reason", "booked by hand")]).await;
        assert_eq!(job(&whole, 1).await.state, JobState::Cancelled);
        whole.choose_books().await;
        refund(&whole, 101, 1, (5_120, 1_020)).await;
        whole.run_until_idle().await;
        assert_eq!(counts(&whole.sandbox.books()), [0, 0, 0, 0, 0]);
        assert_eq!(job(&whole, 1).await.id, first.id, "nothing new was asked for");
    }

    async fn a_day_whose_calls_are_used_up_is_waited_for(app: TestApp) {
        let whole = whole(&app).await;
        whole.sandbox.set_books_plan(BooksPlan::Tiny);
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        let waiting = job(&whole, 1).await;
        assert_eq!((waiting.state, waiting.attempts), (JobState::Pending, 0), "{:?}", waiting.last_error);
        assert!(waiting.last_error.as_deref().is_some_and(|why| why.contains("[45]")), "{:?}", waiting.last_error);
        let calls = whole.sandbox.books()["calls_today"].clone();
        app.clock.advance(Duration::from_secs(6 * 3_600));
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.books()["calls_today"], calls, "nothing is tried before the day is over");
        for _ in 0..6 {
            app.clock.advance(Duration::from_secs(24 * 3_600));
            whole.run_until_idle().await;
        }
        assert_eq!(job(&whole, 1).await.state, JobState::Succeeded);
        assert_eq!(counts(&whole.sandbox.books()), [1, 1, 1, 0, 0]);
    }

    async fn it_is_tried_at_once_and_then_five_times_more_at_growing_distances(app: TestApp) {
        let whole = whole(&app).await;
        whole.sandbox.script(json!({ "fault": "server_error", "path": "/books/" }));
        pay(&whole, 1, 5_120, "eur").await;
        for (attempts, minutes) in (1..).zip([5, 10, 20, 40, 80]) {
            whole.run_until_idle().await;
            let job = job(&whole, 1).await;
            assert_eq!((job.state, job.attempts), (JobState::Pending, attempts), "{:?}", job.last_error);
            let wait = job.run_at - app.clock.now();
            // Give or take a tenth.
            assert!((minutes * 54..=minutes * 66).contains(&wait.num_seconds()), "{minutes} minutes: {wait}");
            app.clock.advance(wait.to_std().expect("it lies ahead") + Duration::from_secs(1));
        }
        whole.run_until_idle().await;
        let dead = job(&whole, 1).await;
        assert_eq!((dead.state, dead.attempts), (JobState::Dead, 6), "{:?}", dead.last_error);
        assert_eq!(counts(&whole.sandbox.books()), [0; 5]);
        let page = Browser::signed_in(&whole, Role::Viewer).await.get("/orders/1").await.text;
        assert!(page.contains("The last try: Zoho Books had a fault of its own [1000]") && page.contains("Failed"), "{page}");
    }

    async fn a_grant_without_permissions_for_books_holds_booking_and_not_leads(app: TestApp) {
        let whole = whole(&app).await;
        whole.sandbox.narrow_self_client(CRM_ONLY);
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        assert_eq!((job(&whole, 1).await.state, job(&whole, 1).await.attempts), (JobState::Pending, 0));
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status.as_str(), "sent", "leads go on");
        let page = Browser::signed_in(&whole, Role::Viewer).await.get("/connections/books").await.text;
        assert!(page.contains("the grant lacks a permission for Books") && page.contains("[57]"), "{page}");

        whole.sandbox.narrow_self_client(&format!("{CRM_ONLY} ZohoBooks.fullaccess.ALL ZohoBooks.settings.READ ZohoBooks.contacts.ALL ZohoBooks.invoices.ALL ZohoBooks.customerpayments.ALL ZohoBooks.creditnotes.ALL"));
        app.clock.advance(Duration::from_secs(60));
        whole.connect_zoho().await;
        whole.run_until_idle().await;
        assert_eq!(job(&whole, 1).await.state, JobState::Succeeded);
        assert_eq!(counts(&whole.sandbox.books()), [1, 1, 1, 0, 0]);
    }

    async fn an_invoice_that_comes_to_something_else_is_never_paid(app: TestApp) {
        let whole = whole(&app).await;
        whole.sandbox.surcharge_books(true);
        pay(&whole, 1, 5_000, "eur").await;
        whole.run_until_idle().await;
        let dead = job(&whole, 1).await;
        assert_eq!(dead.state, JobState::Dead);
        let why = dead.last_error.unwrap_or_default();
        assert!(why.contains("EUR\u{a0}60.00") && why.contains("EUR\u{a0}50.00"), "{why}");
        assert_eq!(counts(&whole.sandbox.books()), [1, 1, 0, 0, 0]);
    }

    async fn what_does_not_agree_is_not_booked_and_the_page_says_why(app: TestApp) {
        let whole = whole(&app).await;
        let mut differs = session(1, 5_000, "eur");
        differs["amount_total"] = json!(6_000);
        tell(&whole, 1, "checkout.session.completed", differs).await;
        let payment = json!({ "object": "payment_intent", "id": "pi_1", "status": "succeeded", "amount": 5_000, "amount_received": 5_000, "currency": "eur" });
        let known = whole.ask(|conn| booking_steps::table.count().get_result::<i64>(conn)).await;
        tell(&whole, 2, "payment_intent.succeeded", payment).await;
        let page = Browser::signed_in(&whole, Role::Viewer).await.get("/orders/1").await.text;
        assert!(page.contains("It is not booked: what came in is not what the order comes to."), "{page}");
        assert_eq!(known, 3, "it agreed when it was told of first");
        whole.run_until_idle().await;
        assert_eq!(job(&whole, 1).await.state, JobState::Dead);
        assert_eq!(counts(&whole.sandbox.books()), [0; 5]);
    }
}
