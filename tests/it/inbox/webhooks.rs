//! `POST /api/stripe/webhook`: what is kept, what is refused, and that 200 means what it says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::TimeDelta;
use diesel::prelude::*;
use futures_util::future::join_all;
use rocket::http::Status;
use serde_json::{Value, json};
use throughline::db::schema::refused_webhooks;
use throughline::db::{Strike, Strikes};
use throughline::inbox::model::{ReceiptState, Verdict};
use throughline::integrations::stripe::signature::sign;
use throughline::outbox::{JobState, Lane};
use throughline::sandbox::Options;
use throughline::sandbox::stripe::WEBHOOK_SECRET;

use super::{happens, jobs_of_inbox, receipts, refund, told, with_stripe};
use crate::harness::{STRIPE, both_engines};

both_engines! {
    async fn a_signed_webhook_is_kept_as_it_came_and_interpreted_by_a_job(app: TestApp) {
        let whole = with_stripe(&app).await;
        let webhook = refund(&app, &whole, 1);

        let answered = whole.push(&webhook).await;

        assert_eq!(answered.status, Status::Ok, "{}", answered.text);
        assert_eq!(answered.json(), json!({ "receipt": 1, "state": "received", "duplicate": false, "why": null }));
        let kept = &receipts(&whole).await[0];
        assert_eq!((kept.event_id.as_str(), kept.event_type.as_str(), kept.object_id.as_deref()), (webhook.event_id.as_str(), "charge.refunded", Some("ch_1")));
        assert_eq!((kept.verdict, kept.livemode, kept.state), (Verdict::Verified, Some(false), ReceiptState::Received));
        assert_eq!(kept.body.as_deref(), Some(webhook.body.as_slice()), "byte for byte");
        let headers: Value = serde_json::from_str(kept.headers.as_deref().expect("headers")).expect("JSON");
        assert_eq!(headers["stripe-signature"], webhook.signature.as_str());
        assert!(headers["user-agent"].as_str().is_some_and(|agent| agent.starts_with("Stripe/1.0")));
        let job = &jobs_of_inbox(&whole).await[0];
        assert_eq!((job.state, job.lane, job.order_key.as_deref()), (JobState::Pending, Lane::Webhook, None));
        assert_eq!((job.subject.as_str(), &job.line_id), ("receipt:1", &kept.line_id));

        whole.run_until_idle().await;
        assert_eq!(jobs_of_inbox(&whole).await[0].state, JobState::Succeeded);
        assert_ne!(receipts(&whole).await[0].state, ReceiptState::Received);
    }

    async fn one_event_twelve_times_at_once_is_one_receipt_and_one_job(app: TestApp) {
        let whole = with_stripe(&app).await;
        let webhook = refund(&app, &whole, 1);

        let answers = join_all((0..12).map(|_| whole.push(&webhook))).await;

        assert!(answers.iter().all(|answer| answer.status == Status::Ok), "{answers:?}");
        assert_eq!(answers.iter().filter(|answer| answer.json()["duplicate"] == false).count(), 1);
        let kept = receipts(&whole).await;
        assert_eq!((kept.len(), kept[0].duplicates, jobs_of_inbox(&whole).await.len()), (1, 11, 1));
        whole.run_until_idle().await;
        let late = whole.push(&webhook.again(app.clock.now())).await.json();
        assert_eq!((&late["duplicate"], &late["receipt"]), (&json!(true), &json!(1)));
        whole.run_until_idle().await;
        assert_eq!(jobs_of_inbox(&whole).await.len(), 1, "it is not interpreted again");
    }

    async fn what_does_not_fit_is_401_with_its_reason_and_never_believed(app: TestApp) {
        let whole = with_stripe(&app).await;
        let (webhook, now) = (refund(&app, &whole, 1), app.clock.now());
        let late = TimeDelta::seconds(301);
        let posts = [
            (webhook.tampered(), "no_match", "No signature fits this body"),
            (webhook.of_another_endpoint(now), "no_match", "No signature fits this body"),
            (webhook.delayed(now, late), "too_old", "more than 300 seconds ago"),
        ];
        for (post, _, words) in &posts {
            let answered = whole.push(post).await;
            assert_eq!(answered.status, Status::Unauthorized);
            assert!(answered.json()["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{}", answered.text);
            assert!(!answered.text.contains("whsec_"), "{}", answered.text);
        }
        for (signature, words) in [(None, "no Stripe-Signature header"), (Some("t=1"), "not of the form")] {
            let answered = whole.push_signed(&webhook.body, signature).await;
            assert_eq!(answered.status, Status::Unauthorized);
            assert!(answered.json()["detail"].as_str().is_some_and(|detail| detail.contains(words)), "{}", answered.text);
        }

        assert_eq!((receipts(&whole).await.len(), jobs_of_inbox(&whole).await.len()), (0, 0));
        let flaws: Vec<String> =
            whole.ask(|conn| refused_webhooks::table.order(refused_webhooks::id).select(refused_webhooks::flaw).load(conn)).await;
        assert_eq!(flaws, ["no_match", "no_match", "too_old", "missing", "malformed"]);
        assert_eq!(whole.push(&webhook.delayed(now, TimeDelta::seconds(300))).await.status, Status::Ok, "young enough");
        let ahead = webhook.altered(now + TimeDelta::hours(1), |event| event["id"] = json!("evt_of_the_future"));
        assert_eq!(whole.push(&ahead).await.status, Status::Ok, "a sender's clock that is ahead does no harm");
    }

    async fn while_a_secret_is_rolled_both_are_good(app: TestApp) {
        let both = format!("whsec_the_new_one_000,{WEBHOOK_SECRET}");
        let whole = app.whole_with(Options::default(), &[("STRIPE_WEBHOOK_SECRET", both.as_str())]).await;
        let (webhook, now) = (refund(&app, &whole, 1), app.clock.now());
        assert_eq!(whole.push(&webhook).await.status, Status::Ok);
        let by_new = sign(&"whsec_the_new_one_000".into(), &webhook.body, now);
        assert_eq!(whole.push_signed(&webhook.body, Some(&by_new)).await.status, Status::Ok);
        let (t, v1) = webhook.signature.split_once(',').expect("two parts");
        let of_both = format!("{t},v1={},{v1},v0=ignored", "0".repeat(64));
        assert_eq!(whole.push_signed(&webhook.body, Some(&of_both)).await.status, Status::Ok);
    }

    async fn a_large_body_is_taken_and_a_larger_one_is_no_bad_signature(app: TestApp) {
        let whole = with_stripe(&app).await;
        let object = |size: usize| json!({ "id": "in_1", "object": "invoice", "description": "x".repeat(size) });
        assert_eq!(whole.push(&happens(&app, &whole, "invoice.paid", &object(200 * 1024))).await.status, Status::Ok);
        let too_large = whole.push(&happens(&app, &whole, "invoice.paid", &object(1024 * 1024))).await;
        assert_eq!(too_large.status, Status::PayloadTooLarge, "{}", too_large.text);
        assert_eq!(receipts(&whole).await.len(), 1);
        let refused: i64 = whole.ask(|conn| refused_webhooks::table.count().get_result(conn)).await;
        assert_eq!(refused, 0);
    }

    async fn without_a_secret_nothing_is_taken(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[("STRIPE_WEBHOOK_SECRET", " , ")]).await;
        let webhook = refund(&app, &whole, 1);
        for signature in [Some(webhook.signature.clone()), Some(sign(&"".into(), &webhook.body, app.clock.now())), None] {
            let answered = whole.push_signed(&webhook.body, signature.as_deref()).await;
            assert_eq!(answered.status, Status::ServiceUnavailable, "{}", answered.text);
            assert!(answered.text.contains("STRIPE_WEBHOOK_SECRET") && answered.header("Retry-After").is_some());
        }
        assert_eq!(receipts(&whole).await.len(), 0);
    }

    async fn what_is_not_for_us_is_kept_with_the_reason_and_not_interpreted(app: TestApp) {
        let whole = with_stripe(&app).await;
        let (webhook, now) = (refund(&app, &whole, 1), app.clock.now());
        let live = webhook.altered(now, |event| {
            event["livemode"] = json!(true);
            event["id"] = json!("evt_live");
        });
        let foreign = webhook.altered(now, |event| {
            event["account"] = json!("acct_other");
            event["id"] = json!("evt_foreign");
        });
        for other in [&live, &foreign] {
            let answered = whole.push(other).await;
            assert_eq!((answered.status, &answered.json()["state"]), (Status::Ok, &json!("refused")), "{}", answered.text);
        }
        for odd in [b"[1, 2".as_slice(), b"\xff\xfe", b"{}"] {
            let answered = whole.push_signed(odd, Some(&sign(&WEBHOOK_SECRET.into(), odd, now))).await;
            assert_eq!((answered.status, &answered.json()["state"]), (Status::Ok, &json!("refused")), "{}", answered.text);
        }
        let kept = receipts(&whole).await;
        assert_eq!(kept.len(), 5);
        assert!(kept[0].reason.as_deref().is_some_and(|why| why.contains("live mode")), "{:?}", kept[0].reason);
        assert!(kept[1].reason.as_deref().is_some_and(|why| why.contains("acct_other")), "{:?}", kept[1].reason);
        assert_eq!((kept[3].event_type.as_str(), kept[3].body.as_deref()), ("unreadable", Some(b"\xff\xfe".as_slice())));
        assert_eq!(jobs_of_inbox(&whole).await.len(), 0);
        whole.push(&live).await;
        assert_eq!(receipts(&whole).await[0].duplicates, 1, "a repeat is counted here too");
    }

    async fn whatever_is_odd_about_an_event_is_no_reason_to_fail(app: TestApp) {
        let whole = with_stripe(&app).await;
        let (webhook, now) = (refund(&app, &whole, 1), app.clock.now());
        let odd: [fn(&mut Value); 6] = [
            |event| event["request"] = json!("req_as_a_text"),
            |event| event["api_version"] = Value::Null,
            |event| event["type"] = json!("of.a.type.that.nobody.knows"),
            |event| event["data"]["object"] = json!({}),
            |event| event["something_new"] = json!({ "of": ["any", "shape"] }),
            |event| {
                *event = json!({ "object": "v2.core.event", "type": "v2.core.event_destination.ping", "created": "2026-11-22T09:00:00Z",
                    "related_object": { "id": "ed_1", "type": "event_destination" } });
            },
        ];
        for (number, alter) in odd.into_iter().enumerate() {
            let post = webhook.altered(now, |event| {
                alter(event);
                event["id"] = json!(format!("evt_odd_{number}"));
            });
            assert_eq!(whole.push(&post).await.status, Status::Ok, "{number}");
        }
        whole.run_until_idle().await;
        assert!(told(&whole).await.iter().all(|told| !told.ends_with("failed") && !told.ends_with("received")), "{:?}", told(&whole).await);
    }

    async fn what_the_store_refuses_is_503_and_taken_when_it_comes_again(app: TestApp) {
        let mut app = app;
        let refuses = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&refuses);
        app.store = app.open_store(move |options| {
            options.strikes = Strikes::decided_by(move |write| {
                (write == "inbox.receive" && asked.load(Ordering::SeqCst)).then_some(Strike::Refused)
            });
        });
        let whole = app.whole_with(Options::default(), &STRIPE).await;
        let webhook = refund(&app, &whole, 1);
        let answered = whole.push(&webhook).await;
        assert_eq!(answered.status, Status::ServiceUnavailable, "{}", answered.text);
        assert_eq!(receipts(&whole).await.len(), 0);
        refuses.store(false, Ordering::SeqCst);
        assert_eq!(whole.push(&webhook).await.json()["duplicate"], false);
    }
}
