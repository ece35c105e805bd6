//! What the public intake answers, right and wrong.

use diesel::prelude::*;
use rocket::http::{ContentType, Header, Status};
use serde_json::json;
use throughline::db::schema::{events, jobs, leads};
use throughline::leads::LeadStatus;

use crate::harness::{Whole, both_engines, read};

async fn counts(whole: &Whole) -> (i64, i64, i64) {
    whole
        .ask(|conn| {
            let leads = leads::table.count().get_result(conn)?;
            let jobs = jobs::table.count().get_result(conn)?;
            let events = events::table.filter(events::kind.eq("lead.received")).count().get_result(conn)?;
            Ok((leads, jobs, events))
        })
        .await
}

both_engines! {
    async fn a_lead_is_stored_with_its_event_and_its_job_before_it_is_acknowledged(app: TestApp) {
        let whole = app.whole().await;

        let answered = whole.post("/api/store-lead", &json!({"name": "Ada Lovelace", "email": "ada@example.com"})).await;

        assert_eq!(answered.status, Status::Created);
        let body = answered.json();
        assert_eq!(body["status"], "pending");
        assert_eq!(answered.header("location"), body["status_url"].as_str());
        assert_eq!(counts(&whole).await, (1, 1, 1));
        let path = body["status_url"].as_str().and_then(|url| url.split_once("8000")).expect("our address").1;
        assert_eq!(whole.get_json(path).await.json(), json!({"status": "pending"}));
        assert_eq!(whole.get_json("/api/leads/guessed").await.status, Status::NotFound);
    }

    async fn a_form_and_a_chatbot_are_taken_too(app: TestApp) {
        let whole = app.whole().await;

        let form = whole.client.post("/api/store-lead").header(ContentType::Form).body("name=Ada&phone=%2B44+20+7946+0958&items[0][sku]=G65");
        assert_eq!(form.dispatch().await.status(), Status::Created);
        let talk = json!({"name": "Grace", "email": "grace@example.com", "conversation_id": "c-1", "transcript": [{"role": "user", "text": "hi"}]});
        assert_eq!(whole.post("/api/chatbot-leads", &talk).await.status, Status::Created);

        assert_eq!(counts(&whole).await, (2, 2, 2));
    }

    async fn the_same_key_and_body_get_the_same_answer_and_another_body_is_a_conflict(app: TestApp) {
        let whole = app.whole().await;
        let post = async |body: &str, key: &'static str, path: &'static str| {
            read(whole.client.post(path).header(ContentType::JSON).header(Header::new("Idempotency-Key", key)).body(body).dispatch().await).await
        };
        let body = r#"{"name": "Ada", "email": "ada@example.com"}"#;

        let first = post(body, "key-1", "/api/store-lead").await;
        let again = post(body, "key-1", "/api/store-lead").await;
        assert_eq!((first.status, &first.text), (again.status, &again.text));
        assert_eq!(counts(&whole).await.0, 1);

        assert_eq!(post(r#"{"name": "Eve", "email": "eve@example.com"}"#, "key-1", "/api/store-lead").await.status, Status::Conflict);
        assert_eq!(post(body, "key-1", "/api/chatbot-leads").await.status, Status::Created, "keys belong to a route");
        assert_eq!(post(body, "", "/api/store-lead").await.status, Status::BadRequest);

        app.clock.advance(std::time::Duration::from_secs(24 * 3600 + 1));
        let next_day = post(body, "key-1", "/api/store-lead").await;
        assert_eq!(next_day.status, Status::Created);
        assert_ne!(next_day.text, first.text);
    }

    async fn two_requests_with_one_key_at_once_store_one_lead(app: TestApp) {
        let whole = app.whole().await;
        let body = r#"{"name": "Ada", "email": "ada@example.com"}"#;
        let post = || whole.client.post("/api/store-lead").header(ContentType::JSON).header(Header::new("Idempotency-Key", "k")).body(body).dispatch();

        let answers = futures_util::future::join_all((0..8).map(|_| post())).await;

        let mut texts = Vec::new();
        for answer in answers {
            texts.push(read(answer).await.text);
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_eq!(counts(&whole).await, (1, 1, 1));
    }

    async fn mistakes_are_named_and_nothing_is_kept(app: TestApp) {
        let whole = app.whole().await;

        let answered = whole.post("/api/store-lead", &json!({"email": "nobody", "items": [{"quantity": -1}]})).await;

        assert_eq!(answered.status, Status::UnprocessableEntity);
        assert_eq!(answered.header("content-type"), Some("application/problem+json"));
        let fields: Vec<_> = answered.json()["errors"].as_array().expect("errors").iter().map(|error| error["field"].clone()).collect();
        assert_eq!(json!(fields), json!(["name", "email", "items.0.sku", "items.0.quantity"]));
        assert_eq!(counts(&whole).await, (0, 0, 0));
    }

    async fn what_is_no_submission_is_refused_by_its_own_status(app: TestApp) {
        let whole = app.whole().await;
        let post = async |kind: ContentType, body: Vec<u8>| whole.client.post("/api/store-lead").header(kind).body(body).dispatch().await.status();

        assert_eq!(post(ContentType::XML, b"<lead/>".to_vec()).await, Status::UnsupportedMediaType);
        assert_eq!(post(ContentType::JSON, vec![b'x'; 64 * 1024 + 1]).await, Status::PayloadTooLarge);
        assert_eq!(whole.client.get("/api/store-lead").dispatch().await.status(), Status::MethodNotAllowed);
        assert_eq!(counts(&whole).await, (0, 0, 0));
    }

    async fn a_network_over_its_limit_waits_and_a_spoofed_header_does_not_help(app: TestApp) {
        let whole = app.whole_with(throughline::sandbox::Options::default(), &[("THROUGHLINE_INTAKE_LIMIT", "2/minute")]).await;
        let post = async |spoofed: &'static str| {
            let remote = "192.0.2.1:4000".parse().expect("an address");
            let lead = json!({"name": "Ada", "email": "ada@example.com"}).to_string();
            let request = whole.client.post("/api/store-lead").remote(remote).header(ContentType::JSON).header(Header::new("X-Real-IP", spoofed));
            read(request.header(Header::new("X-Forwarded-For", spoofed)).body(lead).dispatch().await).await
        };

        assert_eq!(post("198.51.100.1").await.status, Status::Created);
        assert_eq!(post("198.51.100.2").await.status, Status::Created);
        let refused = post("198.51.100.3").await;

        assert_eq!(refused.status, Status::TooManyRequests);
        assert!(refused.header("retry-after").is_some());
        assert_eq!(counts(&whole).await.0, 2);
    }

    async fn unknown_fields_are_kept(app: TestApp) {
        let whole = app.whole().await;
        whole.post("/api/store-lead", &json!({"name": "Ada", "email": "ada@example.com", "shoe": {"size": 42}, "utm_source": "mail"})).await;
        let (extra, utm, status): (String, String, LeadStatus) =
            whole.ask(|conn| leads::table.select((leads::extra, leads::utm, leads::status)).first(conn)).await;
        assert_eq!((extra.as_str(), utm.as_str(), status), (r#"{"shoe":{"size":42}}"#, r#"{"utm_source":"mail"}"#, LeadStatus::Pending));
    }
}
