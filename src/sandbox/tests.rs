//! The sandbox's rules, met through the real clients.

use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::integrations::FailureClass;
use crate::integrations::zoho::crm::{BatchAnswer, Crm, FOUND_MAX, FoundLead, FoundLeads, How, LeadSearch, Note, Record};
use crate::integrations::zoho::oauth::{Grant, refresh};

struct Bench {
    sandbox: Sandbox,
    clock: Clock,
    transport: InProcess,
    token: SecretString,
}

const URL: &str = "http://sandbox.test";

fn grant(refresh_token: &str) -> Grant {
    Grant { client_id: "me".into(), client_secret: "secret".into(), refresh_token: refresh_token.into() }
}

impl Bench {
    async fn new(options: Options) -> Self {
        let clock = Clock::manual(UtcTime::default());
        let sandbox = Sandbox::new(options);
        let transport = InProcess::new(sandbox.clone(), clock.clone());
        let token = refresh(&transport, URL, &grant("sandbox")).await.result.expect("a token").token;
        Self { sandbox, clock, transport, token }
    }

    fn crm(&self) -> Crm<'_> {
        Crm::new(&self.transport, URL, &self.token)
    }

    async fn upsert(&self, leads: &[Record]) -> BatchAnswer {
        self.crm().upsert_leads(leads, "External_Lead_Id").await
    }
}

fn lead(external: &str, last_name: &str) -> Record {
    json!({ "External_Lead_Id": external, "Last_Name": last_name, "Email": format!("{external}@sample.example") })
        .as_object()
        .expect("an object")
        .clone()
}

fn failure_of(answer: &BatchAnswer, at: usize) -> String {
    answer.members[at].result.as_ref().expect_err("a failure").to_string()
}

#[tokio::test]
async fn an_upsert_on_the_unique_field_writes_a_lead_once_however_often_it_is_sent() {
    let bench = Bench::new(Options::default()).await;
    let first = bench.upsert(&[lead("a", "Lovelace"), lead("b", "Hopper")]).await;
    let again = bench.upsert(&[lead("A", "Lovelace")]).await;
    let (first, again) = (first.members[0].result.as_ref().expect("inserted"), again.members[0].result.as_ref().expect("updated"));
    assert_eq!((&first.id, &first.how, &again.how), (&again.id, &How::Inserted, &How::Updated));
    let ledger = bench.sandbox.leads();
    assert_eq!(ledger.iter().map(|lead| lead["accepted"].clone()).collect::<Vec<_>>(), [json!(2), json!(1)]);
    assert_eq!(ledger[1]["Last_Name"], "Hopper");
}

#[tokio::test]
async fn an_insert_of_a_known_id_is_adopted_and_writes_nothing() {
    let bench = Bench::new(Options::default()).await;
    bench.crm().insert_leads(&[lead("a", "Lovelace")]).await;
    let again = bench.crm().insert_leads(&[lead("a", "Byron")]).await;
    assert_eq!(again.members[0].result.as_ref().expect("adopted").how, How::Adopted { field: "External_Lead_Id".into() });
    assert_eq!((bench.sandbox.leads().len(), bench.sandbox.leads()[0]["accepted"].clone()), (1, json!(1)));
}

#[tokio::test]
async fn one_refused_lead_among_a_hundred_fails_alone() {
    let bench = Bench::new(Options::default()).await;
    let mut leads: Vec<_> = (0..100).map(|n| lead(&format!("x{n}"), "Fine")).collect();
    leads[41].insert("Last_Name".into(), json!(""));
    let answer = bench.upsert(&leads).await;
    assert_eq!(answer.members.iter().filter(|member| member.result.is_err()).count(), 1);
    assert_eq!(failure_of(&answer, 41), "Zoho needs a value for Last Name [MANDATORY_NOT_FOUND: Last_Name]");
    leads.push(lead("one too many", "Fine"));
    assert_eq!(bench.upsert(&leads).await.whole.expect("refused").class, FailureClass::Validation);
}

#[tokio::test]
async fn a_token_lives_for_an_hour_and_dies_with_its_grant() {
    let bench = Bench::new(Options::default()).await;
    bench.clock.advance(Duration::from_secs(3599));
    assert!(bench.crm().lead_fields().await.result.is_ok());
    bench.clock.advance(Duration::from_secs(1));
    let late = bench.crm().lead_fields().await;
    assert!(late.credentials_refused);
    let next = bench.sandbox.revoke_refresh_token();
    let dead = refresh(&bench.transport, URL, &grant("sandbox")).await;
    assert!(dead.credentials_refused && dead.exchange.status == Some(200));
    assert!(refresh(&bench.transport, URL, &grant(&next)).await.result.is_ok());
}

#[tokio::test]
async fn the_eleventh_refresh_within_ten_minutes_is_denied() {
    let bench = Bench::new(Options::default()).await;
    for _ in 0..9 {
        refresh(&bench.transport, URL, &grant("sandbox")).await.result.expect("one of ten");
    }
    let denied = refresh(&bench.transport, URL, &grant("sandbox")).await.result.expect_err("the eleventh");
    assert_eq!((denied.class, denied.retry_after_s), (FailureClass::RateLimited, Some(600)));
    bench.clock.advance(Duration::from_secs(600));
    assert!(refresh(&bench.transport, URL, &grant("sandbox")).await.result.is_ok());
}

#[tokio::test]
async fn credits_run_out_and_come_back_after_a_day() {
    let bench = Bench::new(Options { edition: Edition::Free, ..Options::default() }).await;
    let full: Vec<_> = (0..100).map(|n| lead(&format!("x{n}"), "Fine")).collect();
    for _ in 0..500 {
        assert!(bench.upsert(&full).await.whole.is_none());
    }
    assert_eq!(bench.upsert(&full).await.whole.expect("used up").class, FailureClass::RateLimited);
    bench.clock.advance(Duration::from_secs(86_400));
    let token = refresh(&bench.transport, URL, &grant("sandbox")).await.result.expect("a token").token;
    let crm = Crm::new(&bench.transport, URL, &token);
    assert!(crm.upsert_leads(&full, "External_Lead_Id").await.whole.is_none());
}

#[tokio::test]
async fn more_calls_at_once_than_the_edition_allows_are_refused() {
    let bench = Bench::new(Options { edition: Edition::Free, ..Options::default() }).await;
    let held: Vec<_> = (0..5).map(|_| bench.sandbox.enter("/crm/v8/Leads")).collect();
    let refused = bench.crm().lead_fields().await.result.expect_err("the sixth");
    assert_eq!(refused.message, "Zoho asks us to slow down [TOO_MANY_REQUESTS]");
    drop(held);
    assert!(bench.crm().lead_fields().await.result.is_ok());
}

#[tokio::test]
async fn faults_hit_whom_they_are_meant_for_as_often_as_they_say() {
    let bench = Bench::new(Options::default()).await;
    bench.sandbox.script(json!({ "fault": "timeout_after_commit", "path": "/crm", "times": 1 }));
    let lost = bench.upsert(&[lead("a", "Lovelace")]).await.whole.expect("lost");
    assert!(lost.effect_unknown && bench.sandbox.leads().len() == 1);

    bench.sandbox.script(json!({ "fault": "refuse", "times": 1 }));
    assert!(!bench.upsert(&[lead("b", "Hopper")]).await.whole.expect("refused").effect_unknown);

    bench.sandbox.script(json!({ "fault": "refuse_record", "code": "RECORD_LOCKED", "times_per_record": 1,
        "match": { "field": "Email", "ends_with": "@sample.example" } }));
    let other = json!({ "External_Lead_Id": "c", "Last_Name": "Curie", "Email": "c@example.com" });
    let mixed = [lead("d", "Noether"), other.as_object().expect("an object").clone()];
    let answer = bench.upsert(&mixed).await;
    assert_eq!(failure_of(&answer, 0), "The record is locked in Zoho at the moment [RECORD_LOCKED]");
    assert!(answer.members[1].result.is_ok() && bench.upsert(&mixed).await.members[0].result.is_ok());

    bench.sandbox.clear_faults();
    bench.sandbox.script(json!({ "fault": "server_error", "match": { "field": "Email", "ends_with": "@sample.example" } }));
    assert!(bench.upsert(&mixed).await.whole.is_none(), "a call with another record in it is left alone");
    assert!(bench.upsert(&mixed[..1]).await.whole.is_some());
}

#[tokio::test]
async fn the_unique_field_is_named_by_the_fields_api_only_where_there_is_one() {
    for external_field in [None, Some("External_Lead_Id".to_owned())] {
        let bench = Bench::new(Options { external_field: external_field.clone(), ..Options::default() }).await;
        let fields = bench.crm().lead_fields().await.result.expect("fields");
        assert_eq!(fields.iter().find(|field| field.is_unique).map(|field| field.api_name.clone()), external_field);
        assert_eq!(bench.upsert(&[lead("a", "Lovelace")]).await.whole.is_none(), external_field.is_some());
    }
}

#[tokio::test]
async fn notes_are_kept_with_their_lead() {
    let bench = Bench::new(Options::default()).await;
    let written = bench.upsert(&[lead("a", "Lovelace")]).await;
    let id = &written.members[0].result.as_ref().expect("a lead").id;
    assert_eq!(bench.crm().lead_notes(id).await.result.expect("none yet"), []);
    let note = Note { title: "Second enquiry".into(), content: "مرحبا 👋".into() };
    bench.crm().add_lead_note(id, &note).await.result.expect("a note");
    assert_eq!(bench.crm().lead_notes(id).await.result.expect("one"), [note]);
}

fn by_mail(address: &str) -> LeadSearch {
    let window = (UtcTime::default() - TimeDelta::minutes(5), UtcTime::default() + TimeDelta::minutes(5));
    LeadSearch::new("Email", address, window, "Last_Name").expect("a search")
}

#[tokio::test]
async fn a_lead_is_found_by_mail_and_time_once_search_has_caught_up() {
    let bench = Bench::new(Options { external_field: None, ..Options::default() }).await;
    let odd = json!({ "Last_Name": "O'Neil", "Email": "o'neil@example.com" }).as_object().expect("an object").clone();
    let written = bench.crm().insert_leads(&[odd, json!({ "Last_Name": "Other" }).as_object().expect("an object").clone()]).await;
    let id = written.members[0].result.as_ref().expect("inserted").id.clone();
    assert_eq!(bench.crm().find_leads(&by_mail("o'neil@example.com"), 0).await.result.expect("204"), FoundLeads::default());
    bench.clock.advance(Duration::from_secs(60));
    let found = bench.crm().find_leads(&by_mail("o'neil@example.com"), 0).await.result.expect("one");
    assert_eq!(found, FoundLeads { leads: vec![FoundLead { id, told: "O'Neil".into() }], has_more: false });
    let hostile = by_mail("x' or Email is not null and Last_Name = 'Other");
    assert_eq!(bench.crm().find_leads(&hostile, 0).await.result.expect("204"), FoundLeads::default());
}

#[tokio::test]
async fn what_is_found_comes_in_pages_and_ten_queries_run_at_once() {
    let bench = Bench::new(Options { external_field: None, search_lag: TimeDelta::zero(), ..Options::default() }).await;
    let same: Vec<_> = (0..100)
        .map(|n| json!({ "Last_Name": format!("{n}"), "Email": "a@example.com" }).as_object().expect("an object").clone())
        .collect();
    for _ in 0..3 {
        bench.crm().insert_leads(&same).await;
    }
    let mut sizes = Vec::new();
    for offset in [0, FOUND_MAX] {
        let page = bench.crm().find_leads(&by_mail("a@example.com"), offset).await.result.expect("a page");
        sizes.push((page.leads.len(), page.has_more));
    }
    assert_eq!(sizes, [(200, true), (100, false)]);

    let held: Vec<_> = (0..10).map(|_| bench.sandbox.enter("/crm/v8/coql")).collect();
    let refused = bench.crm().find_leads(&by_mail("a@example.com"), 0).await.result.expect_err("the eleventh");
    assert_eq!(refused.message, "Zoho asks us to slow down [TOO_MANY_REQUESTS]");
    assert!(bench.crm().lead_fields().await.result.is_ok(), "other calls have room");
    drop(held);
}

#[tokio::test]
async fn one_poisoned_record_refuses_its_whole_call() {
    let bench = Bench::new(Options::default()).await;
    bench.sandbox.script(json!({ "fault": "refuse_call", "match": { "field": "Last_Name", "equals": "Poison" } }));
    let mixed = bench.upsert(&[lead("a", "Fine"), lead("b", "Poison")]).await;
    let whole = mixed.whole.expect("refused");
    assert_eq!((whole.class, whole.of_record, bench.sandbox.leads().len()), (FailureClass::Validation, false, 0));
    assert!(bench.upsert(&[lead("a", "Fine")]).await.whole.is_none());
}

#[tokio::test]
async fn the_control_addresses_refuse_what_they_do_not_know() {
    let sandbox = Sandbox::new(Options::default());
    let post = |path: &str, body: Value| {
        let answer = sandbox.handle(&SandboxRequest::new(Method::Post, path, body.to_string().into_bytes()), UtcTime::default());
        (answer.status, String::from_utf8(answer.body).expect("text"))
    };
    assert_eq!(post("/__faults", json!({ "fault": "earthquake" })).0, 422);
    assert_eq!(post("/__faults", json!({ "fault": "reset", "tmies": 1 })).0, 422);
    assert_eq!(post("/__faults", json!([{ "fault": "reset" }, { "fault": "slow", "delay_ms": 1 }])), (201, r#"{"ids":[1,2]}"#.into()));
    let listed = sandbox.handle(&SandboxRequest::new(Method::Get, "/__faults", Vec::new()), UtcTime::default());
    assert!(String::from_utf8_lossy(&listed.body).contains(r#""fault":"reset","hits":0"#));
    assert_eq!(post("/__faults", json!({ "clear": true })), (200, "[]".into()));
    assert_eq!(post("/__clock", json!({ "advance_s": -1 })).0, 422);
    assert_eq!(post("/__clock", json!({ "advance_s": 60 })), (200, r#"{"ahead_s":60}"#.into()));
    assert_eq!(post("/__revoke", json!({ "what": "refresh_token" })), (200, r#"{"refresh_token":"sandbox-2"}"#.into()));
    assert_eq!(post("/__nothing", json!({})).0, 404);
}
