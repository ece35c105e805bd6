//! Connecting: who may, what is tried out, what is stored.

use diesel::prelude::*;
use serde_json::json;

use super::*;
use crate::connections::bench::{Bench, by_cli, form};
use crate::db::schema::audit;
use crate::sandbox::Options;

fn by_cron() -> Occasion {
    Occasion::FirstSetUp { actor: "cron".into(), address: Some("203.0.113.7".into()) }
}

#[tokio::test]
async fn the_bearer_of_the_cron_secret_connects_only_once() {
    let bench = Bench::new(Options::default());
    let connected = connect(&bench.app, form("sandbox"), by_cron()).await.expect("the first");
    assert_eq!((connected.external_field.as_deref(), connected.advice), (Some("External_Lead_Id"), None));
    assert_eq!(connected.api_url, "http://sandbox.test");
    assert!(matches!(connect(&bench.app, form("sandbox"), by_cron()).await, Err(ConnectError::AlreadyConnected)));
    let again = connect(&bench.app, form("sandbox"), by_cli()).await.expect("the command line may");
    assert_eq!(again.connection_id, connected.connection_id);
    let acts: Vec<(String, String)> = bench
        .app
        .store
        .read(|conn| audit::table.select((audit::actor, audit::action)).order(audit::id).load(conn).map_err(ReadError::from))
        .await
        .expect("a read");
    assert_eq!(acts, [("cron".into(), "connections.connect".into()), ("cli".into(), "connections.reconnect".into())]);
}

#[tokio::test]
async fn two_first_set_ups_at_once_make_one_connection() {
    let bench = Bench::new(Options::default());
    let (one, two) = tokio::join!(connect(&bench.app, form("sandbox"), by_cron()), connect(&bench.app, form("sandbox"), by_cron()));
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_crm_without_the_unique_field_connects_with_advice() {
    let bench = Bench::new(Options { external_field: None, ..Options::default() });
    let connected = connect(&bench.app, form("sandbox"), by_cli()).await.expect("connected");
    assert_eq!(connected.external_field, None);
    assert!(connected.advice.expect("advice").contains("Leads have no field External_Lead_Id: add a single-line field"));
}

#[tokio::test]
async fn a_grant_that_does_not_work_is_refused_in_words_and_nothing_is_stored() {
    let bench = Bench::new(Options::default());
    let refusal = connect(&bench.app, form("stolen"), by_cli()).await.expect_err("unknown").to_string();
    assert!(refusal.contains("Connect Zoho again") && refusal.ends_with("[invalid_code]"), "{refusal}");
    bench.sandbox.script(json!({ "fault": "refuse" }));
    let refusal = connect(&bench.app, form("sandbox"), by_cli()).await.expect_err("away").to_string();
    assert!(refusal.contains("Zoho cannot be reached"), "{refusal}");
    bench.sandbox.clear_faults();
    bench.sandbox.script(json!({ "fault": "unauthorized", "path": "/crm" }));
    let refusal = connect(&bench.app, form("sandbox"), by_cli()).await.expect_err("no fields").to_string();
    assert!(refusal.contains("ZohoCRM.settings.fields.READ"), "{refusal}");
    assert!(!exists(&bench.app).await.expect("a read"));
    assert!(matches!(connect(&bench.app, form(""), by_cli()).await, Err(ConnectError::Missing("refresh_token"))));
}
