//! Whose turn it is and how much a provider allows: lanes, pauses, calls at once, windows, halved batches.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use throughline::Error;
use throughline::app::{App, Parts};
use throughline::db::Tx;
use throughline::db::schema::{call_reservations, call_usage};
use throughline::outbox::admin::Request;
use throughline::outbox::limits::{self, Limits, Window};
use throughline::outbox::pauses::{self, Scope};
use throughline::outbox::{Engine, JobState};

use super::kit::{Bulky, Call, Does, FREE, LeadCall, Step, Together, Urgent, engine, put, ran, registry, run, runs};
use crate::harness::{Whole, both_engines};

/// Another process on the same database.
fn another(whole: &Whole, id: &str) -> Engine {
    let app = App::new(Parts {
        store: whole.app.store.clone(),
        clock: whole.app.clock.clone(),
        transport: whole.app.transport.clone(),
        vault: whole.app.vault.clone(),
        config: whole.app.config.clone(),
        process_id: id.into(),
    });
    Engine::new(app, registry())
}

async fn calls_used(whole: &Whole) -> i64 {
    // Connecting the CRM has used a call of its own window, the day.
    let minute = call_usage::table.filter(call_usage::window_s.eq(60)).select(call_usage::calls);
    let calls: Vec<i64> = whole.ask(move |conn| minute.load(conn)).await;
    calls.iter().sum()
}

async fn under_way(whole: &Whole) -> i64 {
    whole.ask(|conn| call_reservations::table.count().get_result(conn)).await
}

fn by(whole: &Whole) -> Request {
    Request { actor: "user:1".into(), reason: Some("month-end".into()), address: None, now: whole.app.clock.now() }
}

async fn pause(whole: &Whole, scope: Scope, name: &'static str, minutes: Option<i64>) {
    let (by, until) = (by(whole), minutes.map(|minutes| whole.app.clock.now() + TimeDelta::minutes(minutes)));
    let pause = move |tx: &mut Tx<'_>| pauses::pause(tx, scope, name, until, &by);
    whole.app.store.write("test.pause", "test", pause).await.map_err(Error::from).expect("it is paused");
}

async fn resume(whole: &Whole) -> throughline::Result<()> {
    let by = by(whole);
    let resume = move |tx: &mut Tx<'_>| pauses::resume(tx, Scope::Kind, "test.step", &by);
    whole.app.store.write("test.resume", "test", resume).await.map_err(Error::from)
}

both_engines! {
    async fn payments_go_before_everything_and_a_backfill_goes_last(app: TestApp) {
        let whole = app.whole().await;
        put(&whole, Bulky { name: "backfill".into(), does: Does::Done }, FREE).await;
        put(&whole, Step { name: "sync".into(), does: Does::Done }, FREE).await;
        put(&whole, Urgent { name: "payment".into(), does: Does::Done }, FREE).await;
        run(&whole).await;
        assert_eq!(ran(&whole), ["payment", "sync", "backfill"]);
    }

    async fn the_lowest_lane_is_not_starved(app: TestApp) {
        let whole = app.whole().await;
        put(&whole, Bulky { name: "backfill".into(), does: Does::Done }, FREE).await;
        app.clock.advance(Duration::from_secs(61));
        for number in 0..5 {
            put(&whole, Urgent { name: format!("payment {number}"), does: Does::Done }, FREE).await;
        }
        run(&whole).await;
        assert_eq!(ran(&whole)[0], "backfill", "it has waited for a minute");
    }

    async fn no_more_calls_at_once_than_the_provider_takes_over_all_processes(app: TestApp) {
        let whole = app.whole().await;
        for number in 0..5 {
            put(&whole, Call { name: number.to_string(), does: Does::Done }, FREE).await;
        }
        let (one, other) = (engine(&whole), another(&whole, "test-2"));
        let (first, second) = futures_util::future::join(one.claim(10), other.claim(10)).await;
        let (first, second) = (first.expect("a claim"), second.expect("a claim"));
        assert_eq!(first.len() + second.len(), 2, "two at once");
        assert_eq!(under_way(&whole).await, 2);
        for run in first.into_iter().chain(second) {
            let ended = one.attempt(run).await;
            one.finish(vec![ended]).await.expect("it is written");
        }
        assert_eq!((under_way(&whole).await, calls_used(&whole).await), (0, 0), "what was reserved and not used is given back");
        run(&whole).await;
        assert_eq!(ran(&whole).len(), 5);
    }

    async fn a_window_is_never_overdrawn_and_its_last_tenth_is_for_leads_and_payments(app: TestApp) {
        let whole = app.whole().await;
        let engine = engine(&whole);
        // Ten runs of two calls each, none of them given back: the process died, they may have been made.
        let mut claimed = 0;
        for number in 0..12 {
            put(&whole, Call { name: number.to_string(), does: Does::Done }, FREE).await;
            claimed += engine.claim(10).await.expect("a claim").len();
            let forget = |tx: &mut Tx<'_>| -> throughline::Result<()> {
                diesel::delete(call_reservations::table).execute(tx.conn())?;
                Ok(())
            };
            whole.app.store.write("test.forget", "test", forget).await.expect("forgotten");
        }
        assert_eq!((claimed, calls_used(&whole).await), (9, 18), "20 in a minute, 2 of them kept");
        put(&whole, LeadCall { name: "lead".into(), does: Does::Done }, FREE).await;
        assert_eq!(engine.claim(10).await.expect("a claim").len(), 1, "a lead may have them");
        put(&whole, LeadCall { name: "lead".into(), does: Does::Done }, FREE).await;
        assert!(engine.claim(10).await.expect("a claim").is_empty(), "nothing is left");
        app.clock.advance(Duration::from_secs(59));
        assert!(engine.claim(10).await.expect("a claim").is_empty(), "the minute is not over");
        app.clock.advance(Duration::from_secs(3));
        assert_eq!(engine.claim(10).await.expect("a claim").len(), 1, "there is room again, beside the one that still runs");
    }

    async fn a_call_of_a_page_counts_and_is_refused_in_words_when_nothing_is_left(app: TestApp) {
        let whole = app.whole().await;
        let limits = Limits { at_once: 2, windows: vec![Window { seconds: 60, calls: 20 }] };
        limits::ask(&whole.app, "zoho", &limits, 19).await.expect("there is room");
        let refusal = limits::ask(&whole.app, "zoho", &limits, 2).await.expect_err("one is left");
        assert!(refusal.to_string().contains("20 calls in any minute") && refusal.to_string().contains("09:01 UTC"), "{refusal}");
        limits::ask(&whole.app, "zoho", &limits, 1).await.expect("one is left");
        put(&whole, LeadCall { name: "lead".into(), does: Does::Done }, FREE).await;
        assert!(engine(&whole).claim(10).await.expect("a claim").is_empty(), "jobs see what pages use");
    }

    async fn the_slots_of_a_dead_process_are_free_again(app: TestApp) {
        let whole = app.whole().await;
        for number in 0..3 {
            put(&whole, Call { name: number.to_string(), does: Does::Done }, FREE).await;
        }
        let dead = another(&whole, "dead");
        assert_eq!(dead.claim(10).await.expect("a claim").len(), 2);
        assert!(engine(&whole).claim(10).await.expect("a claim").is_empty());
        app.clock.advance(Duration::from_secs(31));
        assert_eq!(engine(&whole).rescue_silent().await.expect("a sweep"), 2);
        run(&whole).await;
        assert_eq!(ran(&whole).len(), 3);
        assert_eq!(calls_used(&whole).await, 4, "what the dead process reserved may have been used");
    }

    async fn what_is_paused_waits_and_all_else_goes_on(app: TestApp) {
        let whole = app.whole().await;
        for (scope, name) in [(Scope::Kind, "test.step"), (Scope::Lane, "backfill"), (Scope::Connection, "zoho")] {
            pause(&whole, scope, name, Some(10)).await;
        }
        put(&whole, Step { name: "kind".into(), does: Does::Done }, FREE).await;
        put(&whole, Bulky { name: "lane".into(), does: Does::Done }, FREE).await;
        put(&whole, Call { name: "connection".into(), does: Does::Done }, FREE).await;
        put(&whole, Urgent { name: "free".into(), does: Does::Done }, FREE).await;
        run(&whole).await;
        assert_eq!(ran(&whole), ["free"]);
        app.clock.advance(Duration::from_secs(601));
        run(&whole).await;
        assert_eq!(ran(&whole).len(), 4, "a pause ends by itself");
    }

    async fn resuming_ends_a_pause_and_both_are_in_the_audit(app: TestApp) {
        let whole = app.whole().await;
        pause(&whole, Scope::Kind, "test.step", None).await;
        put(&whole, Step { name: "step".into(), does: Does::Done }, FREE).await;
        run(&whole).await;
        assert!(ran(&whole).is_empty());
        resume(&whole).await.expect("it is resumed");
        assert!(matches!(resume(&whole).await, Err(Error::Conflict(_))), "twice is told so");
        run(&whole).await;
        assert_eq!(ran(&whole), ["step"]);
        use throughline::db::schema::audit;
        let actions: Vec<String> =
            whole.ask(|conn| audit::table.filter(audit::subject.eq("kind:test.step")).order(audit::id).select(audit::action).load(conn)).await;
        assert_eq!(actions, ["outbox.pause", "outbox.resume"]);
    }

    async fn a_call_refused_as_a_whole_is_halved_until_the_culprit_stands_alone(app: TestApp) {
        let whole = app.whole().await;
        let mut culprit = None;
        for number in 0..10 {
            let does = if number == 6 { Does::Poisons } else { Does::Done };
            let id = put(&whole, Together { name: number.to_string(), does }, FREE).await;
            culprit = if number == 6 { Some(id) } else { culprit };
        }
        run(&whole).await;
        let sizes: Vec<usize> = runs(&whole).iter().map(Vec::len).collect();
        assert_eq!(sizes[0], 10);
        assert!(sizes.len() <= 9, "{sizes:?}");
        let culprit = whole.job(culprit.expect("it was put in")).await;
        assert_eq!(culprit.state, JobState::Dead);
        let succeeded: i64 = whole
            .ask(|conn| {
                use throughline::db::schema::jobs;
                jobs::table.filter(jobs::state.eq(JobState::Succeeded)).filter(jobs::attempts.eq(0)).count().get_result(conn)
            })
            .await;
        assert_eq!(succeeded, 9, "none of the others has lost a try by it");
    }
}
