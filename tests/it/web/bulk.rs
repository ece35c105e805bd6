//! Bulk operations: what the preview promises is what is done, once each, whoever dies in the middle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::Value;
use throughline::accounts::Role;
use throughline::db::{Engine, Strikes, Tx};
use throughline::outbox::Announcement;
use tokio::sync::Notify;

use super::browser::Browser;
use crate::harness::{TestApp, Whole, both_engines};

/// Leads that failed, each with its dead job; the clock stands at 2026-11-22 09:00.
async fn fill_failed(app: &TestApp, whole: &Whole, count: i64) {
    let at = match app.engine {
        Engine::Sqlite => "strftime('%Y-%m-%d %H:%M:%S', '2026-11-21 00:00:00', '+' || i || ' seconds')",
        Engine::Postgres => "TIMESTAMP '2026-11-21 00:00:00' + i * INTERVAL '1 second'",
    };
    execute(whole, format!(
        "INSERT INTO leads (line_id, status_token_hash, kind, source, name, email, email_key, items, utm, extra, status, retry_count, last_error, received_at, updated_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         SELECT 'line-' || i, 'hash-' || i, 'quote', 'website', 'Lead ' || i, 'n' || i || '@example.com', 'n' || i || '@example.com', '[]', '{{}}', '{{}}',
             'failed', 1, CASE WHEN i % 2 = 0 THEN 'Zoho said no' ELSE 'It did not answer' END, {at}, {at} FROM n"
    )).await;
    execute(whole, "INSERT INTO jobs (kind, lane, state, payload, line_id, subject, connection, unique_key, repeatable, run_at, attempts, attempts_max,
             provider_failures, created_at, due_since, finished_at, last_error, last_class, updated_at)
         SELECT 'leads.deliver', 'lead', 'dead', '{\"lead\":' || id || '}', line_id, 'lead:' || id, 'zoho', 'lead:' || id, FALSE, received_at, 1, 3, 0, received_at,
             received_at, received_at, last_error, CASE WHEN id % 2 = 0 THEN 'validation' ELSE 'network' END, received_at FROM leads ORDER BY id".into()).await;
}

pub async fn execute(whole: &Whole, sql: String) {
    let write = move |tx: &mut Tx<'_>| -> throughline::Result<usize> { Ok(diesel::sql_query(sql.clone()).execute(tx.conn())?) };
    whole.app.store.write("test.execute", "k", write).await.expect("it is written");
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

pub async fn count(whole: &Whole, of: &'static str) -> i64 {
    whole.ask(move |conn| diesel::sql_query(format!("SELECT count(*) AS count FROM {of}")).get_result::<Count>(conn)).await.count
}

/// Starts an operation and gives the address of its page.
pub async fn start(browser: &Browser, subject: &str, act: &str, filter: &str) -> String {
    let begun =
        browser.post("/operations", &[("subject", subject), ("act", act), ("filter", filter), ("reason", "The field is there now")]).await;
    begun.header("Location").unwrap_or_else(|| panic!("{}", begun.text)).to_owned()
}

pub async fn told(browser: &Browser, operation: &str) -> Value {
    let answer = browser.0.get(operation.to_owned()).header(rocket::http::Header::new("Accept", "application/json")).dispatch().await;
    crate::harness::read(answer).await.json()
}

/// The process that runs the operation falls silent, its job is rescued, and it comes back: both run it at once.
pub async fn run_by_two(app: &TestApp, whole: &Whole) {
    whole.outbox.beat(announcement(whole)).await.expect("it lived");
    let old = whole.outbox.claim(10).await.expect("it claims").pop().expect("the operation's job");
    app.clock.advance(Duration::from_secs(31));
    assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 1);
    let new = whole.outbox.claim(10).await.expect("it claims").pop().expect("the same job again");

    let (old, new) = tokio::join!(whole.outbox.attempt(old), whole.outbox.attempt(new));
    whole.outbox.finish(vec![old, new]).await.expect("it is written down");
    whole.run_until_idle().await;
}

pub fn outcome(operation: &Value) -> (&str, i64, i64, i64) {
    let number = |name: &str| operation[name].as_i64().expect("a number");
    (operation["state"].as_str().expect("a state"), number("done"), number("skipped"), number("refused"))
}

/// A store in which every so many chunks of an operation something is told.
pub struct Deaths {
    after: Arc<AtomicUsize>,
    due: Arc<Notify>,
}

/// The same database, as a process sees it that may die at any chunk.
pub fn mortal(app: &mut TestApp) -> Deaths {
    let deaths = Deaths { after: Arc::new(AtomicUsize::new(usize::MAX)), due: Arc::new(Notify::new()) };
    let (after, due) = (deaths.after.clone(), deaths.due.clone());
    app.store = app.open_store(|options| {
        options.strikes = Strikes::decided_by(move |name| {
            if name == "outbox.bulk" && after.fetch_sub(1, Ordering::SeqCst) == 1 {
                due.notify_one();
            }
            None
        });
    });
    deaths
}

fn announcement(whole: &Whole) -> Announcement {
    let now = whole.app.clock.now();
    Announcement { id: "test-1".into(), role: "worker".into(), version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now }
}

impl Deaths {
    /// Runs the operation until the process dies with so many chunks handed in; whether the last of them is written, nobody
    /// has heard. Then its jobs are taken back.
    pub async fn die_after(&self, app: &TestApp, whole: &Whole, chunks: usize) {
        whole.outbox.beat(announcement(whole)).await.expect("it lived");
        // Zoho is not connected, so that nothing else is ready.
        let mut runs = whole.outbox.claim(10).await.expect("it claims");
        let run = runs.pop().filter(|_| runs.is_empty()).expect("the operation's job alone");
        self.after.store(chunks, Ordering::SeqCst);
        tokio::select! {
            biased;
            () = self.due.notified() => {}
            _ = whole.outbox.attempt(run) => panic!("it has ended before it could die"),
        }
        self.after.store(usize::MAX, Ordering::SeqCst);
        whole.app.store.flush().await;
        app.clock.advance(Duration::from_secs(31));
        assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 1);
    }
}

both_engines! {
    async fn three_thousand_jobs_are_retried_once_each_whichever_process_dies(app: TestApp) {
        let mut app = app;
        let deaths = mortal(&mut app);
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 3_000).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let preview = browser.get("/operations/preview?subject=jobs&act=retry&state=failed").await.text;
        assert!(preview.contains("Retry 3,000 jobs") && preview.contains("It did not answer"), "{preview}");

        let operation = start(&browser, "jobs", "retry", "state=failed").await;
        for chunks in [1, 3, 2, 9] {
            deaths.die_after(&app, &whole, chunks).await;
        }
        let halfway = told(&browser, &operation).await;
        let (state, done, skipped, refused) = outcome(&halfway);
        // Whether the chunk that was just handed in is written when its process dies, nobody can know.
        assert!(state == "running" && (550..=750).contains(&done) && done % 50 == 0 && skipped + refused == 0, "{halfway}");
        assert_eq!(count(&whole, "audit WHERE action = 'jobs.retry'").await, done, "what it says is what was done");
        let page = browser.get(&operation).await.text;
        assert!(page.contains(&format!("{done} of 3,000")) && page.contains(&format!("max=\"3000\" value=\"{done}\"")), "{page}");
        whole.run_until_idle().await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 3_000, 0, 0));
        assert_eq!(count(&whole, "jobs WHERE kind = 'leads.deliver' AND state = 'pending'").await, 3_000);
        assert_eq!(count(&whole, "jobs WHERE kind = 'leads.deliver'").await, 3_000, "no job was added");
        assert_eq!(count(&whole, "audit WHERE action = 'jobs.retry'").await, 3_000, "each once");
        assert_eq!(count(&whole, "audit WHERE action = 'bulk.start' AND reason = 'The field is there now'").await, 1);
        whole.connect_zoho().await;
        whole.run_until_idle().await;
        let arrived = whole.sandbox.leads();
        assert_eq!(arrived.len(), 3_000);
        assert_eq!(count(&whole, "leads WHERE status = 'sent'").await, 3_000, "their leads follow");
    }

    async fn a_process_that_comes_back_from_the_dead_does_nothing_twice(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 300).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let operation = start(&browser, "jobs", "retry", "state=failed").await;
        run_by_two(&app, &whole).await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 300, 0, 0));
        assert_eq!(count(&whole, "audit WHERE action = 'jobs.retry'").await, 300);
    }

    async fn cancelled_in_the_middle_it_stops_and_what_was_done_stays(app: TestApp) {
        let mut app = app;
        let deaths = mortal(&mut app);
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 1_000).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let operation = start(&browser, "jobs", "retry", "state=failed").await;
        deaths.die_after(&app, &whole, 4).await;

        browser.post(&format!("{operation}/cancellation"), &[("reason", "Enough")]).await;
        whole.run_until_idle().await;

        let ended = told(&browser, &operation).await;
        let (state, done, ..) = outcome(&ended);
        assert!(state == "cancelled" && (150..=200).contains(&done), "{ended}");
        assert_eq!(count(&whole, "jobs WHERE state = 'dead'").await, 1_000 - done);
        let page = browser.get(&operation).await.text;
        assert!(page.contains("It was cancelled by Test operator") && page.contains(&format!("{done} of 1,000")), "{page}");
        assert_eq!(count(&whole, "audit WHERE action = 'bulk.cancel' AND reason = 'Enough'").await, 1);
        browser.post(&format!("{operation}/cancellation"), &[]).await;
        assert!(browser.get(&operation).await.text.contains("This operation had ended before."));
    }

    async fn the_set_is_fixed_when_it_starts(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 6).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let operation = start(&browser, "jobs", "retry", "state=failed").await;
        // One that fails anew meanwhile, one that is put away by somebody else, and one that arrives and fails.
        app.clock.advance(Duration::from_secs(60));
        let at = if app.engine == Engine::Sqlite { "'2026-11-22 09:00:30'" } else { "TIMESTAMP '2026-11-22 09:00:30'" };
        execute(&whole, format!("UPDATE jobs SET updated_at = {at} WHERE id = 2")).await;
        execute(&whole, format!("UPDATE jobs SET updated_at = {at}, state = 'cancelled' WHERE id = 3")).await;
        let id = whole.post_lead("Late", "late@example.com").await;
        let late = whole.job_of(&id.subject()).await.id;
        execute(&whole, format!("UPDATE jobs SET state = 'dead' WHERE id = {late}")).await;

        whole.run_until_idle().await;

        let done = told(&browser, &operation).await;
        assert_eq!(outcome(&done), ("done", 4, 1, 0));
        assert_eq!(done["reasons"]["It has changed since the operation began"], 1);
        assert_eq!(count(&whole, "jobs WHERE state = 'dead'").await, 2, "the one that changed and the late one");
    }

    async fn a_job_whose_work_another_does_is_refused_with_the_reason(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 3).await;
        // The second carries the key of the first, the third that of a job that waits.
        execute(&whole, "UPDATE jobs SET unique_key = 'lead:1' WHERE id = 2".into()).await;
        let waiting = whole.post_lead("Ada", "ada@example.com").await;
        execute(&whole, format!("UPDATE jobs SET unique_key = '{}' WHERE id = 3", waiting.subject())).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;

        let operation = start(&browser, "jobs", "retry", "state=failed").await;
        whole.run_until_idle().await;

        assert_eq!(outcome(&told(&browser, &operation).await), ("done", 1, 0, 2));
        let page = browser.get(&operation).await.text;
        assert!(page.contains("Another job for the same thing is already waiting; it will do the work"), "{page}");
    }

    async fn two_operators_at_once_are_told_of_each_other(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 8).await;
        let (one, other) = (Browser::signed_in(&whole, Role::Operator).await, Browser::signed_in(&whole, Role::Admin).await);

        let first = start(&one, "jobs", "retry", "class=validation&state=failed").await;
        let same = start(&other, "jobs", "retry", "state=failed&class=validation").await;
        assert_eq!(first, same, "the same, however it is written");
        assert!(other.get(&same).await.text.contains("Operation 1 does exactly this already; nothing was started beside it."));
        let second = start(&other, "jobs", "discard", "state=failed").await;
        let waits = other.get(&second).await.text;
        assert!(waits.contains("It waits for operation 1, “Retry 4 jobs”: operations run one after the other."), "{waits}");
        assert!(one.get("/operations/preview?subject=jobs&act=retry&state=failed").await.text.contains("Another operation is under way"));
        whole.run_until_idle().await;
        assert_eq!(outcome(&told(&one, &first).await), ("done", 4, 0, 0));
        assert_eq!(outcome(&told(&one, &second).await), ("done", 4, 0, 0));
        assert_eq!(count(&whole, "jobs WHERE state = 'cancelled'").await, 4);
        let list = one.get("/operations").await.text;
        assert!(list.contains("Retry 4 jobs") && list.contains("Discard 8 jobs") && list.contains("Test admin"), "{list}");
    }

    async fn a_preview_says_what_is_left_alone_and_why(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        fill_failed(&app, &whole, 5).await;
        execute(&whole, "UPDATE jobs SET state = 'uncertain' WHERE id = 1".into()).await;
        execute(&whole, "UPDATE jobs SET state = 'succeeded' WHERE id = 2".into()).await;
        whole.post_lead("Ada", "ada@example.com").await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;

        let all = browser.get("/operations/preview?subject=jobs&act=retry").await.text;
        for words in ["Retry 3 jobs", "Needs a look: 1", "They may have arrived", "Done: 1", "Pending: 1", "They run by themselves.", "no filter: all jobs"] {
            assert!(all.contains(words), "{words}: {all}");
        }
        let text = browser.get("/operations/preview?subject=jobs&act=retry&text=said+no").await.text;
        assert!(text.contains("Retry 1 job<") && text.contains("error contains “said no”"), "{text}");
        let none = browser.get("/operations/preview?subject=jobs&act=discard&state=done").await.text;
        assert!(none.contains("Nothing would be done") && !none.contains("Start it"), "{none}");
        let begun = start(&browser, "jobs", "discard", "state=done").await;
        assert_eq!(begun, "/outbox?state=done", "nothing to do starts nothing");
        for nonsense in ["subject=jobs&act=burn", "subject=leads&act=discard", ""] {
            assert_eq!(browser.get(&format!("/operations/preview?{nonsense}")).await.status.code, 400, "{nonsense}");
        }
        // What narrows nothing on a list would be done to everything here.
        let page = browser.get("/operations/preview?subject=jobs&act=retry&state=fialed").await;
        assert!(page.status.code == 400 && page.text.contains("<html") && page.text.contains("state=fialed"), "{}", page.text);
        let refused = browser.post("/operations", &[("subject", "jobs"), ("act", "retry"), ("filter", "state=fialed")]).await;
        assert_eq!((refused.status.code, count(&whole, "bulk_operations").await), (400, 0));
    }

    async fn waiting_jobs_are_cancelled_but_not_the_operation_itself(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        for n in 0..5 {
            whole.post_lead("Ada", &format!("n{n}@example.com")).await;
        }
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let first = start(&browser, "jobs", "cancel", "kind=leads.deliver").await;
        let second = start(&browser, "jobs", "cancel", "").await;
        whole.run_until_idle().await;
        assert_eq!(outcome(&told(&browser, &first).await), ("done", 5, 0, 0));
        assert_eq!(outcome(&told(&browser, &second).await).0, "done");
        assert_eq!(count(&whole, "leads WHERE status = 'cancelled'").await, 5);
    }

    async fn failed_leads_are_sent_again_all_together(app: TestApp) {
        let whole = app.whole().await;
        fill_failed(&app, &whole, 250).await;
        execute(&whole, "UPDATE jobs SET state = 'uncertain' WHERE id = 7".into()).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let preview = browser.get("/operations/preview?subject=leads&act=retry&status=failed").await.text;
        assert!(preview.contains("Send again 250 leads"), "{preview}");

        let operation = start(&browser, "leads", "retry", "status=failed").await;
        whole.run_until_idle().await;

        let done = told(&browser, &operation).await;
        assert_eq!(outcome(&done), ("done", 249, 0, 1));
        assert_eq!(done["reasons"]["It may have arrived: somebody must decide about it alone"], 1);
        assert_eq!(count(&whole, "leads WHERE status = 'sent'").await, 249);
        assert_eq!(whole.sandbox.leads().len(), 249);
        assert!(browser.get("/leads?status=failed").await.text.contains("subject=leads&#38;act=retry&#38;status=failed"), "the list leads there");
    }
}
