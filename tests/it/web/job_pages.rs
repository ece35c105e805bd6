//! The outbox list, the page of a job, and what an operator may do there.

use rocket::http::Status;
use serde_json::json;
use throughline::accounts::Role;
use throughline::leads::LeadStatus;
use throughline::outbox::JobState;
use throughline::sandbox::Options;

use super::browser::Browser;
use crate::harness::both_engines;

both_engines! {
    async fn the_list_counts_and_filters_by_state_and_kind(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for n in 0..60 {
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
        }
        whole.run_until_idle().await;
        let waiting = whole.post_lead("Last", "last@example.com").await;
        let waiting = whole.job_of(&waiting.subject()).await.id;

        let all = browser.get("/outbox").await.text;
        assert!(all.contains(&format!("id=\"job-{waiting}\"")) && all.matches("<tr role=\"row\" id=\"job-").count() == 50);
        let done = browser.get("/outbox?state=done").await.text;
        assert!(done.contains(">60</span>") && !done.contains(&format!("id=\"job-{waiting}\"")));
        let older = done.split('"').find(|part| part.contains("before=")).expect("a link to older jobs").replace("&#38;", "&");
        let second = browser.get(&older).await.text;
        assert_eq!(second.matches("<tr role=\"row\" id=\"job-").count(), 10);
        let newer = second.split('"').find(|part| part.contains("after=")).expect("a link back").replace("&#38;", "&");
        assert_eq!(browser.get(&newer).await.text.matches("<tr role=\"row\" id=\"job-").count(), 50);
        let kind = browser.get("/outbox?kind=leads.deliver").await.text;
        assert_eq!(kind.matches("<tr role=\"row\" id=\"job-").count(), 50);
        assert!(browser.get("/outbox?kind=leads.deliver&state=pending").await.text.contains("id=\"job-"));
        assert!(browser.get("/outbox?kind=no.such").await.text.contains("There is no job of the kind no.such."));
    }

    async fn the_list_is_narrowed_by_what_went_wrong_and_when(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for (domain, code) in [("locked", "RECORD_LOCKED"), ("refused", "INVALID_DATA")] {
            let end = format!("@{domain}.example");
            whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "ends_with": end}, "code": code, "api_name": "Email"}));
        }
        let mut ids = Vec::new();
        for address in ["a@refused.example", "b@locked.example", "c@example.com"] {
            let lead = whole.post_lead("Ada", address).await;
            ids.push(whole.job_of(&lead.subject()).await.id);
        }
        whole.run_until_idle().await;
        let (refused, locked, sent) = (ids[0], ids[1], ids[2]);

        for (filter, fits) in [
            ("class=validation", vec![refused]),
            ("class=server_error", vec![locked]),
            ("text=invalid_data", vec![refused]),
            ("lane=lead", vec![sent, locked, refused]),
            ("lane=sync", vec![]),
            ("connection=zoho&state=done", vec![sent]),
            ("connection=zoho&kind=leads.deliver&age=1h", vec![sent, locked, refused]),
            ("age=over-24h", vec![]),
            ("state=retrying&class=server_error", vec![locked]),
        ] {
            let page = browser.get(&format!("/outbox?{filter}")).await.text;
            let shown: Vec<&str> = page.split("<tr role=\"row\" id=\"job-").skip(1).filter_map(|row| row.split('"').next()).collect();
            assert_eq!(shown, fits.iter().map(ToString::to_string).collect::<Vec<_>>(), "{filter}");
            assert!(!fits.is_empty() || page.contains("There is no job with "), "{filter}: {page}");
        }
        let page = browser.get("/outbox?state=failed&class=validation&text=refuses").await.text;
        assert!(page.contains("/outbox?state=done&#38;class=validation&#38;text=refuses"), "the tabs keep the filter");
    }

    async fn a_failed_job_shows_each_attempt_without_its_secrets(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "equals": "bad@example.com"},
            "code": "INVALID_DATA", "api_name": "Email"}));
        let id = whole.post_lead("Ada", "bad@example.com").await;
        whole.run_until_idle().await;
        let job = whole.job_of(&id.subject()).await;

        let page = browser.get(&format!("/outbox/{}", job.id)).await.text;

        for words in ["Failed", "Attempt 1 failed", "POST /crm/v8/Leads/upsert", "INVALID_DATA", "Request, secrets hidden", "bad@example.com", "Run again now"] {
            assert!(page.contains(words), "{words}");
        }
        assert!(!page.contains("Zoho-oauthtoken"), "no access token on a page");
        let retried = browser.post(&format!("/outbox/{}/run", job.id), &[]).await;
        assert_eq!(retried.status, Status::SeeOther);
        assert!(browser.get(&format!("/outbox/{}", job.id)).await.text.contains(&format!("Job {} will run again now.", job.id)));
        assert_eq!(whole.job(job.id).await.state, JobState::Pending);
        assert_eq!(whole.lead(id).await.status, LeadStatus::Pending);
    }

    async fn a_person_says_what_became_of_a_lost_answer(app: TestApp) {
        let whole = app.whole_with(Options { external_field: None, ..Options::default() }, &[]).await;
        whole.connect_zoho().await;
        whole.sandbox.script(json!({"fault": "timeout_after_commit", "path": "/crm/v8/Leads", "times": 1}));
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let id = whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
        let job = whole.job_of(&id.subject()).await.id;
        let page = browser.get(&format!("/outbox/{job}")).await.text;
        for words in ["Needs a look", "It arrived: mark done", "It did not arrive: send again", "It may have arrived, and is looked up by itself.",
            "It is looked up in Zoho CRM, 3 times at most, before anything is sent again. The next look is at 09:02:00 (in 2 min)."] {
            assert!(page.contains(words), "{words}");
        }
        assert!(browser.get(&format!("/leads/{id}")).await.text.contains("The next look is at 09:02:00"));
        assert!(browser.get("/").await.text.contains("1 job may or may not have arrived"));

        browser.post(&format!("/outbox/{job}/completion"), &[("reason", "I saw it in Zoho")]).await;

        assert_eq!((whole.job(job).await.state, whole.lead(id).await.status), (JobState::Succeeded, LeadStatus::Sent));
        let page = browser.get(&format!("/outbox/{job}")).await.text;
        assert!(page.contains("Marked as done") && page.contains("I saw it in Zoho") && page.contains("by Test operator"));
        // A second person, whose page is out of date, is told so.
        browser.post(&format!("/outbox/{job}/cancellation"), &[]).await;
        assert!(browser.get(&format!("/outbox/{job}")).await.text.contains("This job is done now; there is nothing left to change."));
        assert_eq!(whole.sandbox.leads().len(), 1);
    }

    async fn a_waiting_job_says_why_and_its_line_tells_the_whole_story(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let id = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&id.subject()).await.id;
        assert!(browser.get(&format!("/outbox/{job}")).await.text.contains("Waits until Zoho CRM is connected."));
        assert!(browser.get("/outbox").await.text.contains("Waits until Zoho CRM is connected."));
        assert!(browser.get(&format!("/leads/{id}")).await.text.contains("Waits until Zoho CRM is connected."));

        whole.connect_zoho().await;
        whole.run_until_idle().await;

        let line = whole.lead(id).await.line_id;
        let story = browser.get(&format!("/lines/{line}")).await.text;
        for words in ["Lead received", "Queued", "Attempt 1 succeeded", "POST /crm/v8/Leads/upsert, HTTP 200"] {
            assert!(story.contains(words), "{words}");
        }
    }

    async fn ticked_jobs_are_retried_or_cancelled_and_the_list_keeps_its_filter(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let mut ids = Vec::new();
        for n in 0..3 {
            let lead = whole.post_lead("Ada", &format!("n{n}@example.com")).await;
            ids.push(whole.job_of(&lead.subject()).await.id);
        }
        let list = "/outbox?state=pending&kind=leads.deliver";
        let page = browser.get(list).await.text;
        assert!(page.contains("form=\"selected\"") && page.contains("name=\"back\" value=\"/outbox?state=pending&#38;kind=leads.deliver\""), "{page}");
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();

        let cancelled = browser.post("/outbox/selected", &[("back", list), ("act", "cancel"), ("id", &texts[0]), ("id", &texts[1]), ("id", "999")]).await;

        assert_eq!(cancelled.header("Location"), Some(list));
        assert!(browser.get(list).await.text.contains("2 jobs cancelled. Left alone: 1. #999: It is no longer kept."));
        assert_eq!((whole.job(ids[0]).await.state, whole.job(ids[2]).await.state), (JobState::Cancelled, JobState::Pending));
        browser.post("/outbox/selected", &[("back", "//evil.example"), ("act", "retry"), ("id", &texts[0])]).await;
        assert!(browser.get("/outbox").await.text.contains("1 job will run again now."));
        browser.post("/outbox/selected", &[("act", "retry")]).await;
        assert!(browser.get("/outbox").await.text.contains("Nothing was done: tick one of the jobs first."));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(!viewer.get("/outbox").await.text.contains("data-row-check"), "a viewer has nothing to tick");
    }

    async fn ticked_leads_are_sent_again(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let (one, other) = (whole.post_lead("Ada", "ada@example.com").await, whole.post_lead("Bob", "bob@example.com").await);
        whole.run_until_idle().await;
        browser.post("/leads/selected", &[("back", "/leads?status=sent"), ("id", &one.to_string()), ("id", &other.to_string())]).await;
        assert!(browser.get("/leads?status=sent").await.text.contains("2 leads will be sent again now."));
        assert_eq!(whole.lead(one).await.status, LeadStatus::Pending);
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.leads().len(), 2, "updated, not doubled");
    }
}
