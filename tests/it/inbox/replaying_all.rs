//! Replaying all that fit a filter: what is met and what would come of it, each once whoever dies, behind what comes in.

use std::time::Duration;

use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::Engine;
use throughline::inbox::model::{ReceiptId, ReceiptState};

use super::{happens, jobs_of_inbox, receipt, receipts, refund, with_stripe};
use crate::harness::{TestApp, Whole, both_engines};
use crate::web::browser::Browser;
use crate::web::bulk::{count, execute, mortal, outcome, run_by_two, start, told};

const FILTER: &str = "type=charge.refunded";

/// So many refunds that were interpreted.
async fn refunds(app: &TestApp, whole: &Whole, numbers: std::ops::RangeInclusive<u32>) {
    for number in numbers {
        whole.push(&refund(app, whole, number)).await;
    }
    whole.run_until_idle().await;
}

async fn preview(browser: &Browser, query: &str) -> Value {
    told(browser, &format!("/operations/preview?subject=receipts&act=replay&{query}")).await
}

/// How often each receipt was given a job, by its subject.
async fn jobs_each(whole: &Whole) -> std::collections::BTreeMap<String, usize> {
    let mut each = std::collections::BTreeMap::new();
    for job in jobs_of_inbox(whole).await {
        *each.entry(job.subject).or_default() += 1;
    }
    each
}

both_engines! {
    async fn what_a_preview_says_of_all_that_match_is_what_is_done_to_them_alone(app: TestApp) {
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=5).await;
        whole.push(&happens(&app, &whole, "invoice.paid", &json!({ "id": "in_1", "object": "invoice" }))).await;
        whole.run_until_idle().await;
        whole.push(&refund(&app, &whole, 7)).await;
        // The first would have its effect anew, the third says nothing any more, the fifth was kept long enough.
        execute(&whole, "DELETE FROM stripe_objects WHERE object_id = 'ch_1'".into()).await;
        execute(&whole, "UPDATE receipts SET body = (SELECT body FROM receipts WHERE id = 1) WHERE id = 2".into()).await;
        execute(&whole, "UPDATE receipts SET body = NULL WHERE id = 5".into()).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let link = "/operations/preview?subject=receipts&#38;act=replay&#38;type=charge.refunded";
        assert!(browser.get(&format!("/inbox?{FILTER}")).await.text.contains(link), "the list leads there");

        let page = browser.get(&format!("/operations/preview?subject=receipts&act=replay&{FILTER}")).await.text;
        for words in ["Replay 4 events", "has the type charge.refunded", "2 would update", "2 would do nothing", "href=\"/inbox/4\"", "Received", "What would come of each"] {
            assert!(page.contains(words), "{words}: {page}");
        }
        assert!(!page.contains("href=\"/inbox/5\"") && !page.contains("href=\"/inbox/6\"") && !page.contains("href=\"/inbox/7\""), "{page}");
        let data = preview(&browser, FILTER).await;
        assert_eq!((&data["total"], &data["first_ids"]), (&json!(4), &json!([1, 2, 3, 4])));
        assert_eq!(
            data["rehearsed"],
            json!({ "looked_at": 4, "fail": 0, "update": 2, "nothing": 2, "refused": 0, "not_handled": 0, "left_alone": 0 })
        );
        assert_eq!(count(&whole, "stripe_objects WHERE object_id = 'ch_1'").await, 0, "nothing of it has been done");
        assert_eq!(jobs_of_inbox(&whole).await.len(), 7);

        let operation = start(&browser, "receipts", "replay", FILTER).await;
        app.clock.advance(Duration::from_secs(1));
        whole.run_until_idle().await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 4, 1, 0), "the one that waited was interpreted meanwhile");
        assert_eq!(count(&whole, "stripe_objects WHERE object_id = 'ch_1'").await, 1);
        let given: Vec<usize> = jobs_each(&whole).await.into_values().collect();
        assert_eq!(given, [2, 2, 2, 2, 1, 1, 1], "the others are left alone");
        let replays: Vec<_> = jobs_of_inbox(&whole).await.into_iter().skip(7).map(|job| (job.payload, job.lane.as_str())).collect();
        assert_eq!(replays[0], (r#"{"receipt":1,"again_with_mails":false}"#.to_owned(), "backfill"), "quietly, and behind the intake");
        let audited = "audit WHERE action = 'inbox.replay' AND reason = 'Bulk operation 1: The field is there now'";
        assert_eq!(count(&whole, audited).await, 4);
        let shown = browser.get(&operation).await.text;
        assert!(shown.contains("Replay 4 events") && shown.contains("has the type charge.refunded"), "{shown}");
    }

    async fn what_would_fail_is_told_with_the_reason_and_stands_first(app: TestApp) {
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=2).await;
        execute(&whole, "DELETE FROM stripe_objects WHERE object_id = 'ch_2'".into()).await;
        let breaks: &[&str] = match app.engine {
            Engine::Sqlite => &["CREATE TRIGGER broken BEFORE INSERT ON stripe_objects BEGIN SELECT RAISE(ABORT, 'this is broken'); END"],
            Engine::Postgres => &[
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'this is broken'; END $$",
                "CREATE TRIGGER broken BEFORE INSERT ON stripe_objects FOR EACH ROW EXECUTE FUNCTION broken()",
            ],
        };
        for sql in breaks {
            execute(&whole, (*sql).to_owned()).await;
        }
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let page = browser.get("/operations/preview?subject=receipts&act=replay").await.text;
        for told in ["href=\"#would-fail\">1 would fail", "id=\"would-fail\"", "this is broken", "1 would do nothing"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(page.find("href=\"/inbox/2\"") < page.find("href=\"/inbox/1\""), "what fails first: {page}");
    }

    async fn mails_follow_only_where_the_box_is_ticked(app: TestApp) {
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=1).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let fields = [("subject", "receipts"), ("act", "replay"), ("filter", ""), ("mails", "yes")];
        let begun = browser.post("/operations", &fields).await;
        whole.run_until_idle().await;
        assert_eq!(jobs_of_inbox(&whole).await[1].payload, r#"{"receipt":1,"again_with_mails":true}"#);
        let operation = begun.header("Location").expect("its page").to_owned();
        assert!(browser.get(&operation).await.text.contains("Replay with mails 1 event"));
        for nonsense in ["subject=receipts&act=retry", "subject=jobs&act=replay", "subject=leads&act=replay"] {
            assert_eq!(browser.get(&format!("/operations/preview?{nonsense}")).await.status.code, 400, "{nonsense}");
        }
        assert!(browser.get("/operations/preview?subject=receipts&act=replay&state=received").await.text.contains("Nothing would be done"));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(!viewer.get("/inbox").await.text.contains("act=replay"));
        assert_eq!(viewer.get("/operations/preview?subject=receipts&act=replay").await.status.code, 403);
    }

    async fn each_is_replayed_once_though_the_process_dies_in_the_middle(app: TestApp) {
        let mut app = app;
        let deaths = mortal(&mut app);
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=170).await;
        app.clock.advance(Duration::from_secs(60));
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let operation = start(&browser, "receipts", "replay", "state=handled").await;

        deaths.die_after(&app, &whole, 3).await;
        let halfway = told(&browser, &operation).await;
        let (state, done, ..) = outcome(&halfway);
        assert!(state == "running" && (100..=150).contains(&done), "{halfway}");
        assert_eq!(count(&whole, "audit WHERE action = 'inbox.replay'").await, done, "what it says is what was done");
        whole.run_until_idle().await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 170, 0, 0));
        assert_eq!(count(&whole, "audit WHERE action = 'inbox.replay'").await, 170);
        let each = jobs_each(&whole).await;
        assert!(each.len() == 170 && each.values().all(|jobs| *jobs == 2), "{each:?}");
        assert_eq!(count(&whole, "receipts WHERE state = 'handled' AND caused IS NOT NULL").await, 170, "what they caused stays told");
    }

    async fn a_process_that_comes_back_from_the_dead_replays_nothing_twice(app: TestApp) {
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=120).await;
        app.clock.advance(Duration::from_secs(60));
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let operation = start(&browser, "receipts", "replay", "").await;
        run_by_two(&app, &whole).await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 120, 0, 0));
        assert_eq!(count(&whole, "audit WHERE action = 'inbox.replay'").await, 120);
        assert!(jobs_each(&whole).await.values().all(|jobs| *jobs == 2));
    }

    async fn what_changes_meanwhile_is_skipped_and_told(app: TestApp) {
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=5).await;
        app.clock.advance(Duration::from_secs(60));
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let operation = start(&browser, "receipts", "replay", "").await;
        app.clock.advance(Duration::from_secs(60));
        // One is asked for alone, another was interpreted anew, a third is emptied, and one arrives.
        browser.post("/inbox/replays", &[("id", "1")]).await;
        execute(&whole, "UPDATE receipts SET settled_at = (SELECT created_at FROM jobs WHERE subject = 'receipt:1' ORDER BY id DESC LIMIT 1) WHERE id = 2".into()).await;
        whole.push(&refund(&app, &whole, 6)).await;
        let job = whole.job_of("operation:1").await;
        let run = whole.outbox.claim(10).await.expect("it claims").into_iter().find(|run| run.ids() == [job.id]).expect("the operation's job");
        let done = whole.outbox.attempt(run).await;
        whole.outbox.finish(vec![done]).await.expect("it is written down");

        let told = told(&browser, &operation).await;
        assert_eq!(outcome(&told), ("done", 3, 1, 0), "the one that waits is not met: {told}");
        assert_eq!(told["reasons"]["It has changed since the operation began"], 1);
        let each = jobs_each(&whole).await;
        assert_eq!((each["receipt:1"], each["receipt:2"], each["receipt:6"]), (2, 1, 1), "{each:?}");
    }

    async fn a_failed_event_gets_its_own_job_back_behind_the_intake(app: TestApp) {
        let whole = with_stripe(&app).await;
        refunds(&app, &whole, 1..=1).await;
        execute(&whole, "UPDATE jobs SET state = 'dead', last_error = 'it broke' WHERE kind = 'inbox.interpret'".into()).await;
        execute(&whole, "UPDATE receipts SET state = 'failed', reason = 'it broke' WHERE id = 1".into()).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        start(&browser, "receipts", "replay", "state=failed").await;
        whole.run_until_idle().await;
        let jobs = jobs_of_inbox(&whole).await;
        assert_eq!((jobs.len(), jobs[0].lane.as_str(), jobs[0].state.as_str()), (1, "backfill", "succeeded"));
        assert_eq!(receipt(&whole, ReceiptId(1)).await.state, ReceiptState::Handled);
    }

    async fn what_was_never_for_us_has_no_effect_by_a_replay_either(app: TestApp) {
        let whole = with_stripe(&app).await;
        let live = refund(&app, &whole, 1).altered(app.clock.now(), |event| event["livemode"] = json!(true));
        let foreign = refund(&app, &whole, 2).altered(app.clock.now(), |event| event["account"] = json!("acct_other"));
        whole.push(&live).await;
        whole.push(&foreign).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let alone = browser.get("/inbox/replay?id=1&id=2").await.text;
        assert!(alone.contains("0 of 2 events would change") && alone.contains("live mode") && alone.contains("acct_other"), "{alone}");
        assert_eq!(preview(&browser, "state=refused").await["rehearsed"]["refused"], 2);

        let operation = start(&browser, "receipts", "replay", "state=refused").await;
        whole.run_until_idle().await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 2, 0, 0));
        let kept = receipts(&whole).await;
        assert!(kept.iter().all(|receipt| receipt.state == ReceiptState::Refused), "{kept:?}");
        assert_eq!(count(&whole, "stripe_objects").await, 0);
    }
}
