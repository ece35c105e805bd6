//! The list of leads, a lead, and correcting one.

use std::collections::BTreeSet;
use std::time::Duration;

use rocket::http::Status;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::schema::audit;
use throughline::leads::LeadStatus;

use super::browser::Browser;
use crate::harness::{Answered, Whole, both_engines};
use diesel::prelude::*;

async fn list(browser: &Browser, path: &str) -> Answered {
    let request = browser.0.get(path.to_owned()).header(rocket::http::Header::new("Accept", "application/json"));
    crate::harness::read(request.dispatch().await).await
}

fn names(answered: &Answered) -> Vec<String> {
    let leads = answered.json()["leads"].as_array().cloned().unwrap_or_default();
    leads.iter().filter_map(|lead| lead["name"].as_str().map(str::to_owned)).collect()
}

async fn post(whole: &Whole, lead: Value) {
    assert_eq!(whole.post("/api/store-lead", &lead).await.status, Status::Created);
}

both_engines! {
    async fn the_list_is_paged_both_ways_and_shows_each_lead_once(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        for n in 0..120 {
            // Some share a moment, so that the id has to decide.
            if n % 3 == 0 {
                app.clock.advance(Duration::from_secs(1));
            }
            whole.post_lead(&format!("Lead {n}"), &format!("n{n}@example.com")).await;
        }

        let (mut path, mut seen, mut sizes) = (Some("/leads".to_owned()), Vec::new(), Vec::new());
        while let Some(next) = path {
            let page = list(&browser, &next).await;
            sizes.push(names(&page).len());
            seen.extend(names(&page));
            path = page.json()["next"].as_str().map(str::to_owned);
        }

        assert_eq!(sizes, [50, 50, 20]);
        assert_eq!(seen.first().map(String::as_str), Some("Lead 119"));
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 120);
        let first = browser.get("/leads").await.text;
        let older = first.split('"').find(|part| part.contains("place=older")).expect("a link to older leads").replace("&#38;", "&");
        let second = browser.get(&older).await.text;
        assert!(second.contains(">Lead 69<") && !second.contains(">Lead 70<"));
        let newer = second.split('"').find(|part| part.contains("place=newer")).expect("a link back").replace("&#38;", "&");
        let back = browser.get(&newer).await.text;
        assert!(back.contains(">Lead 119<") && back.contains(">Lead 70<") && !back.contains(">Lead 69<"));
    }

    async fn filters_and_search_find_what_they_name(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        post(&whole, json!({"name": "Ärzte Ω", "email": "Praxis@Example.com", "source": "wholesale"})).await;
        post(&whole, json!({"name": "سارة المنصوري", "email": "sara@oasis.example", "company": "Oasis 100%"})).await;
        post(&whole, json!({"name": "Jonas", "phone": "+44 20 7946 0958"})).await;

        for (query, found) in [
            ("text=ärzte", vec!["Ärzte Ω"]),
            ("text=praxis@", vec!["Ärzte Ω"]),
            ("text=praxis@other", vec![]),
            ("text=@oasis", vec!["سارة المنصوري"]),
            ("text=100%", vec!["سارة المنصوري"]),
            ("text=_", vec![]),
            ("text=7946 0958", vec!["Jonas"]),
            ("source=wholesale", vec!["Ärzte Ω"]),
            ("status=sent", vec![]),
            ("status=pending&source=website", vec!["Jonas", "سارة المنصوري"]),
            ("status=nonsense&place=nonsense", vec!["Jonas", "سارة المنصوري", "Ärzte Ω"]),
        ] {
            let path = encoded(query);
            assert_eq!(names(&list(&browser, &path).await), found, "{query}");
            assert_eq!(browser.get(&path).await.status, Status::Ok, "{query}");
        }
        let nothing = browser.get("/leads?text=zebra").await.text;
        assert!(nothing.contains("No lead contains “zebra”.") && nothing.contains("Searched to the oldest lead."));
    }

    async fn what_a_form_sends_is_shown_and_never_run(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let evil = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>";
        let items = json!([{"sku": evil, "quantity": 1}]);
        let consent = json!({"given": true, "wording": evil});
        post(&whole, json!({"name": evil, "email": "a@example.com", "phone": format!("1{evil}").chars().take(40).collect::<String>(), "company": evil,
            "message": evil, "items": items, "source": evil, "utm_source": evil, "consent": consent, "page_url": evil, evil: evil})).await;
        let talk = json!({"name": evil, "email": "b@example.com", "conversation_id": evil, "transcript": [{"role": evil, "text": evil}]});
        assert_eq!(whole.post("/api/chatbot-leads", &talk).await.status, Status::Created);
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "equals": "a@example.com"},
            "code": "INVALID_DATA", "api_name": evil}));
        whole.run_until_idle().await;

        let line = whole.lead(throughline::leads::LeadId(1)).await.line_id;
        let job = whole.job_of("lead:1").await.id;
        let paths = ["/".into(), "/leads".into(), "/leads/1".into(), "/leads/2".into(), "/outbox".into(), format!("/outbox/{job}"), format!("/lines/{line}"),
            format!("/leads?text={}", encoded_value(evil)), format!("/leads?source={}", encoded_value(evil)), format!("/outbox?kind={}", encoded_value(evil))];
        for path in paths {
            let page = browser.get(&path).await;
            assert_eq!(page.status, Status::Ok, "{path}");
            assert!(!page.text.contains("<img") && !page.text.contains("<script>"), "{path}");
        }
        let typed = [("name", ""), ("email", evil), ("phone", evil), ("company", evil), ("message", evil)];
        let form = browser.post("/leads/1/correction", &typed).await;
        assert_eq!(form.status, Status::UnprocessableEntity);
        assert!(!form.text.contains("<img") && !form.text.contains("<script>"));
    }

    async fn a_refused_lead_is_corrected_and_sent_again(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "equals": "bad@example.com"},
            "code": "INVALID_DATA", "api_name": "Email"}));
        let id = whole.post_lead("Ada", "bad@example.com").await;
        whole.run_until_idle().await;
        let page = browser.get(&format!("/leads/{id}")).await.text;
        assert!(page.contains("Failed") && page.contains("INVALID_DATA") && page.contains("Edit and send again"));

        let wrong = browser.post(&format!("/leads/{id}/correction"), &[("name", "Ada"), ("email", "no address")]).await;
        assert_eq!(wrong.status, Status::UnprocessableEntity);
        assert!(wrong.text.contains("The mail address is not an email address") && wrong.text.contains("value=\"no address\""));
        let right = browser.post(&format!("/leads/{id}/correction"), &[("name", "Ada"), ("email", "good@example.com"), ("message", "Two, please")]).await;
        assert_eq!(right.status, Status::SeeOther);
        whole.run_until_idle().await;

        let lead = whole.lead(id).await;
        assert_eq!((lead.status, lead.email.as_deref()), (LeadStatus::Sent, Some("good@example.com")));
        assert_eq!(whole.sandbox.leads().len(), 1);
        let page = browser.get(&format!("/leads/{id}")).await.text;
        for words in ["Lead corrected", "by Test operator", "Asked to run again", "Lead received", "HTTP 20"] {
            assert!(page.contains(words), "{words}");
        }
        let (actor, address): (String, Option<String>) =
            whole.ask(|conn| audit::table.filter(audit::action.eq("leads.edit")).select((audit::actor, audit::address)).first(conn)).await;
        assert!(actor.starts_with("user:") && address.is_some());
    }

    async fn the_first_page_tells_what_needs_a_person(app: TestApp) {
        let whole = app.whole_with(Default::default(), &[]).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let before = browser.get("/").await.text;
        assert!(before.contains("Zoho CRM is not connected") && before.contains("No leads yet"));

        whole.connect_zoho().await;
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "equals": "bad@example.com"},
            "code": "INVALID_DATA", "api_name": "Email"}));
        whole.post_lead("Ada", "bad@example.com").await;
        whole.post_lead("Grace", "grace@example.com").await;
        whole.run_until_idle().await;

        let after = browser.get("/").await.text;
        for words in ["1 lead did not reach Zoho CRM", "Connected", "50%", "1 sent, 1 failed in 24 hours", "1 done, 1 failed", "Grace"] {
            assert!(after.contains(words), "{words}");
        }
    }
}

fn encoded(query: &str) -> String {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    pairs.for_each(|(name, value)| {
        text.append_pair(name, value);
    });
    format!("/leads?{}", text.finish())
}

fn encoded_value(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
