//! `/api/health/zoho-integration`: who learns what, and how each trouble is told.

use std::time::Duration;

use rocket::http::{Header, Status};
use serde_json::json;
use throughline::accounts::Role;
use throughline::db::Engine;

use super::{REPORT, SETTINGS, TOKEN, beat, change, check, healthy, monitored, pass, recommended};
use crate::harness::{Answered, Whole, both_engines, read};
use crate::web::browser::Browser;

async fn anonymous(whole: &Whole) -> Answered {
    read(whole.client.get(REPORT).dispatch().await).await
}

async fn with(whole: &Whole, authorization: &str) -> Answered {
    read(whole.client.get(REPORT).header(Header::new("Authorization", authorization.to_owned())).dispatch().await).await
}

both_engines! {
    async fn anyone_learns_the_state_and_nothing_more(app: TestApp) {
        let whole = healthy(&app).await;
        let answered = anonymous(&whole).await;
        assert_eq!((answered.status, answered.text.as_str()), (Status::Ok, r#"{"status":"pass"}"#));
        assert_eq!(answered.header("Content-Type"), Some("application/health+json"));
        let head = read(whole.client.head(REPORT).dispatch().await).await;
        assert_eq!((head.status, head.text.as_str()), (Status::Ok, ""));
    }

    async fn a_token_that_is_wrong_is_told_so_and_learns_nothing(app: TestApp) {
        let whole = healthy(&app).await;
        for (authorization, title) in [
            ("Bearer guessed", "This is not the health token"),
            ("Basic dXNlcjpwYXNz", "This is not the health token"),
            ("Bearer", "This is not the health token"),
        ] {
            let answered = with(&whole, authorization).await;
            assert_eq!((answered.status, answered.json()["title"].as_str()), (Status::Unauthorized, Some(title)), "{authorization}");
            assert!(!answered.text.contains("checks") && answered.header("WWW-Authenticate").is_some(), "{}", answered.text);
        }
        let without = app.whole_with(Default::default(), &[]).await;
        let answered = with(&without, &format!("Bearer {TOKEN}")).await;
        assert_eq!((answered.status, answered.json()["title"].as_str()), (Status::Unauthorized, Some("Access by token is switched off")));
        let cron = with(&whole, "Bearer the-cron-secret").await;
        assert_eq!(cron.status, Status::Unauthorized, "another secret opens another door");
    }

    async fn staff_and_monitors_learn_everything(app: TestApp) {
        let whole = healthy(&app).await;
        whole.post_lead("Ada", "ada@example.com").await;
        app.clock.advance(Duration::from_secs(2));
        whole.run_until_idle().await;
        beat(&whole).await;
        let told = monitored(&whole).await;
        assert_eq!(told.status, Status::Ok, "{}", told.text);
        let told = told.json();
        assert_eq!((&told["status"], &told["version"], &told["serviceId"]), (&json!("pass"), &json!("1"), &json!("throughline")));
        assert_eq!(told["output"], "Everything works: leads arrive and go out by themselves.");
        let missing: Vec<_> = throughline::health::check::IDS.iter().filter(|id| told["checks"][**id].is_null()).collect();
        let elsewhere: &[&&str] = if app.engine == Engine::Postgres { &[&"database:disk-free"] } else { &[] };
        assert_eq!(missing, elsewhere);
        assert_eq!(told["checks"]["leads:delivery-time"][0]["observedValue"], 2_000);
        assert_eq!(told["checks"]["zoho-crm:token"][0]["observedValue"], 3_598);
        assert_eq!(told["leads"]["last_hour"], json!({ "sent": 1, "failed": 0 }));
        assert_eq!(told["recommendations"], json!([]));
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let seen = read(viewer.0.get(REPORT).dispatch().await).await.json();
        assert_eq!(seen["checks"]["leads:success-rate"], told["checks"]["leads:success-rate"]);
        for secret in ["sandbox", "ada@example.com", "Ada", "1000."] {
            assert!(!told.to_string().contains(secret), "{secret}");
        }
    }

    async fn the_form_of_a_check_is_the_drafts(app: TestApp) {
        let whole = healthy(&app).await;
        let told = monitored(&whole).await.json();
        assert_eq!(told["checks"]["leads:waiting"], json!([{
            "componentType": "component", "status": "pass", "observedValue": 0, "observedUnit": "leads", "output": "No lead waits.",
            "time": "2026-11-22T09:00:00Z",
        }]));
        let runs = told["checks"]["schedules:runs"].as_array().expect("one a schedule");
        assert!(runs.iter().any(|run| run["componentId"] == "leads.sweep" && run["componentType"] == "component"), "{runs:?}");
    }

    async fn a_refused_grant_fails_and_is_the_first_thing_to_mend(app: TestApp) {
        let whole = healthy(&app).await;
        whole.sandbox.revoke_refresh_token();
        for place in 0..60 {
            whole.post_lead("Ada", &format!("ada{place}@example.com")).await;
        }
        pass(&whole, 3601).await;
        whole.run_until_idle().await;
        pass(&whole, 20 * 60).await;

        let told = monitored(&whole).await;

        assert_eq!(told.status, Status::ServiceUnavailable);
        let told = told.json();
        assert_eq!(recommended(&told)[0], "zoho-crm:connection");
        let first = &told["recommendations"][0];
        assert_eq!((&first["title"], &first["help"]["page"]["path"]), (&json!("Connect Zoho CRM again"), &json!("/connections/zoho")));
        assert!(first["reason"].as_str().is_some_and(|why| why.contains("[invalid_code]")), "{first}");
        assert_eq!(check(&told, "leads:waiting").0, "warn");
        assert_eq!(check(&told, "leads:oldest-waiting").0, "fail");
        assert!(!recommended(&told).contains(&"leads:waiting"), "what follows from it is not said again");
        assert_eq!(anonymous(&whole).await.text, r#"{"status":"fail"}"#);
    }

    async fn not_connected_yet_fails_and_says_how(app: TestApp) {
        let whole = app.whole_with(Default::default(), SETTINGS).await;
        beat(&whole).await;
        let told = monitored(&whole).await.json();
        assert_eq!((&told["status"], recommended(&told)[0]), (&json!("fail"), "zoho-crm:connection"));
        assert_eq!(told["recommendations"][0]["title"], "Connect Zoho CRM");
        assert!(told["checks"]["zoho-crm:token"].is_null(), "there is none");
    }

    async fn failed_leads_warn_and_lead_to_their_list(app: TestApp) {
        let whole = healthy(&app).await;
        whole.sandbox.script(json!({"fault": "refuse_record", "match": {"field": "Email", "ends_with": "@bad.example"}, "code": "INVALID_DATA", "api_name": "Email"}));
        for place in 0..12 {
            whole.post_lead("Ada", &format!("ada{place}@{}.example", if place < 2 { "bad" } else { "good" })).await;
        }
        whole.run_until_idle().await;
        let told = monitored(&whole).await.json();
        assert_eq!(check(&told, "leads:failed"), ("warn".into(), "2 leads did not reach Zoho CRM. Each says why on its page, and can be corrected there and sent again.".into()));
        assert_eq!(check(&told, "leads:success-rate"), ("warn".into(), "83.3% of the leads of 24 hours were sent: 10 sent, 2 failed.".into()));
        assert_eq!((&told["status"], recommended(&told)), (&json!("warn"), vec!["leads:failed"]));
        assert_eq!(told["recommendations"][0]["help"]["page"]["path"], "/leads?status=failed");
    }

    async fn nobody_who_works_fails_and_the_command_is_named(app: TestApp) {
        let whole = healthy(&app).await;
        app.clock.advance(Duration::from_secs(31));
        let told = monitored(&whole).await.json();
        assert_eq!(check(&told, "processes:heartbeat"), ("fail".into(), "No worker lives: nothing is sent until one is started.".into()));
        assert_eq!(told["recommendations"][0]["help"]["command"]["line"], "throughline worker");
        let leads = whole.post_lead("Ada", "ada@example.com").await;
        app.clock.advance(Duration::from_secs(40 * 60));
        let told = monitored(&whole).await.json();
        assert_eq!(check(&told, "outbox:oldest-ready").0, "fail", "lead {leads:?} could go out");
        assert_eq!(recommended(&told)[0], "processes:heartbeat", "{told}");
    }

    async fn a_used_up_quota_warns_at_eighty_percent_and_says_how_long_it_lasts(app: TestApp) {
        let whole = healthy(&app).await;
        change(&whole, "UPDATE call_usage SET calls = 4100").await;
        let told = monitored(&whole).await.json();
        let (state, output) = check(&told, "zoho-crm:quota");
        assert_eq!((state.as_str(), output.as_str()), ("warn", "4,100 of 5,000 calls in any 24 hours. At the pace of the last hour they last for another 13 min 10 s."));
        assert_eq!(told["checks"]["zoho-crm:quota"][0]["observedValue"], 0.82);
        change(&whole, "UPDATE call_usage SET calls = 5000").await;
        pass(&whole, 6).await;
        assert_eq!(check(&monitored(&whole).await.json(), "zoho-crm:quota").0, "fail");
    }

    async fn what_a_person_holds_is_told_as_held(app: TestApp) {
        let whole = healthy(&app).await;
        let operator = Browser::signed_in(&whole, Role::Operator).await;
        assert_eq!(operator.post("/pauses", &[("what", "connection:zoho"), ("reason", "the fair")]).await.status, Status::SeeOther);
        let told = monitored(&whole).await.json();
        assert_eq!(check(&told, "zoho-crm:connection"), ("warn".into(), "On hold: Zoho CRM is paused since 1 ms ago, until someone resumes it. the fair.".into()));
    }

    async fn a_schedule_that_nobody_starts_fails_and_one_that_was_missed_warns(app: TestApp) {
        let whole = healthy(&app).await;
        change(&whole, "INSERT INTO schedules (name, since, changed_at) VALUES ('leads.sweep', '2026-11-22 08:00:00', '2026-11-22 08:00:00')").await;
        let sweep = |told: &serde_json::Value| {
            let runs = told["checks"]["schedules:runs"].as_array().expect("one a schedule").clone();
            let run = runs.into_iter().find(|run| run["componentId"] == "leads.sweep").expect("the sweep");
            (run["status"].as_str().expect("a state").to_owned(), run["output"].as_str().expect("words").to_owned())
        };
        assert_eq!(sweep(&monitored(&whole).await.json()), ("fail".into(), "Due for 45 min and not started: no process ticks.".into()));
        change(&whole, "INSERT INTO schedule_runs (schedule, due_at, decided_at, decided_by, outcome)
                        VALUES ('leads.sweep', '2026-11-22 08:45:00', '2026-11-22 09:00:00', 'p', 'missed')").await;
        change(&whole, "INSERT INTO schedule_runs (schedule, due_at, decided_at, decided_by, outcome)
                        VALUES ('leads.sweep', '2026-11-22 09:00:00', '2026-11-22 09:00:00', 'p', 'fired')").await;
        pass(&whole, 6).await;
        assert_eq!(sweep(&monitored(&whole).await.json()), ("warn".into(), "No process ran when it was due 15 min 6 s ago. Last due 6.0 s ago.".into()));
    }

    async fn one_look_serves_everybody_for_five_seconds(app: TestApp) {
        let whole = healthy(&app).await;
        assert_eq!(anonymous(&whole).await.text, r#"{"status":"pass"}"#);
        change(&whole, "UPDATE connections SET state = 'needs_reconnect'").await;
        app.clock.advance(Duration::from_millis(4_999));
        assert_eq!(anonymous(&whole).await.text, r#"{"status":"pass"}"#, "not asked again");
        app.clock.advance(Duration::from_millis(1));
        assert_eq!(anonymous(&whole).await.text, r#"{"status":"fail"}"#);
        change(&whole, "UPDATE connections SET state = 'connected'").await;
        app.clock.shift(chrono::TimeDelta::hours(-1));
        beat(&whole).await;
        assert_eq!(anonymous(&whole).await.text, r#"{"status":"pass"}"#, "a clock that was set back does not freeze it");
    }

    async fn a_database_that_is_away_is_told_in_bounded_time(app: TestApp) {
        let whole = healthy(&app).await;
        match app.engine {
            // SQLite's file cannot be away while we have it open; its tables can.
            Engine::Sqlite => change(&whole, "ALTER TABLE leads RENAME TO somewhere_else").await,
            Engine::Postgres => {
                let name = app.url.rsplit('/').next().and_then(|name| name.split('?').next()).expect("a name").to_owned();
                crate::harness::Cluster::shared().drop_database(&name);
            }
        }
        let answered = anonymous(&whole).await;
        assert_eq!((answered.status, answered.text.as_str()), (Status::ServiceUnavailable, r#"{"status":"fail"}"#));
        let told = monitored(&whole).await.json();
        assert_eq!((check(&told, "database:answers").0.as_str(), recommended(&told)), ("fail", vec!["database:answers"]));
        assert!(!told.to_string().contains("leads.id") && !told.to_string().contains("throughline@"), "what the database said is for the log: {told}");
    }

    async fn the_refresh_is_tried_out_by_post_alone_and_by_whom_it_is_allowed(app: TestApp) {
        let whole = healthy(&app).await;
        let test = format!("{REPORT}?refresh=test");
        let asked = || whole.sandbox.calls("POST /oauth/v2/token");
        let by_get = read(whole.client.get(&test).header(Header::new("Authorization", format!("Bearer {TOKEN}"))).dispatch().await).await;
        assert_eq!((by_get.status, asked()), (Status::MethodNotAllowed, 1), "a GET changes nothing");
        assert!(by_get.text.contains("Send POST"), "{}", by_get.text);
        let nobody = read(whole.client.post(&test).dispatch().await).await;
        let viewer = Browser::signed_in(&whole, Role::Viewer).await;
        let foreign = Browser::signed_in(&whole, Role::Operator).await;
        let foreign = read(foreign.0.post(&test).header(Header::new("Origin", "https://evil.example")).dispatch().await).await;
        assert_eq!((nobody.status, viewer.post(&test, &[]).await.status), (Status::Unauthorized, Status::Forbidden));
        assert_eq!((foreign.status, asked()), (Status::Forbidden, 1));

        app.clock.advance(Duration::from_secs(60));
        beat(&whole).await;
        let tested = read(whole.client.post(&test).header(Header::new("Authorization", format!("Bearer {TOKEN}"))).dispatch().await).await;
        assert_eq!((tested.status, asked()), (Status::Ok, 2), "{}", tested.text);
        let told = tested.json();
        assert_eq!((&told["refresh"]["status"], &told["refresh"]["expires_at"]), (&json!("pass"), &json!("2026-11-22T10:01:00Z")));
        let untold = read(whole.client.post(REPORT).header(Header::new("Authorization", format!("Bearer {TOKEN}"))).dispatch().await).await;
        assert_eq!(untold.status, Status::BadRequest);
        let again = || async { read(whole.client.post(&test).header(Header::new("Authorization", format!("Bearer {TOKEN}"))).dispatch().await).await.json() };
        assert_eq!(again().await["refresh"]["status"], "pass");
        let refused = again().await;
        assert_eq!((&refused["refresh"]["status"], asked()), (&json!("warn"), 3), "the rest is kept for jobs: {refused}");
    }
}
