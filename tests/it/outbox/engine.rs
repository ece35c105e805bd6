//! Leases, rescue, unique keys, what a person may do.

use std::time::Duration;

use diesel::prelude::*;
use throughline::db::Tx;
use throughline::db::schema::{jobs, processes};
use throughline::leads::LeadStatus;
use throughline::outbox::admin::{self, Request};
use throughline::outbox::{Announcement, JobId, JobState};
use throughline::{Error, Result};

use crate::harness::{Whole, both_engines};

fn announcement(whole: &Whole, id: &str) -> Announcement {
    let now = whole.app.clock.now();
    Announcement { id: id.into(), role: "worker".into(), version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now }
}

/// Makes a job look as if a process had claimed it and then died.
async fn strand(whole: &Whole, id: JobId, process: &'static str, repeatable: bool) {
    let strand = move |tx: &mut Tx<'_>| -> Result<()> {
        diesel::update(jobs::table.filter(jobs::id.eq(id)))
            .set((
                jobs::state.eq(JobState::Running),
                jobs::lease_token.eq(77),
                jobs::leased_by.eq(process),
                jobs::repeatable.eq(repeatable),
            ))
            .execute(tx.conn())?;
        Ok(())
    };
    whole.app.store.write("test.strand", "test", strand).await.expect("it is written");
}

async fn act(whole: &Whole, id: JobId, act: fn(&mut Tx<'_>, &throughline::outbox::Registry, JobId, &Request) -> Result<()>) -> Result<()> {
    let by = Request { actor: "user:1".into(), reason: None, address: None, now: whole.app.clock.now() };
    let registry = whole.registry.clone();
    whole.app.store.write("test.act", "test", move |tx| act(tx, &registry, id, &by)).await.map_err(Error::from)
}

both_engines! {
    async fn the_jobs_of_a_silent_process_run_again_within_a_minute(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        whole.outbox.beat(announcement(&whole, "dead-1")).await.expect("it lived");
        strand(&whole, job, "dead-1", true).await;

        app.clock.advance(Duration::from_secs(29));
        assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 0, "its lease still holds");
        app.clock.advance(Duration::from_secs(2));
        assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 1);
        whole.run_until_idle().await;

        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
    }

    async fn a_job_that_ends_one_process_after_the_other_is_given_to_a_person(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        for _ in 0..9 {
            strand(&whole, job, "dead-1", true).await;
            whole.outbox.rescue_silent().await.expect("a sweep");
            assert_eq!(whole.job(job).await.state, JobState::Pending);
        }
        strand(&whole, job, "dead-1", true).await;
        whole.outbox.rescue_silent().await.expect("a sweep");
        assert_eq!(whole.job(job).await.state, JobState::Uncertain);

        act(&whole, job, admin::retry).await.expect("a person has looked");
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
    }

    async fn a_lease_of_this_process_that_nobody_runs_is_taken_back(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        // The claim was committed and its answer lost; the process lives on and beats.
        strand(&whole, job, Box::leak(whole.app.process_id.clone().into_boxed_str()), true).await;
        whole.outbox.beat(announcement(&whole, &whole.app.process_id)).await.expect("it lives");

        assert_eq!(whole.outbox.rescue_lost().await.expect("a sweep"), 0, "the claim may be on its way");
        app.clock.advance(Duration::from_secs(31));
        whole.outbox.beat(announcement(&whole, &whole.app.process_id)).await.expect("it lives");
        assert_eq!(whole.outbox.rescue_silent().await.expect("a sweep"), 0, "its own heartbeat keeps the lease");
        assert_eq!(whole.outbox.rescue_lost().await.expect("a sweep"), 1);
        whole.run_until_idle().await;

        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
    }

    async fn a_call_that_may_have_been_made_and_cannot_be_repeated_waits_for_a_person(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        strand(&whole, job, "dead-1", false).await;

        whole.outbox.rescue_silent().await.expect("a sweep");
        whole.run_until_idle().await;

        assert_eq!(whole.job(job).await.state, JobState::Uncertain);
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Uncertain);
        act(&whole, job, admin::mark_done).await.expect("a person has looked");
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
    }

    async fn a_person_may_retry_and_cancel_what_fits_and_is_told_what_does_not(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;

        act(&whole, job, admin::cancel).await.expect("a waiting job can be cancelled");
        whole.run_until_idle().await;
        assert_eq!((whole.lead(lead).await.status, whole.sandbox.leads().len()), (LeadStatus::Cancelled, 0));
        assert!(matches!(act(&whole, job, admin::cancel).await, Err(Error::Conflict(_))));

        act(&whole, job, admin::retry).await.expect("a cancelled job can be run after all");
        whole.run_until_idle().await;
        assert_eq!(whole.lead(lead).await.status, LeadStatus::Sent);
        assert!(matches!(act(&whole, job, admin::retry).await, Err(Error::Conflict(_))));
        assert!(matches!(act(&whole, JobId(999), admin::retry).await, Err(Error::NotFound("job"))));
    }

    async fn a_finished_shutdown_gives_back_what_it_held_and_leaves_no_trace(app: TestApp) {
        let whole = app.whole().await;
        let lead = whole.post_lead("Ada", "ada@example.com").await;
        let job = whole.job_of(&lead.subject()).await.id;
        whole.outbox.beat(announcement(&whole, "test-1")).await.expect("it lives");
        strand(&whole, job, "test-1", true).await;

        whole.outbox.leave().await.expect("good-bye");

        assert_eq!(whole.job(job).await.state, JobState::Pending);
        let left: i64 = whole.ask(|conn| processes::table.count().get_result(conn)).await;
        assert_eq!(left, 0);
    }
}

/// A hundred thousand jobs of a blocked connection must not be walked over by each look for work, whatever SQLite believes of
/// the table: it is asked after an ANALYZE in the moment when all of them were ready.
#[test]
fn looking_for_work_uses_the_index_of_ready_jobs() {
    // As `survey` and `claim` write it: the index's condition literal, the rest bound.
    const LOOKS: [(&str, &str); 2] = [
        (
            "SELECT n.id FROM jobs AS n INDEXED BY jobs_ready WHERE n.state = 'pending' AND COALESCE(n.order_place, 0) = 0 \
             ORDER BY n.kind, n.lane, n.run_at, n.id LIMIT 1",
            "SCAN n USING INDEX jobs_ready",
        ),
        (
            "SELECT id, batch_limit FROM jobs WHERE (jobs.state = 'pending' AND COALESCE(jobs.order_place, 0) = 0) \
             AND kind = ?1 AND lane = ?2 AND run_at <= ?3 AND (jobs.run_at, jobs.id) > (?4, ?5) ORDER BY run_at, id LIMIT ?6",
            "USING INDEX jobs_ready (kind=? AND lane=? AND run_at>? AND run_at<?)",
        ),
    ];
    crate::harness::on_engine(throughline::db::Engine::Sqlite, |app| async move {
        let whole = app.whole().await;
        whole.post_lead("Ada", "ada@example.com").await;
        let fill = |tx: &mut Tx<'_>| -> Result<()> {
            let copies = "INSERT INTO jobs (kind, lane, state, payload, line_id, subject, repeatable, run_at, attempts, attempts_max, provider_failures,
                    created_at, due_since, updated_at)
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
                SELECT kind, lane, state, payload, line_id, subject, repeatable, run_at, attempts, attempts_max, provider_failures, created_at,
                    due_since, updated_at FROM n, jobs";
            for statement in [copies, "ANALYZE"] {
                diesel::sql_query(statement).execute(tx.conn())?;
            }
            Ok(())
        };
        whole.app.store.write("test.fill", "test", fill).await.expect("filled");
        for (look, wanted) in LOOKS {
            let plan = move |conn: &mut throughline::db::Conn| -> diesel::QueryResult<Vec<Step>> {
                let throughline::db::Conn::Sqlite(conn) = conn else { unreachable!("SQLite was asked for") };
                diesel::sql_query(format!("EXPLAIN QUERY PLAN {look}")).load(conn)
            };
            let steps: Vec<String> = whole.ask(plan).await.into_iter().map(|step| step.detail).collect();
            let steps = steps.join("; ");
            assert!(steps.contains(wanted) && !steps.contains("TEMP B-TREE"), "{steps}");
        }
    });
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = diesel::sql_types::Text)]
    detail: String,
}
