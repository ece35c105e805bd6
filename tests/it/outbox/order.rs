//! Order keys: one at a time, in the order in which they were put in.

use std::time::Duration;

use diesel::prelude::*;
use throughline::db::schema::{jobs, order_keys};
use throughline::outbox::{JobState, Lane, admin, order};

use super::kit::{Bulky, Does, FREE, ORDERED, Strict, Urgent, act, engine, put, ran, run, runs, step};
use crate::harness::{Whole, both_engines};

async fn keys_left(whole: &Whole) -> i64 {
    whole.ask(|conn| order_keys::table.count().get_result(conn)).await
}

both_engines! {
    async fn jobs_of_one_key_run_one_at_a_time_in_their_order(app: TestApp) {
        let whole = app.whole().await;
        for name in ["invoice", "payment", "receipt"] {
            step(&whole, name, Does::Done).await;
        }
        let engine = engine(&whole);

        let claimed = engine.claim(10).await.expect("a claim");
        assert_eq!(claimed.len(), 1, "the others wait for it");
        assert!(engine.claim(10).await.expect("a claim").is_empty());
        for run in claimed {
            let ended = engine.attempt(run).await;
            assert_eq!(engine.finish(vec![ended]).await.expect("it is written"), 1);
        }
        run(&whole).await;

        assert_eq!(ran(&whole), ["invoice", "payment", "receipt"]);
        assert_eq!(keys_left(&whole).await, 0, "nothing is kept of a key nobody waits for");
    }

    async fn who_backs_off_or_is_put_off_or_uncertain_holds_those_behind(app: TestApp) {
        let whole = app.whole().await;
        step(&whole, "backs off", Does::Fails).await;
        step(&whole, "behind", Does::Done).await;
        run(&whole).await;
        assert_eq!(ran(&whole), ["backs off"]);
        app.clock.advance(Duration::from_secs(70));
        run(&whole).await;
        assert_eq!(ran(&whole), ["backs off"; 2]);
        app.clock.advance(Duration::from_secs(70));
        run(&whole).await;
        assert_eq!(ran(&whole)[2..], ["backs off", "behind"], "dead after three tries, and the next goes on");

        step(&whole, "put off", Does::PutsItselfOff).await;
        step(&whole, "behind it", Does::Done).await;
        run(&whole).await;
        assert_eq!(ran(&whole)[4..], ["put off"]);
    }

    async fn an_uncertain_job_holds_its_key_until_a_person_decides(app: TestApp) {
        let whole = app.whole().await;
        let uncertain = step(&whole, "uncertain", Does::Uncertain).await;
        let behind = step(&whole, "behind", Does::Done).await;
        run(&whole).await;
        assert_eq!(ran(&whole), ["uncertain"]);
        let blocker = whole.ask(move |conn| order::blocker(conn, "customer:7", behind)).await.expect("somebody blocks it");
        assert_eq!(blocker.id, uncertain);

        act(&whole, uncertain, admin::mark_done).await;
        run(&whole).await;
        assert_eq!(ran(&whole), ["uncertain", "behind"]);
    }

    async fn after_a_death_a_strict_kind_holds_those_behind_and_others_let_them_go(app: TestApp) {
        let whole = app.whole().await;
        let invoice = put(&whole, Strict { name: "invoice".into(), does: Does::Dies }, ORDERED).await;
        let payment = step(&whole, "payment", Does::Done).await;
        run(&whole).await;
        assert_eq!((ran(&whole).len(), whole.job(payment).await.state), (1, JobState::Pending), "no payment after a dead invoice");
        let blocker = whole.ask(move |conn| order::blocker(conn, "customer:7", payment)).await.expect("somebody blocks it");
        assert_eq!((blocker.id, blocker.state), (invoice, JobState::Dead));
        step(&whole, "later", Does::Done).await;
        run(&whole).await;
        assert_eq!(ran(&whole).len(), 1, "who comes later is held as well");

        act(&whole, invoice, admin::cancel).await;
        run(&whole).await;
        assert_eq!(ran(&whole)[1..], ["payment", "later"]);

        step(&whole, "dies", Does::Dies).await;
        step(&whole, "goes on", Does::Done).await;
        run(&whole).await;
        assert_eq!(ran(&whole)[3..], ["dies", "goes on"]);
        assert_eq!(keys_left(&whole).await, 0);
    }

    async fn a_job_sent_again_comes_back_before_those_that_wait_and_after_the_one_that_runs(app: TestApp) {
        let whole = app.whole().await;
        let first = step(&whole, "first", Does::Dies).await;
        run(&whole).await;
        step(&whole, "second", Does::Done).await;
        step(&whole, "third", Does::Done).await;
        let engine = engine(&whole);
        let second = engine.claim(1).await.expect("a claim").remove(0);

        act(&whole, first, admin::retry).await;
        assert!(engine.claim(10).await.expect("a claim").is_empty(), "the second runs");
        let ended = engine.attempt(second).await;
        engine.finish(vec![ended]).await.expect("it is written");
        run(&whole).await;

        assert_eq!(ran(&whole), ["first", "second", "first", "third"]);
    }

    async fn cancelling_the_head_lets_the_next_go_and_cancelling_one_behind_changes_nothing(app: TestApp) {
        let whole = app.whole().await;
        let head = step(&whole, "head", Does::Done).await;
        let behind = step(&whole, "behind", Does::Done).await;
        step(&whole, "last", Does::Done).await;
        act(&whole, behind, admin::cancel).await;
        act(&whole, head, admin::cancel).await;
        run(&whole).await;
        assert_eq!(ran(&whole), ["last"]);
    }

    async fn an_urgent_job_lifts_those_it_has_to_wait_for(app: TestApp) {
        let whole = app.whole().await;
        let first = step(&whole, "first", Does::Done).await;
        let second = step(&whole, "second", Does::Done).await;
        put(&whole, Urgent { name: "pay".into(), does: Does::Done }, ORDERED).await;
        let after = step(&whole, "after", Does::Done).await;
        put(&whole, Urgent { name: "other".into(), does: Does::Done }, FREE).await;
        assert_eq!(whole.job(first).await.lane, Lane::Payment);
        run(&whole).await;

        assert_eq!(ran(&whole), ["first", "second", "pay", "other", "after"].map(String::from), "{:?}", runs(&whole));
        assert_eq!((whole.job(second).await.lane, whole.job(after).await.lane), (Lane::Payment, Lane::Sync));
    }

    async fn a_hundred_thousand_behind_one_key_take_no_part_in_the_scan(app: TestApp) {
        let whole = app.whole().await;
        let head = step(&whole, "head", Does::PutsItselfOff).await;
        let behind = step(&whole, "behind", Does::Done).await;
        let copy = "INSERT INTO jobs (kind, lane, state, payload, line_id, subject, order_key, order_place, repeatable, run_at, attempts, attempts_max,
                provider_failures, run_again, created_at, due_since, updated_at)
            SELECT kind, lane, state, payload, line_id, subject, order_key, order_place, repeatable, run_at, attempts, attempts_max,
                provider_failures, run_again, created_at, due_since, updated_at FROM jobs WHERE id = ID";
        let copies = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) {} ", copy.replace("FROM jobs", "FROM n, jobs"))
            .replace("WHERE id = ID", &format!("WHERE jobs.id = {behind}"));
        // The WITH of an INSERT stands before it on both engines.
        let write = move |tx: &mut throughline::db::Tx<'_>| -> throughline::Result<()> {
            diesel::sql_query(copies.clone()).execute(tx.conn())?;
            Ok(())
        };
        whole.app.store.write("test.fill", "test", write).await.expect("filled");
        app.clock.advance(Duration::from_secs(3600));
        put(&whole, Bulky { name: "free".into(), does: Does::Done }, FREE).await;
        let engine = engine(&whole);

        let claimed = engine.claim(10).await.expect("a claim");

        let ids: Vec<_> = claimed.iter().flat_map(|run| run.ids()).collect();
        assert_eq!(ids.len(), 2);
        assert!(ids.contains(&head));
        let ready: i64 = whole
            .ask(|conn| jobs::table.filter(jobs::state.eq(JobState::Pending)).filter(jobs::order_place.eq(0)).count().get_result(conn))
            .await;
        assert_eq!(ready, 0, "none of those behind is in the index of ready jobs");
    }
}
