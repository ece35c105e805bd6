//! The real program's calls to Zoho CRM, each judged by Zoho's description.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use throughline::db::Engine;
use throughline::http::{Method, Outgoing};
use throughline::leads::LeadStatus;
use throughline::sandbox::Options;

use super::described::Described;
use crate::harness::{TestApp, Whole, on_engine};

#[test]
#[ignore = "needs Zoho's published descriptions: scripts/contract-test"]
fn what_the_program_sends_is_what_zoho_describes() {
    on_engine(Engine::Sqlite, |app| async move {
        let described = Described::new();
        upserts(&app, &described).await;
        notes(&app, &described).await;
        inserts_and_looks(&app, &described).await;

        let judged = described.judged();
        let wrong: Vec<_> = judged.iter().filter(|judged| judged.violation.is_some()).collect();
        assert!(wrong.is_empty(), "Zoho's description does not allow: {wrong:#?}");
        let calls: BTreeSet<String> = judged.into_iter().map(|judged| without_ids(&judged.call)).collect();
        assert_eq!(
            calls.into_iter().collect::<Vec<_>>(),
            [
                "GET /crm/v8/Leads/{id}/Notes",
                "GET /crm/v8/settings/fields",
                "POST /crm/v8/Leads",
                "POST /crm/v8/Leads/upsert",
                "POST /crm/v8/Notes",
                "POST /crm/v8/coql",
            ],
            "each call of the client is made here"
        );
    });
}

/// The CRM has a field for our id.
async fn upserts(app: &TestApp, described: &Described) {
    let whole = connected(app, described, Some("External_Lead_Id")).await;
    for lead in [whole_quote(), conversation()] {
        assert_eq!(whole.post("/api/store-lead", &lead).await.status.code, 201);
    }
    whole.run_until_idle().await;
}

/// The CRM lets an address in only once: the second enquiry becomes a note.
async fn notes(app: &TestApp, described: &Described) {
    let whole = connected(app, described, Some("Email")).await;
    for _ in 0..2 {
        whole.post_lead("Ada", "ada@example.com").await;
        whole.run_until_idle().await;
    }
}

/// The CRM has no unique field: after a lost answer the lead is looked for.
async fn inserts_and_looks(app: &TestApp, described: &Described) {
    let whole = connected(app, described, None).await;
    whole.sandbox.script(json!({"fault": "timeout_after_commit", "path": "/crm/v8/Leads", "times": 1}));
    let id = whole.post_lead("Ada O'Neil", "ada.o'neil@example.com").await;
    whole.run_until_idle().await;
    app.clock.advance(Duration::from_secs(120));
    whole.run_until_idle().await;
    assert_eq!(whole.lead(id).await.status, LeadStatus::Sent);
}

/// The test of the test: a request that is wrong is refused, and the words say where.
#[tokio::test]
#[ignore = "needs Zoho's published descriptions: scripts/contract-test"]
async fn a_request_that_is_not_as_described_is_refused_with_its_place() {
    let described = Described::new();
    let lead = json!({"Last_Name": "Lovelace"});
    let note = |parent: Value| json!({"data": [{"Note_Title": "a", "Note_Content": "b", "Parent_Id": parent}]});
    for (method, path, body, place) in [
        (Method::Post, "/Leads/upsert", json!({"data": lead}), "Request body property data must be array"),
        (Method::Post, "/Leads/upsert", json!({"data": [lead], "duplicate_check_fields": "Email"}), "duplicate_check_fields must be array"),
        (Method::Post, "/Leads", json!({"data": "Ada"}), "Request body property data must be array"),
        (Method::Post, "/Notes", note(json!({"module": "Leads", "id": "1"})), "Parent_Id.module must be object"),
        (Method::Post, "/coql", json!({"query": "select id from Leads"}), "must have required property 'select_query'"),
        (Method::Get, "/settings/fields", Value::Null, "must have required property 'module'"),
        (Method::Put, "/Leads/upsert", json!({"data": [lead], "trigger": "workflow"}), "trigger must be array"),
        (Method::Delete, "/coql", Value::Null, "Route resolved, but no method matched"),
        (Method::Get, "/Deals", Value::Null, "no description of it is served"),
    ] {
        let judged = described.judge(&call(method, path, &body, "Zoho-oauthtoken 1000.made-up")).await;
        let told = judged.violation.unwrap_or_default();
        assert!(told.contains(place), "{} with {body}: expected `{place}`, Prism said: {told}", judged.call);
    }
    let nobody = described.judge(&call(Method::Post, "/Leads", &json!({"data": [lead]}), "")).await;
    assert!(nobody.violation.as_deref().is_some_and(|told| told.contains("UNAUTHORIZED")), "{nobody:?}");
    let right = described.judge(&call(Method::Post, "/Leads", &json!({"data": [lead]}), "Zoho-oauthtoken 1000.made-up")).await;
    assert_eq!(right.violation, None);
}

async fn connected(app: &TestApp, described: &Described, external_field: Option<&str>) -> Whole {
    let options = Options { external_field: external_field.map(str::to_owned), ..Options::default() };
    let whole = app.whole_through(options, &[], |sandbox| described.in_front_of(sandbox)).await;
    whole.connect_zoho().await;
    whole
}

fn whole_quote() -> Value {
    json!({
        "name": "Layla Haddad", "email": "layla@example.com", "phone": "050 123 4567", "company": "مقهى الواحة",
        "items": [{"sku": "G65", "quantity": 2}], "message": "line one\nline two", "utm_source": "mail",
        "consent": {"given": true, "wording": "I agree"}, "page_url": "https://shop.example/quote",
    })
}

fn conversation() -> Value {
    json!({"name": "Prince", "phone": "+44 20 7946 0958", "message": "hello 👋"})
}

/// Without what differs from lead to lead.
fn without_ids(call: &str) -> String {
    let parts: Vec<_> =
        call.split('/').map(|part| if part.chars().all(|c| c.is_ascii_digit()) && !part.is_empty() { "{id}" } else { part }).collect();
    parts.join("/")
}

fn call(method: Method, path: &str, body: &Value, authorization: &str) -> Outgoing {
    let mut headers = vec![("accept", "application/json".to_owned()), ("content-type", "application/json".to_owned())];
    if !authorization.is_empty() {
        headers.push(("authorization", authorization.to_owned()));
    }
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Outgoing { method, url: format!("https://www.zohoapis.test/crm/v8{path}"), headers, body }
}
