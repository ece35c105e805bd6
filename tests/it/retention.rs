//! What has been kept long enough is removed or emptied; what has not, and what somebody just works with, stays.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use rocket::http::{ContentType, Header};
use throughline::audit::{self, Act};
use throughline::db::{Engine, Tx};
use throughline::line::LineId;
use throughline::retention;

use crate::harness::{TestApp, Whole, both_engines, on_engine};
use crate::store::rows::second_connection;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn count(whole: &Whole, of: &'static str) -> i64 {
    whole.ask(move |conn| diesel::sql_query(format!("SELECT count(*) AS count FROM {of}")).get_result::<Count>(conn)).await.count
}

async fn execute(whole: &Whole, sql: &'static str) {
    let write = move |tx: &mut Tx<'_>| -> throughline::Result<usize> { Ok(diesel::sql_query(sql).execute(tx.conn())?) };
    whole.app.store.write("test.execute", "k", write).await.expect("it is written");
}

async fn sweep_after(app: &TestApp, whole: &Whole, days: u32) {
    app.clock.advance(DAY * days);
    retention::sweep(&whole.app).await.expect("it sweeps");
}

/// One lead that was delivered and one that failed, each with a job and an attempt.
async fn one_done_and_one_dead(whole: &Whole) {
    whole.post_lead("Ada", "ada@example.com").await;
    whole.post_lead("Bob", "bob@example.com").await;
    whole.run_until_idle().await;
    execute(whole, "UPDATE jobs SET state = 'dead', last_error = 'Zoho said no to bob@example.com' WHERE subject = 'lead:2'").await;
    assert_eq!(count(whole, "jobs WHERE state = 'succeeded' AND note IS NOT NULL").await, 1);
    assert_eq!(count(whole, "job_attempts WHERE response IS NOT NULL").await, 2);
    assert_eq!(count(whole, "leads WHERE provider_response IS NOT NULL").await, 2);
}

both_engines! {
    async fn everything_goes_when_its_time_has_come_and_not_before(app: TestApp) {
        let whole = app.whole().await;
        one_done_and_one_dead(&whole).await;

        sweep_after(&app, &whole, 89).await;
        assert_eq!(count(&whole, "jobs").await, 2, "after 89 days everything is there");
        assert_eq!(count(&whole, "job_attempts WHERE response IS NOT NULL").await, 2);
        assert_eq!(count(&whole, "leads WHERE provider_response IS NOT NULL").await, 2);

        sweep_after(&app, &whole, 2).await;
        assert_eq!(count(&whole, "jobs WHERE state = 'dead' AND last_error IS NULL").await, 1, "the failed one stays, without its words");
        assert_eq!(count(&whole, "jobs").await, 1, "the done one is gone");
        assert_eq!(count(&whole, "job_attempts").await, 0);
        assert_eq!(count(&whole, "leads WHERE provider_response IS NULL").await, 2, "the leads stay, without the answers");

        sweep_after(&app, &whole, 273).await;
        assert_eq!(count(&whole, "jobs").await, 1, "after 364 days the failed one is there");
        sweep_after(&app, &whole, 2).await;
        assert_eq!(count(&whole, "jobs").await, 0);
    }

    async fn many_rows_go_in_many_chunks(app: TestApp) {
        let whole = app.whole().await;
        one_done_and_one_dead(&whole).await;
        execute(&whole, "INSERT INTO jobs (kind, lane, state, payload, line_id, subject, repeatable, run_at, attempts, attempts_max,
                provider_failures, created_at, due_since, finished_at, updated_at, note)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1203)
            SELECT 'leads.deliver', 'lead', CASE WHEN i % 3 = 0 THEN 'dead' ELSE 'cancelled' END, '{}', 'line', 'lead:9', FALSE, run_at, 0, 3,
                0, jobs.created_at, due_since, finished_at, jobs.updated_at, 'x' FROM n, jobs WHERE subject = 'lead:1'").await;
        sweep_after(&app, &whole, 91).await;
        assert_eq!(count(&whole, "jobs").await, 402, "every third is a failed one, and the first");
        assert_eq!(count(&whole, "jobs WHERE note IS NOT NULL OR last_error IS NOT NULL").await, 0);
    }

    async fn a_bulk_operation_goes_a_year_after_its_end_and_one_under_way_never(app: TestApp) {
        let whole = app.whole().await;
        execute(&whole, "INSERT INTO bulk_operations (line_id, subject, act, filter, started_by, state, id_max, total, is_total_floor, done, skipped,
                refused, reasons, created_at, updated_at)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 605)
            SELECT 'line', 'jobs', 'retry', 'text=ada ' || i, 'user:1', CASE WHEN i % 5 = 0 THEN 'running' WHEN i % 5 = 1 THEN 'failed' ELSE 'done' END,
                9, 9, FALSE, 9, 0, 0, '{}', '2026-11-22 08:00:00', '2026-11-22 09:00:00' FROM n").await;
        execute(&whole, "UPDATE bulk_operations SET finished_at = '2026-11-22 09:00:00' WHERE state <> 'running'").await;
        sweep_after(&app, &whole, 364).await;
        assert_eq!(count(&whole, "bulk_operations").await, 605);
        sweep_after(&app, &whole, 2).await;
        assert_eq!(count(&whole, "bulk_operations").await, 121);
        assert_eq!(count(&whole, "bulk_operations WHERE state = 'running'").await, 121);
    }

    async fn what_is_not_finished_is_never_removed(app: TestApp) {
        let whole = app.whole().await;
        one_done_and_one_dead(&whole).await;
        execute(&whole, "UPDATE jobs SET state = CASE WHEN subject = 'lead:1' THEN 'pending' ELSE 'uncertain' END, finished_at = NULL").await;
        sweep_after(&app, &whole, 4000).await;
        assert_eq!(count(&whole, "jobs").await, 2);
    }

    async fn an_address_is_erased_and_the_chain_still_holds(app: TestApp) {
        let whole = app.whole().await;
        let now = app.clock.now();
        let record = move |tx: &mut Tx<'_>| -> throughline::Result<()> {
            let act = Act { actor: "ada", action: "test.act", subject: "test:1", line: None, reason: Some("why"), before: None, after: None, address: Some("203.0.113.9") };
            Ok(audit::record(tx, now, &act)?)
        };
        whole.app.store.write("test.audit", "k", record).await.expect("it is recorded");
        audit::seal_new(&whole.app).await.expect("it is sealed");
        sweep_after(&app, &whole, 89).await;
        assert_eq!(count(&whole, "audit WHERE address IS NOT NULL").await, 1);
        sweep_after(&app, &whole, 2).await;
        assert_eq!(count(&whole, "audit WHERE address IS NOT NULL").await, 0);
        assert_eq!(count(&whole, "audit WHERE action = 'test.act' AND reason = 'why' AND salts NOT LIKE '%address%'").await, 1);
        let verified = audit::verify(&whole.app.store, None).await.expect("it can be read");
        assert!(verified.broken.is_empty() && verified.erased == 1, "{verified:?}");
    }

    async fn an_idempotency_key_is_forgotten_after_a_day_by_the_scheduled_job(app: TestApp) {
        let whole = app.whole().await;
        let post = whole.client.post("/api/store-lead").header(ContentType::JSON).header(Header::new("Idempotency-Key", "one"));
        assert_eq!(post.body(r#"{"name":"Ada","email":"ada@example.com"}"#).dispatch().await.status().code, 201);
        assert_eq!(count(&whole, "idempotency_answers").await, 1);
        app.clock.advance(DAY + Duration::from_secs(60));
        let now = app.clock.now();
        let enqueue = move |tx: &mut Tx<'_>| -> throughline::Result<()> {
            retention::enqueue_sweep(tx, now, &LineId::mint(now))?;
            Ok(())
        };
        whole.app.store.write("test.enqueue", "k", enqueue).await.expect("it is enqueued");
        whole.run_until_idle().await;
        assert_eq!(count(&whole, "idempotency_answers").await, 0);
        assert_eq!(count(&whole, "jobs WHERE kind = 'retention.sweep' AND state = 'succeeded' AND note LIKE '%forgotten_rows%'").await, 1);
    }
}

#[test]
fn a_row_that_somebody_works_with_is_left_for_the_next_sweep() {
    on_engine(Engine::Postgres, |app| async move {
        let whole = app.whole().await;
        one_done_and_one_dead(&whole).await;
        let mut somebody = second_connection(&app.url);
        somebody.batch_execute("BEGIN; SELECT 1 FROM jobs WHERE subject = 'lead:1' FOR UPDATE").expect("it is locked");
        let sweeping = sweep_after(&app, &whole, 91);
        tokio::time::timeout(Duration::from_secs(4), sweeping).await.expect("the sweep waits for nobody");
        assert_eq!(count(&whole, "jobs WHERE subject = 'lead:1'").await, 1);
        somebody.batch_execute("COMMIT").expect("it is given back");
        sweep_after(&app, &whole, 0).await;
        assert_eq!(count(&whole, "jobs WHERE subject = 'lead:1'").await, 0);
    });
}
