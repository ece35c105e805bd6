//! The quarantine: what operators see of it and decide, one by one and for several, and what is refused in words.

use std::time::Duration;

use diesel::prelude::*;
use rocket::http::Status;
use serde_json::json;
use throughline::accounts::Role;
use throughline::db::schema::{audit, events, jobs, leads, suspicions};
use throughline::leads::{LeadId, LeadStatus};
use throughline::retention;

use super::browser::{Browser, PASSWORD};
use crate::harness::{TestApp, Whole, both_engines};

const SPAM: &str = "We sell backlinks and guest posts: [url=https://seo.example.top]rank your site[/url]";

async fn held(whole: &Whole, name: &str) -> LeadId {
    let body = json!({"name": name, "email": format!("{}@mailinator.com", name.to_lowercase()), "message": format!("{SPAM} {name}")});
    let answered = whole.post("/api/store-lead", &body).await;
    assert_eq!(answered.status, Status::Created);
    LeadId(answered.json()["id"].as_i64().expect("an id"))
}

async fn counts(whole: &Whole) -> (i64, i64, i64) {
    whole
        .ask(|conn| {
            Ok((leads::table.count().get_result(conn)?, jobs::table.count().get_result(conn)?, suspicions::table.count().get_result(conn)?))
        })
        .await
}

async fn acts(whole: &Whole) -> Vec<(String, String)> {
    whole
        .ask(|conn| audit::table.filter(audit::action.like("leads.%")).order(audit::id).select((audit::action, audit::subject)).load(conn))
        .await
}

/// What the next page says of the last act.
async fn said(browser: &Browser, path: &str) -> String {
    browser.get(path).await.text
}

async fn sweep_after(app: &TestApp, whole: &Whole, days: u32) {
    app.clock.advance(Duration::from_secs(24 * 3600) * days);
    retention::sweep(&whole.app).await.expect("it sweeps");
}

both_engines! {
    async fn a_held_lead_is_shown_with_its_reasons_released_and_delivered(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let id = held(&whole, "Bob").await;
        whole.post_lead("Ada", "ada@example.com").await;

        let list = browser.get("/quarantine").await.text;
        assert!(list.contains(">Bob<") && list.contains("search rankings") && list.contains("mailinator.com") && !list.contains(">Ada<"), "{list}");
        assert!(list.contains("1<span class=\"sr\"> to decide"), "the navigation says that there is something to do");
        let all = browser.get("/leads").await.text;
        assert!(!all.contains(">Bob<") && all.contains(">Ada<"), "it is no lead yet");
        let page = browser.get(&format!("/leads/{id}")).await.text;
        assert!(page.contains("Held: it looks like spam") && page.contains("written as code") && !page.contains("Send again"), "{page}");

        let answered = browser.post(&format!("/leads/{id}/release"), &[]).await;
        assert_eq!(answered.header("location"), Some(format!("/leads/{id}").as_str()));
        assert!(said(&browser, &format!("/leads/{id}")).await.contains("The lead is released and goes to the CRM now."));
        whole.run_until_idle().await;
        assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
        assert_eq!(whole.sandbox.leads().len(), 2);
        assert_eq!(acts(&whole).await, [("leads.release".to_owned(), id.subject())]);
        let page = browser.get(&format!("/leads/{id}")).await.text;
        for words in ["Received and held in quarantine", "Released from quarantine", "by Test operator", "Arrived in Zoho CRM", "Why it was held"] {
            assert!(page.contains(words), "{words}");
        }

        browser.post(&format!("/leads/{id}/release"), &[]).await;
        assert!(said(&browser, "/quarantine").await.contains(&format!("Lead {id} is not in quarantine any more: its state is Sent.")));
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.leads().len(), 2, "released once");
    }

    async fn several_are_decided_at_once_and_what_cannot_be_is_said(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let ids: Vec<String> = [held(&whole, "One").await, held(&whole, "Two").await, held(&whole, "Three").await].iter().map(ToString::to_string).collect();

        browser.post("/quarantine/releases", &[]).await;
        assert!(said(&browser, "/quarantine").await.contains("Nothing was chosen"));
        browser.post("/quarantine/spam", &[("lead", &ids[0]), ("lead", &ids[1])]).await;
        assert!(said(&browser, "/quarantine?status=spam").await.contains("2 submissions are marked as spam."));
        browser.post("/quarantine/spam", &[("lead", &ids[1]), ("lead", &ids[2]), ("lead", "999"), ("lead", "x")]).await;
        let page = said(&browser, "/quarantine").await;
        assert!(page.contains(&format!("1 submission is marked as spam. 2 not: Lead {} is marked as spam already. Lead 999 is not there any more", ids[1])), "{page}");
        assert!(page.contains("Nothing to decide"));

        browser.post("/quarantine/releases", &[("lead", &ids[0]), ("lead", &ids[2])]).await;
        assert!(said(&browser, "/quarantine").await.contains("2 leads are released."), "also what was marked by mistake");
        whole.run_until_idle().await;
        assert_eq!(whole.sandbox.leads().len(), 2);
        assert_eq!(acts(&whole).await.len(), 5, "each decision is in the audit");
    }

    async fn viewers_look_and_do_not_decide(app: TestApp) {
        let whole = app.whole().await;
        let id = held(&whole, "Bob").await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let list = viewer.get("/quarantine").await.text;
        assert!(list.contains(">Bob<") && !list.contains("Release"), "{list}");
        assert!(!viewer.get(&format!("/leads/{id}")).await.text.contains("Mark as spam"));
        for path in [format!("/leads/{id}/release"), format!("/leads/{id}/spam"), "/quarantine/releases".into(), "/quarantine/spam".into()] {
            assert_eq!(viewer.post(&path, &[("lead", "1")]).await.status, Status::Forbidden, "{path}");
        }
        assert_eq!(whole.lead(id).await.status, LeadStatus::Quarantined);
    }

    async fn what_is_held_cannot_be_sent_or_corrected_before_it_is_released(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let id = held(&whole, "Bob").await;
        browser.post(&format!("/leads/{id}/delivery"), &[]).await;
        assert!(said(&browser, &format!("/leads/{id}")).await.contains("This lead is held in quarantine. Release it, and it is sent."));
        browser.post(&format!("/leads/{id}/correction"), &[("name", "Bobby"), ("email", "bob@example.com")]).await;
        assert!(said(&browser, &format!("/leads/{id}")).await.contains("This lead is held in quarantine."));
        assert_eq!((whole.lead(id).await.name.as_str(), counts(&whole).await.1), ("Bob", 0));
    }

    async fn what_nobody_decides_about_is_removed_and_spam_sooner(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let (old, spam) = (held(&whole, "Old").await, held(&whole, "Spam").await);
        whole.post_lead("Ada", "ada@example.com").await;
        sweep_after(&app, &whole, 5).await;
        let browser_again = browser.sign_in("operator@example.com", PASSWORD).await;
        assert_eq!(browser_again.status, Status::SeeOther);
        browser.post(&format!("/leads/{spam}/spam"), &[]).await;

        sweep_after(&app, &whole, 6).await;
        assert_eq!(counts(&whole).await.0, 3, "six days after it was marked");
        sweep_after(&app, &whole, 2).await;
        assert_eq!((counts(&whole).await.0, counts(&whole).await.2), (2, 1));
        sweep_after(&app, &whole, 16).await;
        assert_eq!(counts(&whole).await.0, 2, "29 days after it came");
        sweep_after(&app, &whole, 2).await;
        assert_eq!((counts(&whole).await.0, counts(&whole).await.2), (1, 0), "the good one stays");
        let told = whole.ask(|conn| events::table.filter(events::kind.eq("lead.quarantined")).count().get_result::<i64>(conn)).await;
        assert_eq!(told, 0, "nothing speaks of them");

        assert_eq!(browser.sign_in("operator@example.com", PASSWORD).await.status, Status::SeeOther);
        browser.post(&format!("/leads/{old}/release"), &[]).await;
        assert!(said(&browser, "/quarantine").await.contains(&format!("Lead {old} is not there any more")));
        assert_eq!(browser.get(&format!("/leads/{old}")).await.status, Status::NotFound);
    }

    async fn two_who_release_at_once_deliver_once(app: TestApp) {
        let whole = app.whole().await;
        let (one, id) = (Browser::signed_in(&whole, Role::Operator).await, held(&whole, "Bob").await);
        let path = format!("/leads/{id}/release");
        let all = format!("lead={id}");
        let bulk = one.0.post("/quarantine/releases").header(rocket::http::ContentType::Form).header(rocket::http::Header::new("Sec-Fetch-Site", "same-origin")).body(&all);
        let (first, second, third) = tokio::join!(one.post(&path, &[]), one.post(&path, &[]), bulk.dispatch());
        assert!([first.status, second.status, third.status()].iter().all(|status| *status == Status::SeeOther));
        whole.run_until_idle().await;
        assert_eq!((counts(&whole).await.1, whole.sandbox.leads().len(), acts(&whole).await.len()), (1, 1, 1));
    }
}
