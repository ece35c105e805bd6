//! The pages of schedules, and what operators do there.

use chrono::NaiveDate;
use rocket::http::{Header, Status};
use serde_json::Value;
use throughline::accounts::Role;
use throughline::outbox::schedules;
use throughline::sandbox::Options;

use super::browser::Browser;
use crate::harness::{Whole, both_engines, read};

async fn tick(whole: &Whole) {
    let due = throughline::schedules(&whole.app).expect("the schedules");
    schedules::tick(&whole.app, &due).await.expect("a tick");
}

async fn json(browser: &Browser, path: &'static str) -> Value {
    read(browser.0.get(path).header(Header::new("Accept", "application/json")).dispatch().await).await.json()
}

both_engines! {
    async fn the_list_tells_what_is_due_in_words_and_what_became_of_it(app: TestApp) {
        let whole = app.whole().await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let empty = browser.get("/schedules").await.text;
        for words in ["leads.sweep", "Every 15 minutes", "*/15 * * * *", "leads.daily_sweep", "At 09:00", "none yet"] {
            assert!(empty.contains(words), "{words}");
        }
        tick(&whole).await;
        whole.run_until_idle().await;
        app.clock.advance(std::time::Duration::from_secs(31 * 60));
        tick(&whole).await;
        let page = browser.get("/schedules").await.text;
        assert!(page.contains("aria-label=\"Last 3 runs: 2 fired, 1 missed\""), "{page}");
        let told = json(&browser, "/schedules").await;
        let sweep = &told["schedules"][0];
        assert_eq!((&sweep["name"], &sweep["last_run"]["outcome"], &sweep["last_run"]["late_ms"]), (&"leads.sweep".into(), &"fired".into(), &60_000.into()));
        assert_eq!((&sweep["next_due_at"], &sweep["paused"]), (&"2026-11-22T09:45:00Z".into(), &Value::Null));
        assert_eq!(sweep["last_run"]["job"]["state"], "pending");
    }

    async fn a_schedule_shows_its_next_twenty_due_times_over_a_change_of_the_clock(app: TestApp) {
        let settings = [("THROUGHLINE_ZONE", "Europe/Berlin"), ("THROUGHLINE_DAILY_SWEEP", "30 2 * * *")];
        let whole = app.whole_with(Options::default(), &settings).await;
        let march = NaiveDate::from_ymd_opt(2027, 3, 20).and_then(|day| day.and_hms_opt(12, 0, 0)).expect("a time");
        app.clock.shift(march - app.clock.now());
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/schedules/leads.daily_sweep").await.text;
        for words in [
            "Sat 27 Mar, 02:30 (UTC+1)", "title=\"2027-03-27 01:30:00 UTC\"",
            "Sun 28 Mar, 03:00 (UTC+2)", "title=\"2027-03-28 01:00:00 UTC\"", "clocks go forward 1 h before this", "Mon 29 Mar, 02:30 (UTC+2)",
        ] {
            assert!(page.contains(words), "{words}");
        }
        assert_eq!(page.matches("clocks go").count(), 1);
        let told = json(&browser, "/schedules/leads.daily_sweep").await;
        let next = told["next_due"].as_array().expect("due times");
        assert_eq!((next.len(), &next[7]["at"], &next[7]["clocks_move_min"]), (20, &"2027-03-28T01:00:00Z".into(), &60.into()));
        assert_eq!(browser.get("/schedules/no.such").await.status, Status::NotFound);
    }

    async fn an_operator_runs_pauses_and_resumes_and_everyone_sees_it(app: TestApp) {
        let whole = app.whole().await;
        let (operator, viewer) = (Browser::signed_in(&whole, Role::Operator).await, Browser::signed_in(&whole, Role::Viewer).await);
        let page = "/schedules/leads.sweep";
        assert!(operator.get(page).await.text.contains("Run now") && !viewer.get(page).await.text.contains("Run now"));

        assert_eq!(operator.post("/schedules/leads.sweep/run", &[("reason", "to see it")]).await.status, Status::SeeOther);
        let told = operator.get(page).await.text;
        assert!(told.contains("It runs now, as job") && told.contains("asked for by Test operator: to see it"), "{told}");
        operator.post("/schedules/leads.sweep/run", &[]).await;
        assert!(operator.get(page).await.text.contains("The run before has not ended: its job"));
        whole.run_until_idle().await;
        assert!(viewer.get(page).await.text.contains("Done"));

        operator.post("/schedules/leads.sweep/pause", &[("until", "yesterday")]).await;
        assert!(operator.get(page).await.text.contains("is not a moment"));
        operator.post("/schedules/leads.sweep/pause", &[("until", "2026-11-22T12:30"), ("reason", "Zoho is being moved")]).await;
        let told = viewer.get(page).await.text;
        assert!(told.contains("Paused by Test operator since 09:00, until 12:30: Zoho is being moved."), "{told}");
        assert_eq!(told.matches("<span class=\"tag\">paused</span>").count(), 13, "09:15 to 12:15");
        assert!(viewer.get("/schedules").await.text.contains("until 12:30: Zoho is being moved."));
        tick(&whole).await;
        assert!(viewer.get(page).await.text.contains("paused by Test operator: Zoho is being moved"));
        assert_eq!(json(&viewer, "/schedules/leads.sweep").await["paused"]["until"], "2026-11-22T12:30:00Z");

        operator.post("/schedules/leads.sweep/resumption", &[]).await;
        assert!(operator.get(page).await.text.contains("It goes on at its next due time."));
        assert!(!viewer.get(page).await.text.contains("It does not fire by itself"));
        operator.post("/schedules/leads.sweep/resumption", &[]).await;
        assert!(operator.get(page).await.text.contains("It is not paused; someone else was faster, or the pause has ended."));
    }
}
