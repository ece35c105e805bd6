//! Customers that somebody deleted or merged in Books, and workers that end between two steps.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use throughline::accounts::Role;
use throughline::app::{App, Parts};
use throughline::http::{Answer, Outgoing, SendFailure, Transport};
use throughline::outbox::{Announcement, Engine, JobState};
use tokio::sync::Notify;

use super::booking::{counts, job, of, pay, refund, run_to_the_end, whole};
use crate::harness::{TestApp, Whole, both_engines};
use crate::web::browser::Browser;

/// The call at which its process ends: before Books hears of it, or right after.
struct Ends {
    inner: Arc<dyn Transport>,
    at: &'static str,
    is_heard: bool,
    reached: Arc<Notify>,
}

impl Transport for Ends {
    fn send<'a>(&'a self, request: &'a Outgoing) -> BoxFuture<'a, Result<Answer, SendFailure>> {
        async move {
            let call = format!("{} {}", request.method.as_str(), request.url);
            if !call.contains(self.at) || !call.starts_with("POST") {
                return self.inner.send(request).await;
            }
            if self.is_heard {
                self.inner.send(request).await?;
            }
            self.reached.notify_one();
            std::future::pending().await
        }
        .boxed()
    }
}

/// Another process takes the job and ends at this call, without a word.
async fn end_at(app: &TestApp, whole: &Whole, at: &'static str, is_heard: bool) {
    let reached = Arc::new(Notify::new());
    let transport = Arc::new(Ends { inner: Arc::clone(&whole.app.transport), at, is_heard, reached: Arc::clone(&reached) });
    let doomed = Engine::new(
        App::new(Parts {
            store: app.open_store(|_| {}),
            clock: whole.app.clock.clone(),
            transport,
            vault: whole.app.vault.clone(),
            config: whole.app.config.clone(),
            process_id: format!("doomed-{at}-{is_heard}"),
        }),
        whole.registry.clone(),
    );
    let now = whole.app.clock.now();
    let id = doomed.app().process_id.clone();
    let announcement =
        Announcement { id, role: "worker".into(), version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now };
    doomed.beat(announcement).await.expect("it lives");
    let run = doomed.claim(1).await.expect("a claim").remove(0);
    tokio::select! {
        _ = doomed.attempt(run) => panic!("it never came to {at}"),
        () = reached.notified() => {}
    }
    doomed.app().store.close().await;
}

both_engines! {
    async fn a_customer_that_was_deleted_in_books_is_made_anew_once(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        let books = whole.sandbox.books();
        let first = books["contacts"][0]["contact_id"].as_str().expect("an id").to_owned();
        assert!(!whole.sandbox.delete_books_contact(&first), "Books keeps a contact that has an invoice");
        // Somebody takes all of it out of the books, the contact last.
        assert!(whole.sandbox.void_books_contact(&first));

        pay(&whole, 2, 700, "eur").await;
        whole.run_until_idle().await;
        let second = job(&whole, 2).await;
        assert_eq!(second.state, JobState::Succeeded, "{:?}", second.last_error);
        let books = whole.sandbox.books();
        assert_eq!(counts(&books)[0], 1, "one new customer: {books:#}");
        let anew = books["contacts"][0]["contact_id"].as_str().expect("an id").to_owned();
        assert_ne!(anew, first);
        assert!(of(&books, "invoices", &["customer_id", "total"]).contains(&format!("{anew} 7")), "{books:#}");
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let page = viewer.get("/orders/2").await.text;
        assert!(page.contains("Customer no longer in Zoho Books: looked for anew") && page.contains(&anew), "{page}");

        // The next order of the address is booked at once.
        pay(&whole, 3, 800, "eur").await;
        whole.run_until_idle().await;
        assert_eq!(job(&whole, 3).await.state, JobState::Succeeded);
        let page = viewer.get("/orders/3").await.text;
        assert!(page.contains(&anew) && !page.contains("looked for anew"), "{page}");
        assert_eq!(counts(&whole.sandbox.books())[0], 1);
    }

    async fn a_customer_that_was_merged_into_another_leads_to_that_one(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        let first = whole.sandbox.books()["contacts"][0]["contact_id"].as_str().expect("an id").to_owned();
        let kept = whole.sandbox.add_books_contact("Ada at Engines", "ada@example.com");
        assert!(whole.sandbox.merge_books_contact(&first, &kept));

        pay(&whole, 2, 700, "eur").await;
        whole.run_until_idle().await;
        assert_eq!(job(&whole, 2).await.state, JobState::Succeeded, "{:?}", job(&whole, 2).await.last_error);
        let books = whole.sandbox.books();
        assert_eq!(counts(&books), [1, 2, 2, 0, 0], "{books:#}");
        assert_eq!(of(&books, "invoices", &["customer_id"]), [kept.clone(), kept]);
    }

    async fn what_is_gone_for_good_is_told_and_nothing_is_made_twice(app: TestApp) {
        let whole = whole(&app).await;
        pay(&whole, 1, 5_120, "eur").await;
        whole.run_until_idle().await;
        let first = whole.sandbox.books()["contacts"][0]["contact_id"].as_str().expect("an id").to_owned();
        whole.sandbox.void_books_contact(&first);
        // Whoever the money went to is gone: a customer of our making could not take the invoice over.
        refund(&whole, 101, 1, (5_120, 1_020)).await;
        whole.run_until_idle().await;
        let dead = job(&whole, 1).await;
        assert_eq!(dead.state, JobState::Dead);
        assert!(dead.last_error.as_deref().is_some_and(|why| why.contains("no longer has the customer of the invoice TL-1-")), "{:?}", dead.last_error);
        assert_eq!(counts(&whole.sandbox.books())[0], 0);
    }

    async fn a_worker_that_ends_between_two_steps_is_rescued_and_each_document_is_there_once(app: TestApp) {
        let whole = whole(&app).await;
        for (number, (at, is_heard)) in (1..).zip([
            ("/books/v3/contacts", true),
            ("/books/v3/invoices?", false),
            ("/books/v3/invoices?", true),
            ("/status/sent", false),
            ("/books/v3/customerpayments", false),
            ("/books/v3/customerpayments", true),
            ("/books/v3/creditnotes?", false),
            ("/books/v3/creditnotes?", true),
            ("/refunds", false),
            ("/refunds", true),
        ]) {
            let before = whole.sandbox.books();
            pay_as(&whole, number).await;
            refund(&whole, 100 + number, number, (5_120, 1_020)).await;
            end_at(&app, &whole, at, is_heard).await;
            assert_eq!(job(&whole, i64::from(number)).await.state, JobState::Running, "{at}");
            app.clock.advance(Duration::from_secs(31));
            assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 1, "{at}");
            // What was made a moment ago is found by its search only later.
            let job = run_to_the_end(&app, &whole, i64::from(number)).await;
            assert_eq!(job.state, JobState::Succeeded, "{at} {is_heard}: {:?}", job.last_error);
            let after = whole.sandbox.books();
            assert_eq!(counts(&after), counts(&before).map(|count| count + 1), "{at} {is_heard}: {after:#}");
        }
    }
}

async fn pay_as(whole: &Whole, number: u32) {
    let mut bought = super::pages::session(number, 5_120, "eur");
    bought["customer_details"] = serde_json::json!({ "email": format!("ada{number}@example.com"), "name": format!("Ada {number}") });
    super::pages::tell(whole, number, "checkout.session.completed", bought).await;
}
