//! Programs that fill in forms: what is held and what is not, stamps and proofs of work right and wrong, and a flood.

use std::time::Duration;

use diesel::prelude::*;
use rocket::http::{ContentType, Header, Status};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use throughline::db::schema::{jobs, leads, suspicions};
use throughline::leads::{LeadId, LeadStatus};

use crate::harness::{Answered, Whole, both_engines, read};

/// What nobody would take for an enquiry.
const SPAM: &str =
    "We offer backlinks and guest posts to rank your site on the first page of google. [url=https://seo.example.top]click[/url]";

/// A form as the script of another site's page prepares it.
struct Form {
    stamp: String,
    challenge: String,
}

async fn open_form(whole: &Whole) -> Form {
    let given = whole.get_json("/api/intake/stamp?form=store-lead").await.json();
    let text = |name: &str| given[name].as_str().expect("a text").to_owned();
    Form { stamp: text("stamp"), challenge: text("challenge") }
}

/// Does the work as static/form.js does.
fn work(challenge: &str) -> String {
    let bits: u32 = challenge.split('.').nth(1).and_then(|bits| bits.parse().ok()).expect("a challenge");
    let zeros = |text: &str| {
        let hash = Sha256::digest(text.as_bytes());
        u64::from_be_bytes(*hash.first_chunk().expect("32 bytes")).leading_zeros()
    };
    (0_u64..).map(|n| format!("{challenge}.{n}")).find(|text| zeros(text) >= bits).expect("there is always one")
}

fn lead(extra: Value) -> Value {
    let mut lead = json!({"name": "Ada Lovelace", "email": "ada@example.com", "message": "Two grinders for our café, please."});
    lead.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    lead
}

async fn post(whole: &Whole, body: Value) -> Answered {
    whole.post("/api/store-lead", &body).await
}

async fn posted(whole: &Whole, body: Value) -> LeadId {
    let answered = post(whole, body).await;
    assert_eq!(answered.status, Status::Created, "{}", answered.text);
    LeadId(answered.json()["id"].as_i64().expect("an id"))
}

async fn reasons(whole: &Whole, id: LeadId) -> String {
    whole
        .ask(move |conn| suspicions::table.filter(suspicions::lead_id.eq(id.0)).select(suspicions::reasons).first(conn).optional())
        .await
        .unwrap_or_default()
}

async fn job_count(whole: &Whole) -> i64 {
    whole.ask(|conn| jobs::table.count().get_result(conn)).await
}

/// Posts from an address behind a trusted proxy.
async fn post_from(whole: &Whole, ip: &str, body: &Value) -> Answered {
    let request = whole.client.post("/api/store-lead").remote("127.0.0.1:4000".parse().expect("an address")).header(ContentType::JSON);
    read(request.header(Header::new("X-Forwarded-For", ip.to_owned())).body(body.to_string()).dispatch().await).await
}

both_engines! {
    async fn what_looks_like_spam_is_answered_as_ever_and_nothing_follows(app: TestApp) {
        let whole = app.whole().await;
        let good = post(&whole, lead(json!({}))).await;
        let bad = post(&whole, lead(json!({"email": "bob@mailinator.com", "message": SPAM}))).await;

        assert_eq!(bad.status, Status::Created);
        let names = |answered: &Answered| answered.json().as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        assert_eq!((names(&bad), &bad.json()["status"]), (names(&good), &good.json()["status"]), "the sender learns nothing");
        let status_path = bad.json()["status_url"].as_str().and_then(|url| url.split_once("8000")).expect("our address").1.to_owned();
        assert_eq!(whole.get_json(&status_path).await.json(), json!({"status": "pending"}));

        whole.run_until_idle().await;
        assert_eq!(whole.lead(LeadId(1)).await.status, LeadStatus::Sent);
        assert_eq!(whole.lead(LeadId(2)).await.status, LeadStatus::Quarantined);
        assert_eq!((job_count(&whole).await, whole.sandbox.leads().len()), (1, 1));
        let why = reasons(&whole, LeadId(2)).await;
        for words in ["search rankings", "mailinator.com", "written as code"] {
            assert!(why.contains(words), "{words}: {why}");
        }
    }

    async fn a_form_with_its_stamp_and_its_work_has_nothing_against_it(app: TestApp) {
        let whole = app.whole().await;
        let form = open_form(&whole).await;
        app.clock.advance(Duration::from_secs(3));
        let id = posted(&whole, lead(json!({"_stamp": form.stamp, "_work": work(&form.challenge), "_website": ""}))).await;

        let lead = whole.lead(id).await;
        assert_eq!((lead.status, lead.extra.as_str()), (LeadStatus::Pending, "{}"), "and the fields of the defence are no part of it");
    }

    async fn without_script_a_person_takes_the_slower_path(app: TestApp) {
        let whole = app.whole().await;
        let (quick, slow) = (open_form(&whole).await, open_form(&whole).await);
        app.clock.advance(Duration::from_secs(4));
        let too_soon = posted(&whole, lead(json!({"_stamp": quick.stamp}))).await;
        app.clock.advance(Duration::from_secs(4));
        let in_time = posted(&whole, lead(json!({"_stamp": slow.stamp}))).await;

        assert_eq!(whole.lead(too_soon).await.status, LeadStatus::Quarantined, "kept all the same");
        assert_eq!(whole.lead(in_time).await.status, LeadStatus::Pending);
    }

    async fn stamps_and_work_that_are_not_right_are_told_in_words(app: TestApp) {
        let whole = app.whole().await;
        let (form, other) = (open_form(&whole).await, open_form(&whole).await);
        let foreign = whole.get_json("/api/intake/stamp?form=quote").await.json()["stamp"].as_str().expect("a stamp").to_owned();
        app.clock.advance(Duration::from_secs(10));
        let forged = format!("{}x", form.stamp);
        for (fields, words) in [
            (json!({"_stamp": forged}), "not ours"),
            (json!({"_stamp": foreign}), "another form"),
            (json!({"_stamp": "x"}), "not ours"),
            (json!({"_stamp": {"a": 1}}), "not ours"),
            (json!({"_website": "https://buy.example"}), "cannot see"),
            (json!({"_stamp": form.stamp, "_work": work(&other.challenge), "email": "x@mailinator.com"}), "is wrong"),
        ] {
            let id = posted(&whole, lead(fields.clone())).await;
            assert_eq!(whole.lead(id).await.status, LeadStatus::Quarantined, "{fields}");
            assert!(reasons(&whole, id).await.contains(words), "{fields}: {}", reasons(&whole, id).await);
        }
        assert_eq!(job_count(&whole).await, 0);
    }

    async fn a_stamp_counts_once(app: TestApp) {
        let whole = app.whole().await;
        let form = open_form(&whole).await;
        app.clock.advance(Duration::from_secs(10));
        let proof = work(&form.challenge);
        let body = lead(json!({"_stamp": form.stamp, "_work": proof}));

        let first = post(&whole, body.clone()).await;
        let again = post(&whole, body.clone()).await;
        assert_eq!((first.status, &first.text), (again.status, &again.text), "a double click is one lead");

        let other = posted(&whole, lead(json!({"_stamp": form.stamp, "_work": proof, "message": "And a third one, please."}))).await;
        assert_eq!(whole.lead(other).await.status, LeadStatus::Quarantined, "work done once does not pay twice");
        assert!(reasons(&whole, other).await.contains("sent before"));
        assert_eq!(whole.ask(|conn| leads::table.count().get_result::<i64>(conn)).await, 2);
    }

    async fn one_stamp_posted_by_eight_at_once_stores_one_lead(app: TestApp) {
        let whole = app.whole().await;
        let form = open_form(&whole).await;
        app.clock.advance(Duration::from_secs(10));
        let body = lead(json!({"_stamp": form.stamp, "_work": work(&form.challenge)})).to_string();
        let send = |key: Option<&'static str>| {
            let mut request = whole.client.post("/api/store-lead").header(ContentType::JSON).body(&body);
            if let Some(key) = key {
                request.add_header(Header::new("Idempotency-Key", key));
            }
            request.dispatch()
        };
        let answers = futures_util::future::join_all([None, Some("a"), None, Some("b"), Some("a"), None, Some("b"), None].map(send)).await;

        let mut texts = Vec::new();
        for answer in answers {
            texts.push(read(answer).await.text);
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        let counts = whole.ask(|conn| Ok((leads::table.count().get_result::<i64>(conn)?, jobs::table.count().get_result::<i64>(conn)?))).await;
        assert_eq!(counts, (1, 1));
    }

    async fn an_open_form_gets_a_challenge_that_counts_now(app: TestApp) {
        let whole = app.whole().await;
        let (form, idle) = (open_form(&whole).await, open_form(&whole).await);
        let (stale, stale_proof) = (lead(json!({"_stamp": idle.stamp, "email": "x@mailinator.com"})), work(&idle.challenge));
        app.clock.advance(Duration::from_secs(3 * 3600));
        let fresh = whole.get_json(&format!("/api/intake/challenge?form=store-lead&stamp={}", form.stamp)).await.json();
        let fresh = fresh["challenge"].as_str().expect("a challenge");
        let id = posted(&whole, lead(json!({"_stamp": form.stamp, "_work": work(fresh)}))).await;
        assert_eq!(whole.lead(id).await.status, LeadStatus::Pending);

        let mut stale = stale;
        stale["_work"] = json!(stale_proof);
        let id = posted(&whole, stale).await;
        assert!(reasons(&whole, id).await.contains("out of date"), "{}", reasons(&whole, id).await);
        for path in ["/api/intake/challenge?form=store-lead&stamp=x", "/api/intake/challenge?form=quote&stamp=", "/api/intake/stamp?form=%0a", "/api/intake/stamp?form="] {
            assert_eq!(whole.get_json(path).await.status, Status::NotFound, "{path}");
        }
    }

    async fn a_program_with_the_key_is_neither_judged_nor_limited_and_a_wrong_key_is_refused(app: TestApp) {
        let key = "the-key-of-our-own-server";
        let settings = [("THROUGHLINE_INTAKE_KEY", key), ("THROUGHLINE_INTAKE_LIMIT", "2/minute")];
        let whole = app.whole_with(throughline::sandbox::Options::default(), &settings).await;
        let post = async |key: Option<&'static str>| {
            let mut request = whole.client.post("/api/store-lead").header(ContentType::JSON).body(lead(json!({"message": SPAM})).to_string());
            if let Some(key) = key {
                request.add_header(Header::new("X-Intake-Key", key));
            }
            read(request.dispatch().await).await
        };
        for _ in 0..5 {
            let answered = post(Some(key)).await;
            assert_eq!(answered.status, Status::Created);
            assert_eq!(whole.lead(LeadId(answered.json()["id"].as_i64().expect("an id"))).await.status, LeadStatus::Pending);
        }
        let refused = post(Some("a guess")).await;
        assert_eq!((refused.status, refused.json()["title"].as_str()), (Status::Unauthorized, Some("This is not the intake key")));
        assert_eq!(post(None).await.status, Status::Created);
        assert_eq!(post(Some("another guess")).await.status, Status::TooManyRequests, "guesses are limited");
        assert_eq!(whole.ask(|conn| leads::table.count().get_result::<i64>(conn)).await, 6);
    }

    async fn a_network_that_has_sent_too_much_is_closed_to_whatever_has_not_paid(app: TestApp) {
        let whole = app.whole_with(throughline::sandbox::Options::default(), &[("THROUGHLINE_TRUSTED_PROXIES", "127.0.0.0/8")]).await;
        let form = open_form(&whole).await;
        let spam = |n: i32| lead(json!({"email": format!("b{n}@mailinator.com"), "message": format!("{SPAM} {n}")}));
        for n in 0..30 {
            assert_eq!(post_from(&whole, "198.51.100.1", &spam(n)).await.status, Status::Created);
        }
        let (bad, good) = (post_from(&whole, "198.51.100.2", &spam(30)).await, post_from(&whole, "198.51.100.3", &lead(json!({}))).await);
        assert_eq!((bad.status, good.status), (Status::TooManyRequests, Status::TooManyRequests));
        assert_eq!((&bad.text, bad.header("retry-after")), (&good.text, good.header("retry-after")), "its answers tell nothing");
        assert_eq!(post_from(&whole, "198.51.101.1", &lead(json!({"email": "b@example.com"}))).await.status, Status::Created, "the network beside it");

        let asked = whole.client.get(format!("/api/intake/challenge?form=store-lead&stamp={}", form.stamp)).remote("127.0.0.1:4000".parse().expect("an address"));
        let asked = read(asked.header(Header::new("X-Forwarded-For", "198.51.100.3")).dispatch().await).await.json();
        assert_eq!(asked["bits"], 19, "thirty-two times the work");
        app.clock.advance(Duration::from_secs(3));
        let paid = lead(json!({"email": "c@example.com", "_stamp": form.stamp, "_work": work(asked["challenge"].as_str().expect("a challenge"))}));
        let answered = post_from(&whole, "198.51.100.3", &paid).await;
        let id = LeadId(answered.json()["id"].as_i64().expect("an id"));
        assert_eq!(whole.lead(id).await.status, LeadStatus::Pending, "who pays passes");
        app.clock.advance(Duration::from_secs(60));
        assert_eq!(post_from(&whole, "198.51.100.3", &lead(json!({"email": "d@example.com"}))).await.status, Status::Created, "a minute later");
    }

    async fn after_two_thousand_hostile_posts_an_honest_one_is_taken_and_nothing_hostile_has_a_job(app: TestApp) {
        let settings = [("THROUGHLINE_TRUSTED_PROXIES", "127.0.0.0/8"), ("THROUGHLINE_INTAKE_LIMIT", "60/minute")];
        let whole = app.whole_with(throughline::sandbox::Options::default(), &settings).await;
        whole.connect_zoho().await;
        let (mut kept, mut refused) = (0, 0);
        for n in 0..2_000 {
            let ip = format!("10.{}.{}.{}", n % 7, n % 43, n % 11);
            let body = json!({"name": format!("Bob {n}"), "email": format!("bob{n}@mailinator.com"), "message": format!("{SPAM} {n}")});
            match post_from(&whole, &ip, &body).await.status {
                Status::Created => kept += 1,
                Status::TooManyRequests => refused += 1,
                other => panic!("{other}"),
            }
        }
        assert_eq!(kept + refused, 2_000);
        assert!(kept > 1_500, "{kept} of the hostile posts are kept");

        let answered = post_from(&whole, "203.0.113.9", &lead(json!({}))).await;
        let id = LeadId(answered.json()["id"].as_i64().expect("an id"));
        let neighbour = post_from(&whole, "10.1.1.200", &lead(json!({"email": "eve@example.com"}))).await;
        whole.run_until_idle().await;
        assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
        assert_eq!(neighbour.status, Status::Created, "also one from a network that attacks");
        let counts = whole.ask(|conn| {
            let held = leads::table.filter(leads::status.eq(LeadStatus::Quarantined)).count().get_result::<i64>(conn)?;
            Ok((held, jobs::table.count().get_result::<i64>(conn)?))
        }).await;
        assert_eq!(counts, (kept, 2));
        assert_eq!(whole.sandbox.leads().len(), 2);
    }
}
