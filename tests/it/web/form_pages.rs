//! The public forms: languages, consent, what is refused, who may frame them, and what scripts of other sites may do.

use std::time::Duration;

use diesel::RunQueryDsl;
use rocket::http::{ContentType, Header, Method, Status};
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::leads::{Lead, LeadId};
use throughline::sandbox::Options;

use super::browser::Browser;
use crate::harness::{Answered, TestApp, Whole, both_engines, read};

const FORM: &str = "/forms/quote";
const SITES: (&str, &str) = ("THROUGHLINE_SITES", "https://www.marsa.example,https://shop.marsa.example");

/// The seller of most tests: speaks all six, Arabic on demand.
async fn sell(whole: &Whole) -> Browser {
    let admin = Browser::signed_in(whole, Role::Admin).await;
    let settings = [
        ("version", "0"),
        ("name", "Marsa <Coffee>"),
        ("zone", "Asia/Dubai"),
        ("currency", "AED"),
        ("main_language", "en"),
        ("also_de", "on"),
        ("also_fr", "on"),
        ("also_es", "on"),
        ("also_ar", "on"),
        ("also_ja", "on"),
        ("privacy_url", "https://marsa.example/privacy"),
        ("phone", "+971 4 555 0100"),
    ];
    assert_eq!(admin.post("/settings/seller", &settings).await.status, Status::SeeOther);
    admin
}

async fn selling(app: &TestApp) -> (Whole, Browser) {
    let whole = app.whole_with(Options::default(), &[SITES]).await;
    whole.connect_zoho().await;
    let admin = sell(&whole).await;
    (whole, admin)
}

async fn open(whole: &Whole, address: &str, accept_language: &'static str) -> Answered {
    let request = whole.client.get(address.to_owned()).header(Header::new("Accept", "text/html"));
    read(request.header(Header::new("Accept-Language", accept_language)).dispatch().await).await
}

/// The value of a hidden field.
fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let after = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("{name} is not in {page}"));
    after.split('"').next().unwrap_or_default()
}

/// Sends a form as a browser's navigation does.
async fn send(whole: &Whole, address: &str, fields: &[(&str, &str)], from: &'static str) -> Answered {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = whole.client.post(address.to_owned()).header(ContentType::Form).header(Header::new("Accept", "text/html,*/*;q=0.8"));
    read(
        request
            .header(Header::new("Sec-Fetch-Site", from))
            .header(Header::new("Origin", "https://elsewhere.example"))
            .body(body)
            .dispatch()
            .await,
    )
    .await
}

/// Opens the form, takes ten seconds over it, and sends it with these changes.
async fn fill(whole: &Whole, app: &TestApp, address: &str, changes: &[(&str, &str)]) -> Answered {
    let page = open(whole, address, "").await.text;
    app.clock.advance(Duration::from_secs(10));
    let own = [
        ("name", "Sara Haddad"),
        ("email", "sara@oasis.example"),
        ("company", "Oasis Café"),
        ("message", "Forty kilos a month, please."),
        ("consent[given]", "on"),
        ("consent[version]", hidden(&page, "consent[version]")),
        ("_stamp", hidden(&page, "_stamp")),
        ("_work", ""),
        ("_website", ""),
    ];
    let kept = own.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let fields: Vec<_> = kept.chain(changes).copied().filter(|(_, value)| *value != "(left out)").collect();
    send(whole, address, &fields, "same-origin").await
}

async fn leads(whole: &Whole) -> Vec<Lead> {
    use diesel::prelude::*;
    use throughline::db::schema::leads;
    whole.ask(|conn| leads::table.order(leads::id).select(Lead::as_select()).load(conn)).await
}

async fn preflight(whole: &Whole, path: &'static str, origin: &'static str, asked: (&'static str, &'static str)) -> Answered {
    let request = whole.client.req(Method::Options, path).header(Header::new("Origin", origin));
    let request = request.header(Header::new("Access-Control-Request-Method", asked.0));
    read(request.header(Header::new("Access-Control-Request-Headers", asked.1)).dispatch().await).await
}

both_engines! {
    async fn the_form_speaks_the_language_of_its_visitor(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        for (address, accepted, tag, direction, title) in [
            ("/forms/quote", "", "en", "ltr", "Ask for a quote"),
            ("/forms/quote", "de-AT,de;q=0.9,en;q=0.8", "de", "ltr", "Angebot anfordern"),
            ("/forms/quote?lang=fr", "de", "fr", "ltr", "Demander un devis"),
            ("/forms/quote?lang=es", "", "es", "ltr", "Pedir un presupuesto"),
            ("/forms/quote?lang=ar", "en", "ar", "rtl", "اطلب عرض سعر"),
            ("/forms/quote", "ja", "ja", "ltr", "お見積もりのご依頼"),
            ("/forms/quote?lang=tlh", "pt", "en", "ltr", "Ask for a quote"),
        ] {
            let page = open(&whole, address, accepted).await;
            assert_eq!(page.status, Status::Ok);
            assert!(page.text.contains(&format!("<html lang=\"{tag}\" dir=\"{direction}\">")) && page.text.contains(&format!("<h1>{title}</h1>")), "{address} {accepted}");
            assert_eq!(hidden(&page.text, "consent[version]"), format!("{tag}-1"));
            assert!(page.text.contains("<bdi>Marsa &#60;Coffee&#62;</bdi>") && page.text.contains("href=\"https://marsa.example/privacy\""));
            assert_eq!(page.header("Set-Cookie"), None);
        }
    }

    async fn a_sent_form_is_a_lead_with_the_words_that_were_agreed_to(app: TestApp) {
        let (whole, admin) = selling(&app).await;
        let sent = fill(&whole, &app, "/forms/quote?lang=ar&utm_source=fair", &[("utm_source", "fair"), ("consent[wording]", "I owe you everything")]).await;
        assert_eq!((sent.status, sent.header("Location"), sent.header("Set-Cookie")), (Status::SeeOther, Some("/forms/quote/thanks?lang=ar"), None));
        let thanks = open(&whole, "/forms/quote/thanks?lang=ar", "").await;
        assert!(thanks.text.contains("dir=\"rtl\"") && thanks.text.contains("شكرًا لك"), "{}", thanks.text);
        let lead = leads(&whole).await.pop().expect("it is stored");
        assert!(lead.consent_wording.as_deref().is_some_and(|wording| wording.starts_with("يمكنكم الرد")), "our words, not the sender's");
        assert_eq!((lead.consent_given, lead.consent_version.as_deref(), lead.language.as_deref()), (Some(true), Some("ar-1"), Some("ar")));
        assert_eq!((lead.status.as_str(), lead.extra.as_str(), lead.utm.as_str()), ("pending", "{}", "{\"utm_source\":\"fair\"}"));
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead.id).await.status.as_str(), "sent");
        assert!(admin.get(&format!("/leads/{}", lead.id)).await.text.contains("ar-1"));
    }

    async fn mistakes_come_back_in_the_visitors_language_with_what_was_typed(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let changes = [("name", " "), ("email", "sara@"), ("message", "<script>alert(1)</script>"), ("consent[given]", "(left out)")];
        let again = fill(&whole, &app, "/forms/quote?lang=de", &changes).await;
        assert_eq!(again.status, Status::UnprocessableEntity);
        for (id, words) in [
            ("name", "Geben Sie Ihren Namen an."), ("email", "Geben Sie eine vollständige E-Mail-Adresse an"), ("consent", "Wir brauchen Ihre Einwilligung"),
        ] {
            assert!(again.text.contains(&format!("<a href=\"#{id}\">{words}")) && again.text.contains(&format!("id=\"{id}-error\"")), "{id}");
        }
        assert!(again.text.contains("value=\"sara@\"") && again.text.contains("value=\"Oasis Café\"") && !again.text.contains("<script>alert"), "{}", again.text);
        assert!(!hidden(&again.text, "_stamp").is_empty(), "it can be sent again");
        assert!(leads(&whole).await.is_empty(), "nothing was saved");
    }

    async fn who_corrects_a_mistake_need_not_wait_again(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let again = fill(&whole, &app, FORM, &[("email", "sara@")]).await;
        assert_eq!(again.status, Status::UnprocessableEntity);
        app.clock.advance(Duration::from_secs(2));
        let fields = [
            ("name", "Sara Haddad"), ("email", "sara@oasis.example"), ("consent[given]", "on"),
            ("consent[version]", hidden(&again.text, "consent[version]")), ("_stamp", hidden(&again.text, "_stamp")),
        ];
        assert_eq!(send(&whole, FORM, &fields, "same-origin").await.status, Status::SeeOther);
        assert_eq!(leads(&whole).await.pop().expect("it is stored").status.as_str(), "pending", "and not held");
    }

    async fn what_cannot_be_saved_comes_back_with_what_was_typed(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let lose = |tx: &mut Tx<'_>| diesel::sql_query("ALTER TABLE leads RENAME TO lost").execute(tx.conn());
        whole.app.store.write("test.lose", "test", lose).await.expect("the table is gone");
        for (address, words) in [(FORM, "Nothing is lost: what you typed is still here"), ("/forms/quote?lang=ja", "入力内容はここに残っています")] {
            let again = fill(&whole, &app, address, &[]).await;
            assert_eq!((again.status, again.header("Retry-After"), again.header("Location")), (Status::ServiceUnavailable, Some("2"), None));
            assert!(again.text.contains(words) && again.text.contains("value=\"sara@oasis.example\"") && again.text.contains(" checked"), "{}", again.text);
        }
    }

    async fn who_sends_too_many_is_told_on_a_page(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[("THROUGHLINE_INTAKE_LIMIT", "1/minute")]).await;
        for address in [FORM, "/api/store-lead"] {
            let mut told = send(&whole, address, &[("name", "")], "cross-site").await;
            for _ in 0..3 {
                told = send(&whole, address, &[("name", "")], "cross-site").await;
            }
            assert_eq!((told.status, told.header("Content-Type")), (Status::TooManyRequests, Some("text/html; charset=utf-8")), "{address}");
            assert!(told.text.contains("Too many submissions from this network") && told.header("Retry-After").is_some());
        }
    }

    async fn a_consent_to_words_that_do_not_exist_is_asked_for_again(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        for version in ["en-7", "tlh-1", "en", "", "(left out)"] {
            let again = fill(&whole, &app, FORM, &[("consent[version]", version)]).await;
            assert_eq!(again.status, Status::UnprocessableEntity, "{version}");
            assert!(again.text.contains("The wording has changed"), "{version}");
        }
        assert!(leads(&whole).await.is_empty());
    }

    async fn a_new_wording_is_a_new_version_and_the_old_stays_what_it_was(app: TestApp) {
        let (whole, admin) = selling(&app).await;
        let opened = open(&whole, FORM, "").await.text;
        let path = "/settings/forms/wording";
        let short = admin.post(path, &[("language", "en"), ("version", "1"), ("wording", "Yes.")]).await;
        assert!(short.status == Status::UnprocessableEntity && short.text.contains("Say in a sentence") && short.text.contains(">\nYes.</textarea>"));
        let new = [("language", "en"), ("version", "1"), ("wording", "You may call me about <this> request.")];
        assert_eq!(admin.post(path, &new).await.status, Status::SeeOther);
        admin.post(path, &new).await;
        assert!(admin.get("/settings/forms").await.text.contains("Somebody else has changed this wording"));
        assert!(admin.get("/settings/forms").await.text.contains("came with the program"));
        let now = open(&whole, FORM, "").await.text;
        assert!(hidden(&now, "consent[version]") == "en-2" && now.contains("You may call me about &#60;this&#62; request."));

        assert_eq!(fill(&whole, &app, FORM, &[]).await.status, Status::SeeOther);
        assert_eq!(fill(&whole, &app, FORM, &[("consent[version]", hidden(&opened, "consent[version]")), ("email", "b@oasis.example")]).await.status, Status::SeeOther);
        let shown: Vec<_> = leads(&whole).await.into_iter().map(|lead| (lead.consent_version.unwrap_or_default(), lead.consent_wording.unwrap_or_default())).collect();
        assert_eq!(shown[0], ("en-2".into(), "You may call me about <this> request.".into()));
        assert!(shown[1].0 == "en-1" && shown[1].1.starts_with("You may answer my request"), "who had it open agreed to what they saw: {:?}", shown[1]);
    }

    async fn a_form_leads_to_listed_sites_and_to_no_other(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let next = "https://shop.marsa.example/danke?from=form";
        let sent = fill(&whole, &app, FORM, &[("next", next)]).await;
        assert_eq!((sent.status, sent.header("Location")), (Status::SeeOther, Some(next)));
        for away in ["https://evil.example/", "//evil.example", "https://www.marsa.example@evil.example/", "javascript:alert(1)", "/leads"] {
            let refused = fill(&whole, &app, FORM, &[("next", away), ("email", "c@oasis.example")]).await;
            assert_eq!((refused.status, refused.header("Location")), (Status::UnprocessableEntity, None), "{away}");
            assert!(refused.text.contains("is not one of this seller&#39;s sites") && refused.text.contains("value=\"c@oasis.example\""), "{}", refused.text);
            assert!(!refused.text.contains("evil.example"), "it is not carried along: {away}");
        }
        assert_eq!(leads(&whole).await.len(), 1);
    }

    async fn only_the_embedded_form_may_be_framed_and_only_by_listed_sites(app: TestApp) {
        let (whole, admin) = selling(&app).await;
        let frames = "frame-ancestors https://www.marsa.example https://shop.marsa.example;";
        for address in ["/forms/quote?embed=1", "/forms/quote/thanks?embed=1"] {
            let page = open(&whole, address, "").await;
            let policy = page.header("Content-Security-Policy").expect("a policy");
            assert!(policy.contains(frames) && !policy.contains('*'), "{address}: {policy}");
            assert_eq!((page.header("X-Frame-Options"), page.header("Set-Cookie")), (None, None), "{address}");
            assert!(!page.text.contains("<header"), "no header in a frame");
        }
        let again = fill(&whole, &app, "/forms/quote?embed=1", &[("name", "")]).await;
        assert!(again.header("Content-Security-Policy").is_some_and(|policy| policy.contains(frames)) && again.header("X-Frame-Options").is_none());
        for address in [FORM, "/forms/quote/thanks", "/", "/leads?embed=1", "/login?embed=1", "/settings/forms", "/nowhere?embed=1", "/api/store-lead?embed=1"] {
            let page = admin.get(address).await;
            assert!(page.header("Content-Security-Policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")), "{address}");
            assert_eq!(page.header("X-Frame-Options"), Some("DENY"), "{address}");
        }
        let closed = app.whole_with(Options::default(), &[]).await;
        let page = open(&closed, "/forms/quote?embed=1", "").await;
        assert!(page.header("Content-Security-Policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")) && page.header("X-Frame-Options") == Some("DENY"));
    }

    async fn a_plain_form_of_another_site_is_answered_with_pages_and_a_program_as_before(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let good = [("name", "Sara"), ("email", "sara@oasis.example"), ("items[0][sku]", "G65"), ("size", "large"), ("consent[given]", "on"), ("consent[wording]", "Their words")];
        let sent = send(&whole, "/api/store-lead", &good, "cross-site").await;
        assert_eq!((sent.status, sent.header("Location")), (Status::SeeOther, Some("/forms/quote/thanks?lang=en")));
        let lead = whole.lead(LeadId(1)).await;
        assert_eq!((lead.consent_wording.as_deref(), lead.consent_version, lead.extra.as_str()), (Some("Their words"), None, "{\"size\":\"large\"}"));

        let next = "https://www.marsa.example/thanks";
        let sent = send(&whole, "/api/store-lead?lang=de", &[("name", "B"), ("email", "b@oasis.example"), ("next", next)], "cross-site").await;
        assert_eq!((sent.status, sent.header("Location")), (Status::SeeOther, Some(next)));

        let bad = [("name", "Sara"), ("email", "sara@"), ("items[0][sku]", "G65"), ("items[0][quantity]", "none"), ("size", "large"), ("next", next), ("consent[given]", "on")];
        let again = send(&whole, "/api/store-lead?lang=de", &bad, "cross-site").await;
        assert_eq!(again.status, Status::UnprocessableEntity);
        for words in ["action=\"/forms/quote?lang=de\"", "value=\"sara@\"", "name=\"size\" value=\"large\"", "name=\"next\" value=\"https://www.marsa.example/thanks\"", "Verborgene Angaben"] {
            assert!(again.text.contains(words), "{words} in {}", again.text);
        }
        assert!(!again.text.contains("items[0]") && !again.text.contains(" checked"), "what cannot be corrected is left out; our words were not agreed to");
        let foreign = send(&whole, "/api/store-lead", &[("name", "B"), ("email", "b@oasis.example"), ("next", "https://evil.example/")], "cross-site").await;
        assert_eq!((foreign.status, foreign.header("Location")), (Status::UnprocessableEntity, None));

        for accept in ["*/*", "application/json", ""] {
            let request = whole.client.post("/api/store-lead").header(ContentType::Form).header(Header::new("Accept", accept));
            let answer = read(request.body("name=Ada&email=ada%40example.com").dispatch().await).await;
            assert!(answer.status == Status::Created && answer.json()["id"].is_i64(), "{accept}");
        }
        let json = whole.client.post("/api/store-lead").header(ContentType::JSON).header(Header::new("Accept", "text/html")).body("{}");
        assert_eq!(read(json.dispatch().await).await.header("Content-Type"), Some("application/problem+json"));
    }

    async fn scripts_of_listed_sites_may_call_the_intake_and_others_are_told_why_not(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let right = preflight(&whole, "/api/store-lead", "https://www.marsa.example", ("POST", "content-type, Idempotency-Key")).await;
        assert_eq!((right.status, right.text.as_str()), (Status::NoContent, ""));
        let of = |name: &str| right.header(name).unwrap_or_default().to_owned();
        assert_eq!(of("Access-Control-Allow-Origin"), "https://www.marsa.example");
        assert_eq!((of("Access-Control-Allow-Methods"), of("Access-Control-Allow-Headers")), ("POST".into(), "content-type, idempotency-key".into()));
        assert_eq!((of("X-Frame-Options"), of("X-Content-Type-Options")), ("DENY".into(), "nosniff".into()));
        assert!(of("Vary").contains("Origin") && right.header("Access-Control-Allow-Credentials").is_none());
        assert_eq!(preflight(&whole, "/api/intake/stamp", "https://www.marsa.example", ("GET", "")).await.status, Status::NoContent);

        for (origin, asked, words) in [
            ("https://evil.example", ("POST", "content-type"), "Scripts of this site may not call this"),
            ("https://www.marsa.example.evil.example", ("POST", ""), "Scripts of this site"),
            ("http://www.marsa.example", ("POST", ""), "Scripts of this site"),
            ("null", ("POST", ""), "Scripts of this site"),
            ("https://www.marsa.example", ("PUT", ""), "may use POST here"),
            ("https://www.marsa.example", ("POST", "x-intake-key"), "may send these headers: content-type, idempotency-key"),
        ] {
            let wrong = preflight(&whole, "/api/store-lead", origin, asked).await;
            assert!(wrong.status == Status::Forbidden && wrong.text.contains(words), "{origin}: {}", wrong.text);
            assert_eq!(wrong.header("Access-Control-Allow-Origin"), None, "{origin}");
        }
        for (origin, seen) in [("https://shop.marsa.example", Some("https://shop.marsa.example")), ("https://evil.example", None)] {
            let request = whole.client.post("/api/store-lead").header(ContentType::JSON).header(Header::new("Origin", origin)).body("{}");
            let answer = read(request.dispatch().await).await;
            assert_eq!((answer.status, answer.header("Access-Control-Allow-Origin")), (Status::UnprocessableEntity, seen), "{origin}");
        }
        let elsewhere = preflight(&whole, "/leads", "https://www.marsa.example", ("GET", "")).await;
        assert_eq!((elsewhere.header("Access-Control-Allow-Origin"), elsewhere.status.code >= 400), (None, true));
    }

    async fn everything_a_visitor_loads_is_small(app: TestApp) {
        let (whole, _admin) = selling(&app).await;
        let page = open(&whole, "/forms/quote?lang=ar", "").await.text;
        let mut files: Vec<&str> = page.split(['"', '#']).filter(|part| part.starts_with("/static/")).collect();
        files.sort_unstable();
        files.dedup();
        assert!(files.len() == 3, "the style sheet, the script, the icon of the tab; no font: {files:?}");
        let mut total_bytes = 0;
        for address in files.iter().copied().chain(["/forms/quote?lang=ar"]) {
            let answer = whole.client.get(address.to_owned()).header(Header::new("Accept", "text/html")).header(Header::new("Accept-Encoding", "br"));
            total_bytes += answer.dispatch().await.into_bytes().await.expect("a body").len();
        }
        // 32 KiB more for the largest logo.
        assert!(total_bytes < 28_000, "{total_bytes} bytes");
    }
}
