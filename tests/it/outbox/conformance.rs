//! What the engine promises, on both engines, each promise a sentence. In here: claim, lease, finish, retry, putting off, rescue,
//! and who may do what to a running job. The other promises have files of their own:
//!
//! | Promise | Tests |
//! |---|---|
//! | one of an order key at a time, in order; what a dead job does to those behind it | `order.rs` |
//! | unique while unfinished, and no change swallowed | `again.rs`, `kinds.rs` |
//! | lanes, limits of providers, pauses, halving of refused calls | `limits.rs` |
//! | uncertain jobs are looked up | `probes.rs` |
//! | schedules, processes | `schedules.rs`, `presence.rs` |
//! | dead processes, people's acts, leaving | `engine.rs` |
//! | handlers that misbehave | `kinds.rs` |
//! | all of it at once, by chance | `tests/simulation` |

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use throughline::app::{App, Parts};
use throughline::db::schema::{job_attempts, jobs};
use throughline::outbox::{Announcement, Engine, JobId, JobState, admin};

use super::kit::{Does, FREE, Step, act, engine, put, ran, registry, run};
use crate::harness::{TestApp, Whole, both_engines};

fn free(name: &str, does: Does) -> Step {
    Step { name: name.into(), does }
}

/// Another process on the same database, with connections of its own.
fn another(app: &TestApp, whole: &Whole, id: &str) -> Engine {
    let parts = Parts {
        store: app.open_store(|_| ()),
        clock: whole.app.clock.clone(),
        transport: whole.app.transport.clone(),
        vault: whole.app.vault.clone(),
        config: whole.app.config.clone(),
        process_id: id.into(),
    };
    Engine::new(App::new(parts), registry())
}

async fn beat(engine: &Engine) {
    let now = engine.app().clock.now();
    let id = engine.app().process_id.clone();
    let announcement =
        Announcement { id, role: "worker".into(), version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now };
    engine.beat(announcement).await.expect("it lives");
}

async fn attempts(whole: &Whole, id: JobId) -> Vec<String> {
    let all = job_attempts::table.filter(job_attempts::job_id.eq(id)).order(job_attempts::id).select(job_attempts::outcome);
    whole.ask(move |conn| all.load(conn)).await
}

both_engines! {
    async fn processes_that_claim_at_once_never_get_the_same_job(app: TestApp) {
        let whole = app.whole().await;
        for number in 0..120 {
            put(&whole, free(&number.to_string(), Does::Done), FREE).await;
        }
        let engines = ["a", "b", "c", "d"].map(|id| another(&app, &whole, id));

        let (mut claimed, mut runs) = (Vec::new(), Vec::new());
        while claimed.len() < 120 {
            let got = futures_util::future::join_all(engines.iter().map(|engine| engine.claim(7))).await;
            let before = claimed.len();
            for run in got.into_iter().flat_map(|got| got.expect("a claim")) {
                claimed.extend(run.ids());
                runs.push(run);
            }
            assert!(claimed.len() > before, "a claim finds what is there");
        }

        assert_eq!((claimed.len(), claimed.iter().collect::<BTreeSet<_>>().len()), (120, 120));
        for engine in engines {
            assert!(engine.claim(7).await.expect("a claim").is_empty());
            engine.app().store.close().await;
        }
    }

    async fn nothing_runs_before_it_is_due_and_the_oldest_runs_first(app: TestApp) {
        let whole = app.whole().await;
        let later = put(&whole, free("later", Does::Done), FREE).await;
        let put_off = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            let at = throughline::outbox::JobRow::as_select();
            let row: throughline::outbox::JobRow = jobs::table.filter(jobs::id.eq(later)).select(at).first(tx.conn())?;
            diesel::update(jobs::table.filter(jobs::id.eq(later))).set(jobs::run_at.eq(row.run_at + Duration::from_secs(60))).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test.put_off", "test", put_off).await.expect("it is written");
        app.clock.advance(Duration::from_secs(1));
        put(&whole, free("second", Does::Done), FREE).await;
        put(&whole, free("third", Does::Done), FREE).await;

        run(&whole).await;
        assert_eq!(ran(&whole), ["second", "third"]);
        app.clock.advance(Duration::from_secs(58));
        run(&whole).await;
        assert_eq!(ran(&whole).len(), 2, "a second too early");
        app.clock.advance(Duration::from_secs(1));
        run(&whole).await;
        assert_eq!(ran(&whole)[2..], ["later"]);
    }

    async fn only_the_lease_that_a_claim_gave_can_finish_the_job(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Fails), FREE).await;
        let (slow, quick) = (another(&app, &whole, "slow"), another(&app, &whole, "quick"));
        beat(&slow).await;
        let first = slow.claim(1).await.expect("a claim").remove(0);
        app.clock.advance(Duration::from_secs(31));
        beat(&quick).await;
        assert_eq!(quick.rescue_silent().await.expect("a sweep"), 1);
        let second = quick.claim(1).await.expect("a claim").remove(0);

        let late = slow.attempt(first).await;
        assert_eq!(slow.finish(vec![late]).await.expect("it may ask"), 0, "its lease is gone");
        assert_eq!(whole.job(id).await.leased_by.as_deref(), Some("quick"));
        let ended = quick.attempt(second).await;
        assert_eq!(quick.finish(vec![ended]).await.expect("it is written"), 1);

        assert_eq!((whole.job(id).await.attempts, attempts(&whole, id).await), (1, vec!["rescued".into(), "failed".into()]));
        futures_util::future::join(slow.app().store.close(), quick.app().store.close()).await;
    }

    async fn what_a_process_claims_anew_is_not_lost_when_its_old_run_ends(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Done), FREE).await;
        let engine = engine(&whole);
        beat(&engine).await;
        let old = engine.claim(1).await.expect("a claim").remove(0);
        // It hung, and takes its own job back.
        app.clock.advance(Duration::from_secs(31));
        assert_eq!(engine.rescue_silent().await.expect("a sweep"), 1);
        beat(&engine).await;
        let new = engine.claim(1).await.expect("a claim").remove(0);
        let late = engine.attempt(old).await;
        assert_eq!(engine.finish(vec![late]).await.expect("it may ask"), 0);

        app.clock.advance(Duration::from_secs(31));
        beat(&engine).await;
        assert_eq!(engine.rescue_lost().await.expect("a sweep"), 0, "it runs it");
        let ended = engine.attempt(new).await;
        assert_eq!(engine.finish(vec![ended]).await.expect("it is written"), 1);
        assert_eq!(whole.job(id).await.state, JobState::Succeeded);
    }

    async fn an_outcome_may_be_written_again_and_counts_once(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Fails), FREE).await;
        let engine = engine(&whole);
        let claimed = engine.claim(1).await.expect("a claim").remove(0);
        let ended = Arc::new(vec![engine.attempt(claimed).await]);

        assert_eq!(engine.finish(Arc::clone(&ended)).await.expect("it is written"), 1);
        // The answer was lost, says the store; so the worker writes it again.
        assert_eq!(engine.finish(ended).await.expect("it may ask"), 0);

        assert_eq!((whole.job(id).await.attempts, attempts(&whole, id).await.len()), (1, 1));
    }

    async fn a_record_that_fails_is_tried_as_often_as_its_kind_says_and_waits_in_between(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Fails), FREE).await;
        for nth in 1..=3 {
            run(&whole).await;
            let row = whole.job(id).await;
            assert_eq!(row.attempts, nth);
            if nth < 3 {
                let wait_s = (row.run_at - app.clock.now()).num_seconds();
                assert!(row.state == JobState::Pending && (54..=66).contains(&wait_s), "{wait_s} s: a minute, give or take a tenth");
                app.clock.advance(Duration::from_secs(53));
                run(&whole).await;
                assert_eq!(ran(&whole).len() as i64, nth, "not before");
                app.clock.advance(Duration::from_secs(14));
            }
        }
        let row = whole.job(id).await;
        assert_eq!((row.state, row.finished_at), (JobState::Dead, Some(app.clock.now())));
        assert_eq!(row.last_error.as_deref(), Some("It said no"));
    }

    async fn putting_itself_off_uses_up_nothing(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::PutsItselfOff), FREE).await;
        for _ in 0..5 {
            run(&whole).await;
            app.clock.advance(Duration::from_secs(30));
        }
        let row = whole.job(id).await;
        assert_eq!((row.state, row.attempts, row.waits_for.as_deref(), ran(&whole).len()), (JobState::Pending, 0, Some("Not yet"), 5));
    }

    async fn a_job_of_an_unknown_kind_waits_for_a_program_that_knows_it(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Done), FREE).await;
        whole.run_until_idle().await;
        assert_eq!((whole.job(id).await.state, ran(&whole).len()), (JobState::Pending, 0));
        run(&whole).await;
        assert_eq!(whole.job(id).await.state, JobState::Succeeded);
    }

    async fn nobody_can_cancel_or_retry_what_runs(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Done), FREE).await;
        let engine = engine(&whole);
        let claimed = engine.claim(1).await.expect("a claim").remove(0);
        for act in [admin::cancel, admin::retry, admin::mark_done] {
            let (registry, by) = (registry(), by(&whole));
            let told = whole.app.store.write("test.act", "test", move |tx| act(tx, &registry, id, &by)).await;
            assert!(matches!(told.map_err(throughline::Error::from), Err(throughline::Error::Conflict(_))));
        }
        let ended = engine.attempt(claimed).await;
        assert_eq!(engine.finish(vec![ended]).await.expect("it is written"), 1);
    }

    async fn what_a_person_sends_again_has_all_its_tries_back(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, free("a", Does::Dies), FREE).await;
        run(&whole).await;
        assert_eq!(whole.job(id).await.state, JobState::Dead);
        act(&whole, id, admin::retry).await;
        let row = whole.job(id).await;
        assert_eq!((row.state, row.attempts, row.finished_at), (JobState::Pending, 0, None));
        run(&whole).await;
        assert_eq!(attempts(&whole, id).await.len(), 2, "and the first is not forgotten");
    }
}

fn by(whole: &Whole) -> admin::Request {
    admin::Request { actor: "user:1".into(), reason: None, address: None, now: whole.app.clock.now() }
}
