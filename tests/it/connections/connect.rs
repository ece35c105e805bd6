//! Connecting: who may, what is tried out, what is stored.

use diesel::prelude::*;
use rocket::http::{Header, Status};
use serde_json::{Value, json};
use throughline::accounts::Role;
use throughline::connections::{ConnectError, Occasion, connect, summary};
use throughline::db::schema::audit;
use throughline::sandbox::Options;

use super::{by_cli, form};
use crate::harness::{Whole, both_engines};

fn by_cron() -> Occasion {
    Occasion::FirstSetUp { actor: "cron".into(), address: Some("203.0.113.7".into()) }
}

/// Posts as one of our own pages does.
async fn from_a_page(whole: &Whole, body: &Value) -> Status {
    let request = whole.client.post("/api/zoho-auth").header(Header::new("Sec-Fetch-Site", "same-origin"));
    request.body(body.to_string()).dispatch().await.status()
}

both_engines! {
    async fn the_bearer_of_the_cron_secret_connects_only_once(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let connected = connect(&whole.app, form("sandbox"), by_cron()).await.expect("the first");
        assert_eq!((connected.external_field.as_deref(), connected.advice), (Some("External_Lead_Id"), None));
        assert_eq!(connected.api_url, "http://sandbox.test");
        assert!(matches!(connect(&whole.app, form("sandbox"), by_cron()).await, Err(ConnectError::AlreadyConnected)));
        let again = connect(&whole.app, form("sandbox"), by_cli()).await.expect("the command line may");
        assert_eq!(again.connection_id, connected.connection_id);
        let acts: Vec<(String, String)> =
            whole.ask(|conn| audit::table.select((audit::actor, audit::action)).order(audit::id).load(conn)).await;
        assert_eq!(acts, [("cron".into(), "connections.connect".into()), ("cli".into(), "connections.reconnect".into())]);
    }

    async fn two_first_set_ups_at_once_make_one_connection(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let other = whole.elsewhere(&app);
        let (one, two) = tokio::join!(connect(&whole.app, form("sandbox"), by_cron()), connect(&other, form("sandbox"), by_cron()));
        assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(), 1);
    }

    async fn a_crm_without_the_unique_field_connects_with_advice(app: TestApp) {
        let whole = app.whole_with(Options { external_field: None, ..Options::default() }, &[]).await;
        let connected = connect(&whole.app, form("sandbox"), by_cli()).await.expect("connected");
        assert_eq!(connected.external_field, None);
        assert!(connected.advice.expect("advice").contains("Leads have no field External_Lead_Id: add a single-line field"));
    }

    async fn a_grant_that_does_not_work_is_refused_in_words_and_nothing_is_stored(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let refusal = connect(&whole.app, form("stolen"), by_cli()).await.expect_err("unknown").to_string();
        assert!(refusal.contains("Connect Zoho again") && refusal.ends_with("[invalid_code]"), "{refusal}");
        whole.sandbox.script(json!({ "fault": "refuse" }));
        let refusal = connect(&whole.app, form("sandbox"), by_cli()).await.expect_err("away").to_string();
        assert!(refusal.contains("Zoho cannot be reached"), "{refusal}");
        whole.sandbox.clear_faults();
        whole.sandbox.script(json!({ "fault": "unauthorized", "path": "/crm" }));
        let refusal = connect(&whole.app, form("sandbox"), by_cli()).await.expect_err("no fields").to_string();
        assert!(refusal.contains("ZohoCRM.settings.fields.READ"), "{refusal}");
        assert!(whole.ask(summary).await.is_none());
        assert!(matches!(connect(&whole.app, form(""), by_cli()).await, Err(ConnectError::Missing("refresh_token"))));
    }

    async fn the_cron_secret_connects_over_http_while_nothing_is_connected_and_an_admin_later(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        let body = json!({ "client_id": "me", "client_secret": "s", "refresh_token": "sandbox" });
        assert_eq!(whole.post("/api/zoho-auth", &body).await.status, Status::Unauthorized);
        let wrong = whole.client.post("/api/zoho-auth").header(Header::new("X-CRON-SECRET", "wrong")).body(body.to_string()).dispatch().await;
        assert_eq!(wrong.status(), Status::Unauthorized);
        let first = whole.cron("/api/zoho-auth", &body.to_string()).await;
        assert_eq!((first.status, &first.json()["external_field"]), (Status::Ok, &json!("External_Lead_Id")), "{}", first.text);
        let second = whole.cron("/api/zoho-auth", &body.to_string()).await;
        assert_eq!(second.status, Status::Conflict);
        assert!(second.text.contains("an admin can connect it again"), "{}", second.text);
        whole.sign_in(Role::Admin).await;
        assert_eq!(whole.post("/api/zoho-auth", &body).await.status, Status::Forbidden, "a session needs its own site");
        assert_eq!(from_a_page(&whole, &body).await, Status::Ok);
    }

    async fn an_operator_cannot_connect(app: TestApp) {
        let whole = app.whole().await;
        whole.sign_in(Role::Operator).await;
        assert_eq!(from_a_page(&whole, &json!({ "refresh_token": "sandbox" })).await, Status::Forbidden);
    }

    async fn mistakes_are_named_and_secrets_are_not_repeated(app: TestApp) {
        let whole = app.whole_with(Options::default(), &[]).await;
        for (body, status, words) in [
            (r#"{"client_id":"me","client_secret":"s"}"#, Status::UnprocessableEntity, "refresh_token"),
            (r#"{"refresh_token":"stolen-secret"}"#, Status::UnprocessableEntity, "[invalid_code]"),
            (r#"{"refresh_token":["stolen-secret"]}"#, Status::BadRequest, "expected"),
            (r#"{"refresh_token":"stolen-secret"#, Status::BadRequest, "expected"),
        ] {
            let answered = whole.cron("/api/zoho-auth", body).await;
            assert_eq!(answered.status, status, "{}", answered.text);
            assert!(answered.text.contains(words) && !answered.text.contains("stolen-secret"), "{}", answered.text);
        }
        whole.sandbox.script(json!({ "fault": "refuse", "path": "/oauth" }));
        let away = whole.cron("/api/zoho-auth", r#"{"refresh_token":"sandbox"}"#).await;
        assert_eq!(away.status, Status::BadGateway, "{}", away.text);
    }
}
