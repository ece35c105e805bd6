//! What becomes of a lead on its way to the CRM.

use std::time::Duration;

use serde_json::json;
use throughline::leads::LeadStatus;
use throughline::outbox::JobState;
use throughline::sandbox::Options;

use crate::harness::both_engines;

both_engines! {
    async fn a_lead_arrives_once_with_its_words(app: TestApp) {
        let whole = app.whole().await;
        let id = whole.post_lead("Ada King Lovelace", "ada@example.com").await;

        whole.run_until_idle().await;

        let lead = whole.lead(id).await;
        assert_eq!((lead.status, lead.retry_count, lead.last_error), (LeadStatus::Sent, 0, None));
        let arrived = whole.sandbox.leads();
        assert_eq!(arrived.len(), 1);
        assert_eq!(arrived[0]["Last_Name"], "Lovelace");
        assert_eq!(arrived[0]["First_Name"], "Ada King");
        assert_eq!(arrived[0]["External_Lead_Id"], json!(lead.line_id));
        assert_eq!(arrived[0]["accepted"], 1);
        assert_eq!(lead.zoho_lead_id.as_deref(), arrived[0]["id"].as_str());
    }

    async fn one_refused_lead_among_a_hundred_fails_alone_and_says_why(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "equals": "n50@example.com"},
            "code": "INVALID_DATA", "api_name": "Email"}));
        let mut ids = Vec::new();
        for n in 0..100 {
            ids.push(whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await);
        }

        whole.run_until_idle().await;

        assert_eq!(whole.sandbox.calls("POST /crm/v8/Leads/upsert"), 1, "a hundred leads go in one call");
        assert_eq!(whole.sandbox.leads().len(), 99);
        let refused = whole.lead(ids[50]).await;
        assert_eq!(refused.status, LeadStatus::Failed);
        assert!(refused.last_error.as_deref().is_some_and(|why| why.contains("Email") && why.contains("INVALID_DATA")), "{:?}", refused.last_error);
        assert_eq!(whole.lead(ids[51]).await.status, LeadStatus::Sent);
    }

    async fn one_lead_that_spoils_the_call_for_a_hundred_is_found_by_halving(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "refuse_call", "match": {"field": "Email", "equals": "n63@example.com"}}));
        let mut ids = Vec::new();
        for n in 0..100 {
            ids.push(whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await);
        }

        whole.run_until_idle().await;

        let calls = whole.sandbox.calls("POST /crm/v8/Leads/upsert");
        assert_eq!(calls, 1 + 2 * 7, "one call for all, and two a halving: the half that is well goes at once");
        assert_eq!(whole.sandbox.leads().len(), 99);
        for (n, id) in ids.iter().enumerate() {
            let lead = whole.lead(*id).await;
            let expected = if n == 63 { LeadStatus::Failed } else { LeadStatus::Sent };
            assert_eq!((lead.status, lead.retry_count), (expected, 0), "lead {n}: {:?}", lead.last_error);
        }
        let spoilt = whole.lead(ids[63]).await.last_error.expect("its reason");
        assert!(spoilt.contains("refused as a whole by a scripted fault [INVALID_DATA]"), "{spoilt}");
    }

    async fn a_call_refused_for_the_way_it_is_made_is_not_made_again_in_parts(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "refuse_call", "code": "INVALID_MODULE", "path": "/crm/v8/Leads"}));
        let mut ids = Vec::new();
        for n in 0..20 {
            ids.push(whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await);
        }
        whole.run_until_idle().await;
        assert_eq!((whole.sandbox.calls("POST /crm/v8/Leads/upsert"), whole.lead(ids[0]).await.status), (1, LeadStatus::Failed));
    }

    async fn a_lost_answer_is_sent_again_and_the_crm_has_the_lead_once(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "timeout_after_commit", "path": "/crm/v8/Leads", "times": 1}));
        let id = whole.post_lead("Ada", "ada@example.com").await;

        whole.run_until_idle().await;
        assert_eq!(whole.lead(id).await.status, LeadStatus::Retry);
        app.clock.advance(Duration::from_secs(60));
        whole.run_until_idle().await;

        assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
        let arrived = whole.sandbox.leads();
        assert_eq!((arrived.len(), &arrived[0]["accepted"]), (1, &json!(2)));
    }

    async fn a_record_that_keeps_failing_has_three_tries(app: TestApp) {
        let whole = app.whole().await;
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "equals": "ada@example.com"}, "code": "RECORD_LOCKED"}));
        let id = whole.post_lead("Ada", "ada@example.com").await;
        let mut seen = Vec::new();
        for wait_s in [0, 70, 340] {
            app.clock.advance(Duration::from_secs(wait_s));
            whole.run_until_idle().await;
            let lead = whole.lead(id).await;
            seen.push((lead.status, lead.retry_count));
        }
        assert_eq!(seen, [(LeadStatus::Retry, 1), (LeadStatus::Retry, 2), (LeadStatus::Failed, 3)]);
    }

    async fn one_address_is_never_twice_in_one_call(app: TestApp) {
        let whole = app.whole().await;
        let first = whole.post_lead("Ada", "ada@example.com").await;
        let second = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        for id in [first, second] {
            assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
        }
        assert_eq!(whole.sandbox.calls("POST /crm/v8/Leads/upsert"), 2);
    }

    async fn a_person_the_crm_knows_is_adopted_and_the_enquiry_becomes_one_note(app: TestApp) {
        // A CRM that lets an address in only once, and has no field for our id.
        let whole = app.whole_with(Options { external_field: Some("Email".into()), ..Options::default() }, &[]).await;
        whole.connect_zoho().await;
        let first = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        // The note is written and its answer lost: it is looked for before it is written again.
        whole.sandbox.script(json!({"fault": "timeout_after_commit", "path": "/crm/v8/Notes", "times": 1}));
        let second = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        app.clock.advance(Duration::from_secs(60));
        whole.run_until_idle().await;

        let (first, second) = (whole.lead(first).await, whole.lead(second).await);
        assert_eq!((first.status, second.status), (LeadStatus::Sent, LeadStatus::Sent));
        assert_eq!(first.zoho_lead_id, second.zoho_lead_id);
        assert_eq!(whole.sandbox.leads().len(), 1);
        assert_eq!(whole.sandbox.calls("POST /crm/v8/Notes"), 1, "one note, written once");
        assert_eq!(whole.job_of(&second.id.subject()).await.state, JobState::Succeeded, "the note's job is done");
    }

    async fn a_lead_whose_job_vanished_is_swept_up(app: TestApp) {
        use diesel::prelude::*;
        use throughline::db::schema::jobs;
        let whole = app.whole().await;
        let lost = whole.post_lead("Ada", "ada@example.com").await;
        let forget = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            diesel::delete(jobs::table.filter(jobs::subject.eq(lost.subject()))).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test.forget", "test", forget).await.expect("it is gone");
        let kept = whole.post_lead("Grace", "grace@example.com").await;

        let due = throughline::schedules(&whole.app).expect("the schedules");
        throughline::outbox::schedules::tick(&whole.app, &due).await.expect("a tick");
        whole.run_until_idle().await;

        for id in [lost, kept] {
            assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
        }
        assert_eq!(whole.sandbox.leads().len(), 2);
    }
}
