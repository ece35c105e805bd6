//! Being part of the whole: heartbeats of every process, and one time for all of them.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use rocket::http::Status;
use throughline::app::{App, Parts};
use throughline::clock::Clock;
use throughline::db::Engine as DatabaseEngine;
use throughline::db::schema::processes;
use throughline::leads::LeadStatus;
use throughline::outbox::{Announcement, Engine, presence};
use tokio::sync::watch;

use crate::harness::{TestApp, Whole, both_engines, on_engine};

fn announcement(app: &App) -> Announcement {
    let now = app.clock.now();
    let (id, role) = (app.process_id.clone(), "web".into());
    Announcement { id, role, version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now }
}

/// A process whose machine's clock is off by this much.
fn process_with_clock_off_by(app: &TestApp, whole: &Whole, off: TimeDelta) -> App {
    let clock = Clock::shifted();
    clock.shift(off);
    App::new(Parts {
        store: app.store.clone(),
        clock,
        transport: Arc::clone(&whole.app.transport),
        vault: throughline::vault::Vault::generate(),
        config: whole.app.config.clone(),
        process_id: "off-1".into(),
    })
}

async fn noted(whole: &Whole) -> Option<i64> {
    whole.ask(|conn| processes::table.filter(processes::id.eq("off-1")).select(processes::clock_ahead_ms).first(conn)).await
}

both_engines! {
    async fn a_process_whose_clock_is_far_off_claims_nothing_until_it_is_right(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        whole.app.clock.correct(TimeDelta::milliseconds(7_501));
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Pending);
        whole.app.clock.correct(TimeDelta::milliseconds(-7_500));
        app.clock.advance(Duration::from_secs(16));
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
    }

    async fn readiness_tells_of_a_clock_that_is_off_and_stays_ready(app: TestApp) {
        let whole = app.whole().await;
        for (off_ms, detail) in [(5_000, None), (-5_001, Some("by 5.0 s; it is corrected for")), (60_000, Some("by 1 min; no jobs are claimed until it is set right"))] {
            whole.app.clock.correct(TimeDelta::milliseconds(off_ms));
            let answer = whole.get_json("/readyz").await;
            assert_eq!((answer.status, &answer.json()["status"]), (Status::Ok, &"ok".into()));
            let told = answer.json()["detail"].as_str().map(str::to_owned);
            assert!(told.is_some() == detail.is_some() && told.unwrap_or_default().contains(detail.unwrap_or_default()), "{}", answer.text);
        }
    }

    async fn a_process_without_a_worker_beats_and_says_good_bye(app: TestApp) {
        let whole = app.whole().await;
        let engine = Engine::new(whole.app.clone(), whole.registry.clone());
        let (stop, stopped) = watch::channel(false);
        let beating = presence::beat_while_running(engine, announcement(&whole.app), stopped);
        let watching = async {
            let count = |conn: &mut throughline::db::Conn| processes::table.count().get_result::<i64>(conn);
            while whole.ask(count).await == 0 {}
            stop.send(true).expect("it listens");
        };
        futures_util::future::join(beating, watching).await;
        let left: i64 = whole.ask(|conn| processes::table.count().get_result(conn)).await;
        assert_eq!(left, 0);
    }
}

#[test]
fn on_postgres_a_process_tells_the_databases_time() {
    on_engine(DatabaseEngine::Postgres, |app| async move {
        let whole = app.whole().await;
        let off = process_with_clock_off_by(&app, &whole, TimeDelta::seconds(20));
        let right = Clock::machine();
        Engine::new(off.clone(), whole.registry.clone()).beat(announcement(&off)).await.expect("it beats");
        assert!(off.clock.now() - right.now() > TimeDelta::seconds(19));

        presence::keep_time(&off).await.expect("the database tells its time");

        assert!((off.clock.now() - right.now()).abs() < TimeDelta::seconds(2), "{}", off.clock.correction());
        assert!(!off.clock.is_trustworthy(), "corrected for, and yet not to be trusted");
        assert!(noted(&whole).await.is_some_and(|ahead_ms| (-22_000..-18_000).contains(&ahead_ms)));

        off.clock.shift(TimeDelta::seconds(-20));
        presence::keep_time(&off).await.expect("the database tells its time");
        assert!(off.clock.is_trustworthy() && (off.clock.now() - right.now()).abs() < TimeDelta::seconds(2));
        assert!(noted(&whole).await.is_some_and(|ahead_ms| ahead_ms.abs() < 2_000));
    });
}

#[test]
fn on_sqlite_there_is_no_other_clock() {
    on_engine(DatabaseEngine::Sqlite, |app| async move {
        let whole = app.whole().await;
        let off = process_with_clock_off_by(&app, &whole, TimeDelta::seconds(20));
        Engine::new(off.clone(), whole.registry.clone()).beat(announcement(&off)).await.expect("it beats");
        presence::keep_time(&off).await.expect("nothing to ask");
        assert_eq!((off.clock.correction(), noted(&whole).await), (TimeDelta::zero(), None));
    });
}
