//! The pages of contacts, companies and timelines, their lists for programs, the feed, and notes.

use diesel::prelude::*;
use rocket::http::Header;
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::db::schema::audit;

use super::scenario::{lead, link, session, tell};
use crate::harness::{Answered, Whole, both_engines, read};
use crate::web::browser::Browser;

async fn some_people(whole: &Whole) {
    lead(whole, json!({ "name": "Ada <b>", "email": "ada@engines.example", "phone": "+442079460958", "company": "Engines & Co" })).await;
    lead(whole, json!({ "name": "Grace", "email": "grace@gmail.com", "phone": "+442079460958" })).await;
    tell(whole, 1, "checkout.session.completed", session(1, "cus_1", "ada@engines.example")).await;
    link(whole).await;
}

async fn audited(whole: &Whole, action: &'static str) -> i64 {
    whole.ask(move |conn| audit::table.filter(audit::action.eq(action)).count().get_result(conn)).await
}

/// Asks again with the ETag of the last answer.
async fn again(browser: &Browser, path: &'static str, etag: &str) -> Answered {
    read(browser.0.get(path).header(Header::new("If-None-Match", etag.to_owned())).dispatch().await).await
}

both_engines! {
    async fn a_contact_shows_who_they_are_by_which_rule_and_what_happened(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert!(browser.get("/contacts").await.text.contains("No contacts yet"));
        some_people(&whole).await;
        let page = browser.get("/contacts/1").await.text;
        for told in ["Ada Lovelace, told by Stripe", "Engines &#38; Co, by the domain of the mail address", "matched by mail address", "first heard of here", "Identifies, as typed in",
            "Identifies, told by Stripe", "cus_1", "Checkout paid", "Lead received", "EUR\u{a0}9.00", "Also at <a href=\"/contacts/2\">"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("Add a note"), "a viewer adds none");
        assert!(browser.get("/contacts/2").await.text.contains("Merely stated"));
        assert_eq!(browser.get("/contacts/9").await.status.code, 404);
        assert!(browser.get("/leads/1").await.text.contains("Ada Lovelace, first heard of here"));
        assert!(browser.get("/orders/1").await.text.contains("Ada Lovelace, matched by mail address"));
        let narrowed = browser.get("/contacts/1?kind=money").await.text;
        assert!(narrowed.contains("Checkout paid") && !narrowed.contains(">Lead received<"));
        assert!(browser.get("/contacts/1?from=2030-01-01").await.text.contains("Nothing that fits"));
    }

    async fn lists_are_searched_by_the_beginning_and_taken_along_with_an_audit_row(app: TestApp) {
        let whole = app.whole().await;
        some_people(&whole).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let ids = |body: &str, list: &str| -> Vec<i64> {
            let told: Value = serde_json::from_str(body).expect("JSON");
            told[list].as_array().expect("a list").iter().filter_map(|row| row["id"].as_i64()).collect()
        };
        for (text, expected) in [("", vec![2, 1]), ("ADA", vec![1]), ("grace@", vec![2]), ("%2B4420", vec![2, 1]), ("ce@", vec![]), ("%25", vec![])] {
            assert_eq!(ids(&browser.get(&format!("/contacts?text={text}&format=json")).await.text, "contacts"), expected, "{text}");
        }
        let file = browser.get("/contacts?format=csv").await.text;
        assert!(file.contains("grace@gmail.com") && file.lines().count() == 3, "{file}");
        assert_eq!(audited(&whole, "contacts.export").await, 7);
        assert_eq!(ids(&browser.get("/companies?text=eng&format=json").await.text, "companies"), [1]);
        assert!(browser.get("/companies?format=csv").await.text.contains("engines.example"));
        assert_eq!(audited(&whole, "companies.export").await, 2);
        assert!(browser.get("/companies/1").await.text.contains("ada@engines.example"));
        assert_eq!(browser.get("/companies/2").await.status.code, 404, "public mail makes no company");
    }

    async fn a_note_stands_in_the_timeline_at_once_and_is_audited(app: TestApp) {
        let whole = app.whole().await;
        some_people(&whole).await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(viewer.post("/contacts/1/notes", &[("note", "x")]).await.status.code, 403);
        let browser = Browser::signed_in(&whole, Role::Operator).await;
        let empty = browser.post("/contacts/1/notes", &[("note", "  ")]).await;
        assert!(empty.status.code == 422 && empty.text.contains("the note is empty"), "{}", empty.text);
        let long = browser.post("/companies/1/notes", &[("note", &format!("Keep me{}", "x".repeat(4_000)))]).await;
        assert!(long.status.code == 422 && long.text.contains("Keep mexxx") && long.text.contains("action=\"/companies/1/notes\""), "{}", long.text);
        // Browsers count the end of a line as one character, and send two.
        assert_eq!(browser.post("/contacts/2/notes", &[("note", &"x\r\n".repeat(2_000))]).await.status.code, 303);
        browser.post("/contacts/1/notes", &[("note", "Prefers <i>calls</i>\nin the morning")]).await;
        browser.post("/companies/1/notes", &[("note", "Pays late")]).await;
        assert_eq!(browser.post("/contacts/9/notes", &[("note", "x")]).await.status.code, 404);
        for round in 0..2 {
            let contact = browser.get("/contacts/1").await.text;
            assert!(contact.contains("Prefers &#60;i&#62;calls") && contact.contains("by Test operator") && !contact.contains("Pays late"), "{round} {contact}");
            let company = browser.get("/companies/1").await.text;
            assert!(company.contains("Prefers &#60;i&#62;calls") && company.matches("Pays late").count() == 1, "{round} {company}");
            link(&whole).await;
        }
        let everyones = browser.get("/timeline?kind=note").await.text;
        assert!(everyones.contains("Pays late") && everyones.contains("Prefers &#60;i&#62;calls") && !everyones.contains("Checkout paid"));
        assert_eq!(audited(&whole, "contacts.note").await, 3);
    }

    async fn the_timeline_has_days_names_filters_and_folds_repeats(app: TestApp) {
        let whole = app.whole().await;
        some_people(&whole).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/timeline").await.text;
        assert!(page.contains("<h3 class=\"tl-day\">Today</h3>") && page.contains("<a href=\"/contacts/2\"><bdi>Grace</bdi></a>"), "{page}");
        for _ in 0..3 {
            whole.run_until_idle().await;
            whole.app.store.write("test", "k", {
                let now = app.clock.now();
                move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
                    let id = now.and_utc().timestamp_micros().to_string();
                    let line = throughline::line::LineId::mint(now);
                    let event = throughline::timeline::Event { line: &line, source: "outbox", source_event_id: &id, kind: "lead.looked_up", subject: "lead:2", occurred_at: now, data: json!({}) };
                    Ok(throughline::timeline::record(tx, now, &event)?)
                }
            }).await.expect("it happened");
            app.clock.advance(std::time::Duration::from_secs(60));
        }
        let page = browser.get("/timeline?source=outbox&from=2026-11-22&to=2026-11-22").await.text;
        assert!(page.contains("3 times, first at") && page.matches("Looked up in Zoho CRM").count() == 1, "{page}");
        let people = browser.get("/timeline?human=yes").await.text;
        assert!(people.contains("Lead received") && !people.contains("Arrived in Zoho CRM") && people.contains("value=\"yes\" checked"));
    }

    async fn the_feed_tells_programs_the_same_and_saves_them_what_they_have(app: TestApp) {
        let whole = app.whole().await;
        some_people(&whole).await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        assert_eq!(whole.get_json("/api/admin/engagement-feed").await.status.code, 401);
        let first = browser.get("/api/admin/engagement-feed?contact=1&kind=lead").await;
        let told = first.json();
        assert_eq!(told["events"].as_array().map(Vec::len), Some(1), "{told}");
        let event = &told["events"][0];
        assert_eq!((&event["kind"], &event["subject"], &event["is_human"], &event["contact"]["id"]), (&json!("lead.received"), &json!("lead:1"), &json!(true), &json!(1)));
        let etag = first.header("etag").expect("an ETag").to_owned();
        let same = again(&browser, "/api/admin/engagement-feed?contact=1&kind=lead", &etag).await;
        assert_eq!((same.status.code, same.text.as_str(), same.header("etag")), (304, "", Some(etag.as_str())));
        assert_eq!(audited(&whole, "timeline.feed").await, 1, "who is told nothing new takes nothing along");
        lead(&whole, json!({ "name": "Ada", "email": "ada@engines.example" })).await;
        link(&whole).await;
        let news = again(&browser, "/api/admin/engagement-feed?contact=1&kind=lead", &etag).await;
        assert_eq!((news.status.code, news.json()["events"].as_array().map(Vec::len)), (200, Some(2)));
        assert_eq!(browser.get("/api/admin/engagement-feed?contact=77").await.status.code, 404);
        for lost in ["company=x", "contact=1&company=1", "from=zzz", "to=2026-13-01", "human=zzz", "place=zzz", "knd=lead"] {
            let refused = browser.get(&format!("/api/admin/engagement-feed?{lost}")).await;
            let name = lost.split(['=', '&']).next().expect("a name");
            assert!(refused.status.code == 400 && (refused.text.contains(name) || lost.contains('&')), "{lost}: {}", refused.text);
        }
        let company = browser.get("/api/admin/engagement-feed?company=1&source=stripe").await.json();
        assert_eq!(company["events"][0]["kind"], "checkout.paid");
    }
}
