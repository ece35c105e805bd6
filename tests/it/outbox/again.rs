//! Unique keys: never doubled, and no change swallowed.

use diesel::prelude::*;
use throughline::Error;
use throughline::db::Tx;
use throughline::db::schema::{job_attempts, jobs};
use throughline::line::LineId;
use throughline::outbox::{JobId, JobState, NewJob, admin, enqueue_all};

use super::kit::{Does, Keys, Step, act, engine, put, ran, run};
use crate::harness::both_engines;

const UNIQUE: Keys = Keys { order: None, unique: Some("again") };

both_engines! {
    async fn what_is_asked_for_while_it_runs_runs_once_more(app: TestApp) {
        let whole = app.whole().await;
        let job = put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await;
        let engine = engine(&whole);
        let claimed = engine.claim(1).await.expect("a claim").remove(0);
        for _ in 0..3 {
            assert_eq!(put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await, job, "the same job");
        }
        let ended = engine.attempt(claimed).await;
        engine.finish(vec![ended]).await.expect("it is written");

        let row = whole.job(job).await;
        assert_eq!((row.state, row.run_again, row.attempts), (JobState::Pending, false, 0));
        run(&whole).await;

        assert_eq!((ran(&whole).len(), whole.job(job).await.state), (2, JobState::Succeeded), "three changes, one more run");
        let attempts: Vec<String> =
            whole.ask(move |conn| job_attempts::table.filter(job_attempts::job_id.eq(job)).select(job_attempts::outcome).load(conn)).await;
        assert_eq!(attempts, ["succeeded"], "the first success is not forgotten");
    }

    async fn one_that_waits_takes_the_change_with_it(app: TestApp) {
        let whole = app.whole().await;
        let job = put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await;
        assert_eq!(put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await, job);
        run(&whole).await;
        assert_eq!(ran(&whole).len(), 1);
        assert_ne!(put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await, job, "what is over is not asked again");
    }

    async fn a_change_outlives_death_and_doubt(app: TestApp) {
        let whole = app.whole().await;
        for (does, name) in [(Does::Dies, "dies"), (Does::Uncertain, "doubts")] {
            let job = put(&whole, Step { name: name.into(), does }, UNIQUE).await;
            let engine = engine(&whole);
            let claimed = engine.claim(1).await.expect("a claim").remove(0);
            put(&whole, Step { name: name.into(), does }, UNIQUE).await;
            let ended = engine.attempt(claimed).await;
            engine.finish(vec![ended]).await.expect("it is written");
            if does == Does::Uncertain {
                assert_eq!(whole.job(job).await.state, JobState::Uncertain, "first somebody must find out");
                act(&whole, job, admin::mark_done).await;
            }
            assert_eq!(whole.job(job).await.state, JobState::Pending, "{name}: the change is still to be made");
            act(&whole, job, admin::cancel).await;
        }
    }

    async fn many_at_once_get_their_ids_in_order_and_meet_their_twins(app: TestApp) {
        let whole = app.whole().await;
        let before = put(&whole, Step { name: "b".into(), does: Does::Done }, Keys { order: None, unique: Some("b") }).await;
        let now = whole.app.clock.now();
        let put_all = move |tx: &mut Tx<'_>| {
            let line = LineId::mint(now);
            let job = Step { name: "x".into(), does: Does::Done };
            let new = |unique_key, order_key| NewJob { job: &job, line: &line, subject: "test", unique_key, order_key, run_at: now };
            let all = [new(None, None), new(Some("a"), None), new(Some("b"), None), new(Some("a"), None), new(None, None)];
            let ordered = [new(None, Some("k")), new(None, Some("k"))];
            Ok((enqueue_all(tx, now, &all).map_err(Error::from)?, enqueue_all(tx, now, &ordered).map_err(Error::from)?))
        };
        let (ids, ordered): (Vec<JobId>, Vec<JobId>) = whole.app.store.write("test.put", "test", put_all).await.map_err(Error::from).expect("enqueued");

        assert_eq!((ids[2], ids[3]), (before, ids[1]), "whoever carries the key already");
        assert!(ids[0] < ids[1] && ids[1] < ids[4] && ids[4] < ordered[0]);
        assert_eq!((whole.job(ordered[0]).await.order_place, whole.job(ordered[1]).await.order_place), (Some(0), Some(1)));
    }

    async fn meeting_a_twin_leaves_no_key_behind(app: TestApp) {
        let whole = app.whole().await;
        put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await;
        put(&whole, Step { name: "a".into(), does: Does::Done }, Keys { order: Some("customer:9"), ..UNIQUE }).await;
        use throughline::db::schema::order_keys;
        let keys: i64 = whole.ask(|conn| order_keys::table.count().get_result(conn)).await;
        assert_eq!(keys, 0);
    }

    async fn the_unique_index_is_there_whatever_the_program_believes(app: TestApp) {
        let whole = app.whole().await;
        let job = put(&whole, Step { name: "a".into(), does: Does::Done }, UNIQUE).await;
        let double = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            diesel::sql_query("INSERT INTO jobs (kind, lane, state, payload, line_id, subject, unique_key, repeatable, run_at, attempts, attempts_max, provider_failures, created_at, due_since, updated_at) SELECT kind, lane, 'running', payload, line_id, subject, unique_key, repeatable, run_at, attempts, attempts_max, provider_failures, created_at, due_since, updated_at FROM jobs").execute(tx.conn())?;
            Ok(())
        };
        assert!(whole.app.store.write("test.double", "test", double).await.is_err());
        let count: i64 = whole.ask(|conn| jobs::table.count().get_result(conn)).await;
        assert_eq!((count, whole.job(job).await.state), (1, JobState::Pending));
    }
}
