//! Why jobs wait, told alike on the list, the job's page and to programs; pausing and resuming; the page of connections.

use std::time::Duration;

use diesel::prelude::*;
use rocket::http::Header;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{audit, call_usage};
use throughline::leads::deliver_job::DeliverLead;
use throughline::leads::{LeadId, LeadStatus};
use throughline::line::LineId;
use throughline::outbox::{Announcement, JobId, NewJob, enqueue};
use throughline::{Error, Result};

use super::browser::Browser;
use crate::harness::{Whole, both_engines, read};

async fn json_of(browser: &Browser, path: &str) -> Value {
    read(browser.0.get(path.to_owned()).header(Header::new("Accept", "application/json")).dispatch().await).await.json()
}

/// What the list, the page and programs say of a job.
async fn told(browser: &Browser, job: JobId) -> String {
    let data = json_of(browser, &format!("/outbox/{job}")).await;
    let why = data["waiting"]["why"].as_str().unwrap_or_default().to_owned();
    let list = json_of(browser, "/outbox").await;
    let listed = list["jobs"].as_array().expect("jobs").iter().find(|row| row["id"] == json!(job)).expect("it is listed");
    assert_eq!(listed["waiting"], data["waiting"]);
    for path in [format!("/outbox/{job}"), "/outbox".to_owned()] {
        let page = browser.get(&path).await.text;
        assert!(page.contains(&why.replace('\'', "&#39;")), "{path} does not say: {why}\n{page}");
    }
    why
}

async fn put(whole: &Whole, lead: LeadId, order_key: &'static str) -> JobId {
    let now = whole.app.clock.now();
    let put = move |tx: &mut Tx<'_>| {
        let (job, line) = (DeliverLead { lead }, LineId::mint(now));
        let new = NewJob { job: &job, line: &line, subject: "test", unique_key: None, order_key: Some(order_key), run_at: now };
        enqueue(tx, now, &new).map_err(Error::from)
    };
    whole.app.store.write("test.put", "test", put).await.expect("it is enqueued")
}

async fn with_worker(whole: &Whole) {
    let now = whole.app.clock.now();
    let id = whole.app.process_id.clone();
    let here = Announcement { id, role: "worker".into(), version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now };
    whole.outbox.beat(here).await.expect("it lives");
}

async fn use_up(whole: &Whole, calls: i64) {
    let now = whole.app.clock.now();
    let spend = move |tx: &mut Tx<'_>| -> Result<()> {
        let row = (
            call_usage::connection.eq("zoho"),
            call_usage::window_s.eq(86_400),
            call_usage::bucket_at.eq(now),
            call_usage::calls.eq(calls),
        );
        diesel::insert_into(call_usage::table).values(row).execute(tx.conn())?;
        Ok(())
    };
    whole.app.store.write("test.spend", "test", spend).await.expect("written");
}

both_engines! {
    async fn a_waiting_job_says_what_holds_it_the_same_everywhere(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[("ZOHO_CREDITS_PER_DAY", "1000")]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        assert_eq!(told(&browser, job).await, "Waits until Zoho CRM is connected.");
        whole.connect_zoho().await;
        assert_eq!(told(&browser, job).await, "No worker is running; it starts as soon as one does.");
        with_worker(&whole).await;
        assert_eq!(told(&browser, job).await, "Is ready and waits for a free worker.");
        let behind = (put(&whole, lead, "ada").await, put(&whole, lead, "ada").await);
        assert_eq!(told(&browser, behind.1).await, format!("Waits behind job {}: jobs about the same thing run one after the other.", behind.0));
        use_up(&whole, 1000).await;
        assert_eq!(told(&browser, job).await, "Waits for Zoho CRM: its limit of 1,000 calls in any 24 hours is used up.");
        let data = json_of(&browser, &format!("/outbox/{job}")).await;
        assert!(data["waiting"]["until"].as_str().is_some_and(|until| until.starts_with("2026-11-23T09:")), "{data}");
    }

    async fn an_operator_pauses_a_kind_until_a_moment_and_lets_it_go_again(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let what = ("what", "kind:leads.deliver");
        let paused = browser.post("/pauses", &[what, ("reason", "Zoho is moving"), ("until", "2026-11-22T10:30")]).await;
        assert_eq!(paused.status.code, 303);
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let job = whole.job_of(&lead.subject()).await.id;

        assert_eq!(whole.lead(lead).await.status, LeadStatus::Pending);
        assert_eq!(told(&browser, job).await, "Is on hold, because jobs of the kind leads.deliver are paused: Zoho is moving");
        let page = browser.get("/outbox").await.text;
        for words in ["Jobs of the kind leads.deliver are paused", "By Test operator, since 09:00, until 10:30 (in 1 h 30 min). Zoho is moving."] {
            assert!(page.contains(words), "{words}\n{page}");
        }

        assert_eq!(browser.post("/pauses/end", &[what]).await.status.code, 303);
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
        let acts: Vec<(String, Option<String>)> =
            whole.ask(|conn| audit::table.filter(audit::subject.eq("kind:leads.deliver")).order(audit::id).select((audit::action, audit::reason)).load(conn)).await;
        assert_eq!(acts, [("outbox.pause".into(), Some("Zoho is moving".into())), ("outbox.resume".into(), None)]);
        browser.post("/pauses/end", &[what]).await;
        assert!(browser.get("/outbox").await.text.contains("It is not paused; someone else may have resumed it."));
    }

    async fn a_pause_ends_by_itself_and_nonsense_is_refused_in_words(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        for (what, until, words) in [
            ("kind:no.such", "", "choose a kind, a lane or a connection of the list"),
            ("lane", "", "choose a kind, a lane or a connection of the list"),
            ("lane:lead", "tomorrow", "“tomorrow” is not a moment. Write it like 2026-11-22T14:05."),
            ("lane:lead", "2026-11-22T08:00", "The time until which to pause is over already"),
        ] {
            browser.post("/pauses", &[("what", what), ("until", until)]).await;
            assert!(browser.get("/outbox").await.text.contains(words), "{what} {until}");
        }
        browser.post("/pauses", &[("what", "lane:lead"), ("until", "2026-11-22T09:10")]).await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Pending);
        app.clock.advance(Duration::from_secs(600));
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
        assert!(!browser.get("/outbox").await.text.contains("The lane lead is paused"));
    }

    async fn the_page_of_connections_tells_state_breaker_use_and_pause(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[("ZOHO_CREDITS_PER_DAY", "1000")]).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        assert!(browser.get("/connections").await.text.contains("Nobody has connected it yet."));
        whole.connect_zoho().await;
        use_up(&whole, 850).await;
        let page = browser.get("/connections").await.text;
        for words in ["It works: jobs go out as they become due.", " of 1,000</span>", "85 % used, more than 80 %: the last 100 are kept for payments and leads.",
            "closed: no failures in a row", "Calls under way", "ruled out by the unique field External_Lead_Id"] {
            assert!(page.contains(words), "{words}\n{page}");
        }

        whole.sandbox.script(json!({"fault": "server_error", "path": "/crm/v8/Leads"}));
        whole.post_lead("Ada", "ada@example.com").await;
        for _ in 0..5 {
            whole.run_until_idle().await;
            app.clock.advance(Duration::from_secs(17));
        }
        let page = browser.get("/connections").await.text;
        assert!(page.contains("open after 5 failures in a row; the next call tries at") && page.contains("No call is made until"), "{page}");

        browser.post("/pauses", &[("what", "connection:zoho"), ("reason", "Maintenance")]).await;
        let page = browser.get("/connections").await.text;
        assert!(page.contains("Zoho CRM is paused") && page.contains("until someone resumes it. Maintenance."), "{page}");
        let data = json_of(&browser, "/connections").await;
        let zoho = &data["connections"][0];
        assert_eq!((&zoho["paused"], &zoho["failures_in_a_row"], &zoho["windows"][0]["calls_max"]), (&json!(true), &json!(5), &json!(1000)));
    }
}
