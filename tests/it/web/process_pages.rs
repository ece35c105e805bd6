//! The page of processes.

use std::time::Duration;

use diesel::prelude::*;
use throughline::accounts::Role;
use throughline::db::Tx;
use throughline::db::schema::{jobs, processes};
use throughline::outbox::{Announcement, JobId, JobState};
use throughline::{Error, Result};

use super::browser::Browser;
use crate::harness::{Whole, both_engines};

async fn announce(whole: &Whole, id: &str, version: &str) {
    let now = whole.app.clock.now();
    let (id, version) = (id.to_owned(), version.to_owned());
    let announcement = Announcement { id, role: "web,worker".into(), version, host: "desk-7".into(), started_at: now, heartbeat_at: now };
    whole.outbox.beat(announcement).await.expect("it beats");
}

async fn change(whole: &Whole, change: impl Fn(&mut Tx<'_>) -> QueryResult<usize> + Send + 'static) {
    let changed: Result<usize> =
        whole.app.store.write("test.change", "test", move |tx| change(tx).map_err(Error::from)).await.map_err(Error::from);
    assert_eq!(changed.expect("it is written"), 1);
}

both_engines! {
    async fn the_page_tells_who_runs_what_each_holds_and_whose_clock_is_off(app: TestApp) {
        let whole = app.whole().await;
        announce(&whole, "desk-7-1", "1.4.0").await;
        announce(&whole, "test-1", "1.4.0").await;
        app.clock.advance(Duration::from_secs(20));
        announce(&whole, "test-1", "1.4.0").await;
        let browser = Browser::signed_in(&whole, Role::Viewer).await;
        let page = browser.get("/processes").await.text;
        assert!(page.contains("none silent") && page.contains("answers you") && page.contains("not measured"), "{page}");
        assert!(!page.contains("notice-warn\">") || !page.contains("fallen silent"), "nothing to warn of");

        app.clock.advance(Duration::from_secs(10));
        announce(&whole, "other-1", "1.5.0").await;
        let job: JobId = { let lead = whole.post_lead("Ada", "ada@example.com").await; whole.job_of(&lead.subject()).await.id };
        change(&whole, move |tx| diesel::update(jobs::table.filter(jobs::id.eq(job)))
            .set((jobs::state.eq(JobState::Running), jobs::lease_token.eq(7), jobs::leased_by.eq("test-1"))).execute(tx.conn())).await;
        change(&whole, |tx| diesel::update(processes::table.filter(processes::id.eq("other-1")))
            .set(processes::clock_ahead_ms.eq(8_000)).execute(tx.conn())).await;

        let page = browser.get("/processes").await.text;
        for words in [
            "A process has fallen silent", "Different versions run at once", "1.4.0 (1 process), 1.5.0 (1 process).",
            "On desk-7 it differs by 8.0 s. That is more than a quarter of a lease", "8.0 s slow", "1 silent",
        ] {
            assert!(page.contains(words), "{words}");
        }
        let told = browser.0.get("/processes").header(rocket::http::Header::new("Accept", "application/json")).dispatch().await;
        let told = crate::harness::read(told).await.json();
        let rows = told["processes"].as_array().expect("processes");
        let facts: Vec<_> = rows.iter().map(|row| (row["id"].as_str().expect("an id"), row["silent"] == true, row["jobs_in_flight"].as_i64())).collect();
        assert_eq!(facts, [("other-1", false, Some(0)), ("test-1", false, Some(1)), ("desk-7-1", true, Some(0))]);
        assert_eq!(told["versions"], serde_json::json!({ "1.4.0": 1, "1.5.0": 1 }));
    }

    async fn a_process_that_ends_properly_vanishes_and_a_silent_one_stays_a_week(app: TestApp) {
        let whole = app.whole().await;
        let left = || whole.ask(|conn| processes::table.order(processes::id).select(processes::id).load::<String>(conn));
        announce(&whole, "silent-1", "1").await;
        announce(&whole, "test-1", "1").await;
        whole.outbox.leave().await.expect("good-bye");
        assert_eq!(left().await, ["silent-1"]);
        app.clock.advance(Duration::from_secs(7 * 24 * 3600));
        announce(&whole, "test-1", "1").await;
        assert_eq!(left().await, ["silent-1", "test-1"], "a week to the second");
        app.clock.advance(Duration::from_secs(1));
        announce(&whole, "test-1", "1").await;
        assert_eq!(left().await, ["test-1"]);
    }
}
