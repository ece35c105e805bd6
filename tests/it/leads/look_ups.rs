//! A CRM without a field for our id, and an answer that was lost: the lead is looked for before it is ever sent again.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::json;
use throughline::Result;
use throughline::db::Tx;
use throughline::db::schema::{events, job_attempts, job_probes, jobs};
use throughline::leads::{LeadId, LeadStatus};
use throughline::outbox::JobState;
use throughline::sandbox::Options;

use crate::harness::{TestApp, Whole, both_engines};

/// The lead's first answer is lost, as this fault has it.
async fn lost(app: &TestApp, fault: &str, search_lag_s: i64) -> (Whole, LeadId) {
    let options = Options { external_field: None, search_lag: TimeDelta::seconds(search_lag_s), ..Options::default() };
    let whole = app.whole_with(options, &[]).await;
    whole.connect_zoho().await;
    whole.sandbox.script(json!({"fault": fault, "path": "/crm/v8/Leads", "times": 1}));
    let id = whole.post_lead("Ada O'Neil", "ada.o'neil@example.com").await;
    whole.run_until_idle().await;
    assert_eq!(whole.lead(id).await.status, LeadStatus::Uncertain);
    (whole, id)
}

/// Moves the clock and does what is due.
async fn after(app: &TestApp, whole: &Whole, seconds: u64) {
    app.clock.advance(Duration::from_secs(seconds));
    whole.run_until_idle().await;
}

async fn outcomes(whole: &Whole) -> Vec<String> {
    whole.ask(|conn| job_attempts::table.order(job_attempts::id).select(job_attempts::outcome).load(conn)).await
}

async fn told(whole: &Whole) -> Vec<String> {
    whole.ask(|conn| events::table.filter(events::kind.like("lead.%")).order(events::id).select(events::kind).load(conn)).await
}

const INSERTS: &str = "POST /crm/v8/Leads";
const LOOKS: &str = "POST /crm/v8/coql";

both_engines! {
    async fn a_lead_that_had_arrived_is_found_and_keeps_its_record(app: TestApp) {
        let (whole, id) = lost(&app, "timeout_after_commit", 60).await;
        after(&app, &whole, 119).await;
        assert_eq!(whole.sandbox.calls(LOOKS), 0, "not before its time");
        after(&app, &whole, 1).await;

        let lead = whole.lead(id).await;
        assert_eq!((lead.status, lead.retry_count, lead.last_error), (LeadStatus::Sent, 0, None));
        let arrived = whole.sandbox.leads();
        assert_eq!((arrived.len(), &arrived[0]["accepted"]), (1, &json!(1)), "once in the ledger");
        assert_eq!(lead.zoho_lead_id.as_deref(), arrived[0]["id"].as_str());
        assert_eq!(outcomes(&whole).await, ["failed", "found"]);
        assert_eq!(told(&whole).await, ["lead.received", "lead.uncertain", "lead.sent"]);
        let plans: i64 = whole.ask(|conn| job_probes::table.count().get_result(conn)).await;
        assert_eq!(plans, 0);
    }

    async fn a_lead_that_never_arrived_is_sent_again_after_the_last_look_and_arrives_once(app: TestApp) {
        let (whole, id) = lost(&app, "reset", 60).await;
        let mut seen = Vec::new();
        for seconds in [120, 180, 599, 1] {
            after(&app, &whole, seconds).await;
            seen.push((whole.sandbox.calls(LOOKS), whole.sandbox.calls(INSERTS), whole.lead(id).await.status));
        }
        let uncertain = LeadStatus::Uncertain;
        assert_eq!(seen, [(1, 1, uncertain), (2, 1, uncertain), (2, 1, uncertain), (3, 2, LeadStatus::Sent)]);
        assert_eq!(whole.sandbox.leads().len(), 1);
        assert_eq!(outcomes(&whole).await, ["failed", "not_found", "not_found", "not_found", "succeeded"]);
        assert_eq!(told(&whole).await, ["lead.received", "lead.uncertain", "lead.looked_up", "lead.looked_up", "lead.sent"]);
    }

    async fn search_that_lags_behind_is_waited_for(app: TestApp) {
        let (whole, id) = lost(&app, "timeout_after_commit", 600).await;
        for seconds in [120, 180] {
            after(&app, &whole, seconds).await;
            assert_eq!(whole.lead(id).await.status, LeadStatus::Uncertain);
        }
        after(&app, &whole, 600).await;
        assert_eq!((whole.lead(id).await.status, whole.sandbox.calls(INSERTS), whole.sandbox.leads().len()), (LeadStatus::Sent, 1, 1));
    }

    async fn a_look_that_fails_does_not_count(app: TestApp) {
        let (whole, id) = lost(&app, "reset", 60).await;
        for fault in ["server_error", "rate_limited", "refuse", "timeout_after_commit"] {
            whole.sandbox.script(json!({"fault": fault, "path": "/crm/v8/coql", "times": 1}));
        }
        for _ in 0..4 {
            after(&app, &whole, 120).await;
        }
        let failed = outcomes(&whole).await.iter().filter(|word| *word == "look_failed").count();
        assert_eq!((failed, whole.sandbox.calls(INSERTS)), (4, 1));
        for seconds in [120, 180, 600] {
            assert_eq!(whole.lead(id).await.status, LeadStatus::Uncertain);
            after(&app, &whole, seconds).await;
        }
        assert_eq!((whole.lead(id).await.status, whole.sandbox.leads().len()), (LeadStatus::Sent, 1));
    }

    async fn a_crash_in_the_middle_of_a_look_is_made_good(app: TestApp) {
        let (whole, id) = lost(&app, "timeout_after_commit", 60).await;
        let job = whole.job_of(&id.subject()).await.id;
        let die = move |tx: &mut Tx<'_>| -> Result<()> {
            diesel::update(jobs::table.filter(jobs::id.eq(job))).set((jobs::lease_token.eq(7), jobs::leased_by.eq("dead-1"))).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test.die", "test", die).await.expect("it is written");
        after(&app, &whole, 120).await;
        assert_eq!((whole.sandbox.calls(LOOKS), whole.job(job).await.state), (0, JobState::Uncertain), "another process looks, as far as anyone knows");

        assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 1);
        whole.run_until_idle().await;
        assert_eq!((whole.lead(id).await.status, whole.sandbox.calls(INSERTS), whole.sandbox.leads().len()), (LeadStatus::Sent, 1, 1));
    }

    async fn what_a_look_cannot_tell_is_left_to_a_person_and_says_why(app: TestApp) {
        let (whole, id) = lost(&app, "timeout_after_commit", 60).await;
        whole.sandbox.script(json!({"fault": "refuse_call", "code": "OAUTH_SCOPE_MISMATCH", "path": "/crm/v8/coql"}));
        after(&app, &whole, 120).await;
        let job = whole.job_of(&id.subject()).await;
        assert_eq!(job.state, JobState::Uncertain);
        assert!(job.waits_for.as_deref().is_some_and(|why| why.contains("ZohoCRM.coql.READ")), "{:?}", job.waits_for);
        after(&app, &whole, 3600).await;
        assert_eq!((whole.sandbox.calls(LOOKS), whole.lead(id).await.status), (1, LeadStatus::Uncertain));
        // The connection itself works on.
        let other = whole.post_lead("Grace", "grace@example.com").await;
        whole.run_until_idle().await;
        assert_eq!(whole.lead(other).await.status, LeadStatus::Sent);
    }

    async fn a_lead_without_a_mail_address_is_looked_up_by_what_it_has(app: TestApp) {
        let options = Options { external_field: None, ..Options::default() };
        let whole = app.whole_with(options, &[]).await;
        whole.connect_zoho().await;
        whole.sandbox.script(json!({"fault": "timeout_after_commit", "path": "/crm/v8/Leads", "times": 1}));
        let long = "x".repeat(19_000);
        let body = json!({"name": "Ada", "phone": "+44 20 7946 0958", "message": long, "conversation_id": "c",
            "transcript": [{"role": "user", "text": "y".repeat(19_000)}]});
        let answered = whole.post("/api/chatbot-leads", &body).await;
        let id = LeadId(answered.json()["id"].as_i64().unwrap_or_else(|| panic!("an id: {}", answered.text)));
        whole.run_until_idle().await;
        after(&app, &whole, 120).await;
        assert_eq!((whole.lead(id).await.status, whole.sandbox.leads().len()), (LeadStatus::Sent, 1), "its id stays in a description that is cut");
    }
}
