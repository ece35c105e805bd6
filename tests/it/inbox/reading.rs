//! The events that Stripe keeps: what no webhook brought is read, once, and a gap is told.

use std::time::Duration;

use diesel::prelude::*;
use serde_json::json;
use throughline::accounts::Role;
use throughline::db::schema::{connections, event_feeds};
use throughline::inbox::feed_queries::Feed;
use throughline::inbox::model::{ReceiptState, Verdict};
use throughline::outbox::{JobRow, JobState};
use throughline::sandbox::Options;

use super::{jobs_of_inbox, receipts, refund, with_stripe};
use crate::harness::{Whole, both_engines};
use crate::web::browser::{Browser, PASSWORD};

async fn feed(whole: &Whole) -> Feed {
    whole.ask(|conn| event_feeds::table.select(Feed::as_select()).first(conn)).await
}

/// An operator presses the button. Days may have passed, and their session with them.
async fn read_now(whole: &Whole, browser: &Browser) -> JobRow {
    browser.sign_in("operator@example.com", PASSWORD).await;
    browser.post("/connections/stripe/events", &[]).await;
    whole.run_until_idle().await;
    whole.job_of("connection:stripe").await
}

fn note(job: &JobRow) -> serde_json::Value {
    serde_json::from_str(job.note.as_deref().unwrap_or("null")).expect("JSON")
}

both_engines! {
    async fn what_no_webhook_brought_is_read_and_interpreted_and_nothing_twice(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let before = refund(&app, &whole, 1);
        app.clock.advance(Duration::from_secs(25 * 3600));
        let pushed = refund(&app, &whole, 2);
        whole.push(&pushed).await;
        let lost = [refund(&app, &whole, 3), refund(&app, &whole, 4)];

        let job = read_now(&whole, &browser).await;

        assert_eq!((job.state, note(&job)), (JobState::Succeeded, json!({ "pages": 2, "events": 3, "new_events": 2 })));
        let kept = receipts(&whole).await;
        let ids: Vec<&str> = kept.iter().map(|receipt| receipt.event_id.as_str()).collect();
        assert_eq!(ids, [&pushed.event_id, &lost[0].event_id, &lost[1].event_id], "not what is older than a day: {}", before.event_id);
        assert_eq!(kept.iter().map(|receipt| (receipt.verdict, receipt.duplicates)).collect::<Vec<_>>(), [(Verdict::Verified, 0), (Verdict::Fetched, 0), (Verdict::Fetched, 0)]);
        assert!(kept.iter().all(|receipt| receipt.state == ReceiptState::Handled));
        let feed_now = feed(&whole).await;
        assert_eq!((feed_now.cursor_id.as_deref(), feed_now.read_at), (Some(lost[1].event_id.as_str()), Some(app.clock.now())));

        assert_eq!(note(&read_now(&whole, &browser).await), json!({ "pages": 1, "events": 0, "new_events": 0 }));
        let late = whole.push(&lost[0].again(app.clock.now())).await.json();
        assert_eq!(late["duplicate"], true, "its webhook comes after all");
        assert_eq!(receipts(&whole).await[1].verdict, Verdict::Verified);
        assert_eq!(jobs_of_inbox(&whole).await.len(), 3);
    }

    async fn many_pages_are_read_forward_whatever_shares_a_second(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        refund(&app, &whole, 0);
        app.clock.advance(Duration::from_secs(25 * 3600));
        for number in 1..=1_050 {
            refund(&app, &whole, number);
        }
        let job = read_now(&whole, &browser).await;
        assert_eq!((job.state, receipts(&whole).await.len()), (JobState::Pending, 900), "ten pages a run: {job:?}");
        // What the second allows is used up.
        app.clock.advance(Duration::from_secs(2));
        whole.run_until_idle().await;
        assert_eq!(whole.job_of("connection:stripe").await.state, JobState::Succeeded);
        assert_eq!(receipts(&whole).await.len(), 1_050);
        assert_eq!(feed(&whole).await.cursor_id.as_deref(), Some("evt_sandbox001051"));
    }

    async fn an_account_without_a_past_is_walked_from_the_newest_back(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let job = read_now(&whole, &browser).await;
        assert_eq!(note(&job), json!({ "pages": 2, "events": 0, "new_events": 0 }), "nothing has ever happened");
        assert!(feed(&whole).await.cursor_id.is_none() && feed(&whole).await.read_at.is_some());
        for number in 1..=250 {
            refund(&app, &whole, number);
        }
        assert_eq!(note(&read_now(&whole, &browser).await), json!({ "pages": 4, "events": 250, "new_events": 250 }));
        let newest = refund(&app, &whole, 251);
        assert_eq!(note(&read_now(&whole, &browser).await), json!({ "pages": 1, "events": 1, "new_events": 1 }));
        assert_eq!(feed(&whole).await.cursor_id, Some(newest.event_id));
        assert_eq!(feed(&whole).await.walk_newest_id, None);
    }

    async fn where_stripe_has_let_go_of_our_place_the_gap_is_told_and_the_rest_is_read(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        refund(&app, &whole, 1);
        read_now(&whole, &browser).await;
        let cursor_at = feed(&whole).await.cursor_at;
        let day = Duration::from_secs(24 * 3600);
        app.clock.advance(day * 5);
        refund(&app, &whole, 2);
        app.clock.advance(day * 15);
        let still_there = refund(&app, &whole, 3);
        app.clock.advance(day * 16);

        read_now(&whole, &browser).await;

        let kept = receipts(&whole).await;
        assert_eq!(kept.iter().map(|receipt| receipt.event_id.as_str()).collect::<Vec<_>>(), ["evt_sandbox000001", &still_there.event_id]);
        let feed_now = feed(&whole).await;
        assert_eq!((feed_now.gap_from, feed_now.gap_found_at), (cursor_at, Some(app.clock.now())));
        assert_eq!(feed_now.cursor_id, Some(still_there.event_id));
        assert!(browser.get("/connections/stripe").await.text.contains("Events may be missing"));
        assert!(browser.get("/health").await.text.contains("events may be missing"));
    }

    async fn a_key_that_is_refused_holds_the_reading_until_somebody_has_mended_it(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        refund(&app, &whole, 1);
        whole.sandbox.refuse_stripe_keys(true);
        let job = read_now(&whole, &browser).await;
        assert!(job.state == JobState::Pending && job.last_error.as_deref().is_some_and(|why| why.contains("Stripe refuses our key")), "{job:?}");
        let state: String = whole.ask(|conn| connections::table.filter(connections::provider.eq("stripe")).select(connections::state).first(conn)).await;
        assert_eq!(state, "needs_reconnect");
        let page = browser.get("/connections/stripe").await.text;
        assert!(page.contains("Sign-in refused") && page.contains("Correct STRIPE_SECRET_KEY"), "{page}");
        assert!(browser.get("/connections").await.text.contains("It refuses our key."));
        assert_eq!(whole.push(&refund(&app, &whole, 2)).await.status.code, 200, "webhooks are taken all the same");

        whole.sandbox.refuse_stripe_keys(false);
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(read_now(&whole, &browser).await.state, JobState::Succeeded);
        assert_eq!(receipts(&whole).await.len(), 2);
        assert!(!browser.get("/connections/stripe").await.text.contains("Sign-in refused"));
    }

    async fn silence_while_events_happen_is_told(app: TestApp) {
        let whole = with_stripe(&app).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        whole.push(&refund(&app, &whole, 1)).await;
        read_now(&whole, &browser).await;
        assert!(!browser.get("/connections/stripe").await.text.contains("no webhook comes"));
        app.clock.advance(Duration::from_secs(25 * 3600));
        refund(&app, &whole, 2);
        read_now(&whole, &browser).await;
        assert!(browser.get("/connections/stripe").await.text.contains("Events happen, and no webhook comes"));
        assert!(browser.get("/health").await.text.contains("no webhook tells of them"));
    }

    async fn without_a_key_nothing_is_scheduled_and_the_page_says_so(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let names = |whole: &Whole| throughline::schedules(&whole.app).expect("schedules").iter().map(|one| one.name()).collect::<Vec<_>>();
        assert!(!names(&whole).contains(&"stripe.read_events"));
        assert!(names(&with_stripe(&app).await).contains(&"stripe.read_events"));
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let page = browser.get("/connections/stripe").await.text;
        assert!(page.contains("No signing secret is set") && page.contains("No key is set") && !page.contains("Read events now"), "{page}");
        browser.post("/connections/stripe/events", &[]).await;
        assert!(browser.get("/connections/stripe").await.text.contains("Nothing was read"));
    }
}
