//! Kinds that misbehave: what the engine makes of a stolen lease, a panic and a wrong number of outcomes.

use std::time::Duration;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use throughline::app::App;
use throughline::db::Tx;
use throughline::db::schema::jobs;
use throughline::line::LineId;
use throughline::outbox::{Claimed, Engine, Job, JobId, JobRow, JobState, Lane, NewJob, Outcome, Registry, Repeatable, Report, enqueue};
use throughline::{Error, Result};

use crate::harness::{Whole, both_engines};

/// Its lease goes to another process while it runs.
#[derive(Clone, Serialize, Deserialize)]
struct Robbed {}

impl Job for Robbed {
    const KIND: &'static str = "test.robbed";
    const LANE: Lane = Lane::Sync;
    const REPEATABLE: Repeatable = Repeatable::Always;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let id = members[0].id;
        let rob = move |tx: &mut Tx<'_>| -> Result<()> {
            diesel::update(jobs::table.filter(jobs::id.eq(id)))
                .set((jobs::lease_token.eq(999), jobs::leased_by.eq("another")))
                .execute(tx.conn())?;
            Ok(())
        };
        app.store.write("test.rob", "test", rob).await.expect("it is written");
        vec![Outcome::Done(json!("too late")).into()]
    }
}

/// A bug of ours.
#[derive(Clone, Serialize, Deserialize)]
struct Panics {}

impl Job for Panics {
    const KIND: &'static str = "test.panics";
    const LANE: Lane = Lane::Sync;
    const REPEATABLE: Repeatable = Repeatable::Always;

    async fn run_batch(_: &App, _: &[Claimed<Self>]) -> Vec<Report> {
        panic!("on purpose")
    }
}

/// The same, where the call may have been made and cannot be repeated.
#[derive(Clone, Serialize, Deserialize)]
struct PanicsOnce {}

impl Job for PanicsOnce {
    const KIND: &'static str = "test.panics_once";
    const LANE: Lane = Lane::Sync;
    const REPEATABLE: Repeatable = Repeatable::Never;

    async fn run_batch(_: &App, _: &[Claimed<Self>]) -> Vec<Report> {
        panic!("on purpose")
    }
}

fn engine(whole: &Whole) -> Engine {
    let registry = Registry::build(|kinds| {
        kinds.add::<Robbed>().add::<Panics>().add::<PanicsOnce>();
    });
    Engine::new(whole.app.clone(), registry.expect("each has a name of its own"))
}

async fn put<J: Job>(whole: &Whole, job: J) -> JobId {
    let now = whole.app.clock.now();
    let put = move |tx: &mut Tx<'_>| {
        let new = NewJob { job: &job, line: &LineId::mint(now), subject: "test", unique_key: Some("test"), order_key: None, run_at: now };
        enqueue(tx, now, &new).map_err(Error::from)
    };
    whole.app.store.write("test.put", "test", put).await.expect("it is enqueued")
}

async fn run(whole: &Whole) {
    engine(whole).run_until_idle().await.expect("the engine turns");
}

async fn row(whole: &Whole, id: JobId) -> JobRow {
    whole.job(id).await
}

both_engines! {
    async fn whoever_lost_the_lease_cannot_finish_the_job(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, Robbed {}).await;
        run(&whole).await;
        let row = row(&whole, id).await;
        assert_eq!((row.state, row.lease_token, row.note), (JobState::Running, Some(999), None));
    }

    async fn a_panic_uses_up_the_tries_and_harms_nothing_else(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, Panics {}).await;
        for wait_s in [0, 70, 340] {
            app.clock.advance(Duration::from_secs(wait_s));
            run(&whole).await;
        }
        let row = row(&whole, id).await;
        assert_eq!((row.state, row.attempts), (JobState::Dead, 3));
        assert!(row.last_error.is_some_and(|why| why.contains("bug")));
    }

    async fn a_panic_where_nothing_may_be_repeated_waits_for_a_person(app: TestApp) {
        let whole = app.whole().await;
        let id = put(&whole, PanicsOnce {}).await;
        run(&whole).await;
        assert_eq!(row(&whole, id).await.state, JobState::Uncertain);
    }

    async fn a_unique_key_is_taken_once_while_unfinished(app: TestApp) {
        let whole = app.whole().await;
        let first = put(&whole, Panics {}).await;
        assert_eq!(put(&whole, Panics {}).await, first);
        let kinds = Registry::build(|kinds| {
            kinds.add::<Panics>().add::<Panics>();
        });
        assert!(kinds.is_err(), "two kinds of one name stop the start");
    }
}
