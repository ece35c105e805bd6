//! Looks at uncertain jobs, whatever they are about: leases, people who are faster, bugs.

use std::time::Duration;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use throughline::app::App;
use throughline::db::Tx;
use throughline::db::schema::job_probes;
use throughline::line::LineId;
use throughline::outbox::admin::{self, Request};
use throughline::outbox::{
    Claimed, Engine, Job, JobId, JobState, Lane, NewJob, Outcome, Probe, Probed, Registry, Repeatable, Report, enqueue,
};
use throughline::{Error, Result};

use crate::harness::{Whole, both_engines};

/// What happens while it is looked up.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Meanwhile {
    Nothing,
    /// A person says that it arrived.
    Completed,
    /// A person sends it again.
    Retried,
    /// A bug.
    Panic,
}

/// Its first answer is always lost; a look says that it is not there.
#[derive(Clone, Serialize, Deserialize)]
struct Lost {
    meanwhile: Meanwhile,
}

impl Job for Lost {
    const KIND: &'static str = "test.lost";
    const LANE: Lane = Lane::Sync;
    const REPEATABLE: Repeatable = Repeatable::Never;
    const PROBE_AFTER_S: &'static [u32] = &[10];

    async fn run_batch(_: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        vec![if members[0].attempt == 1 { Outcome::Uncertain("lost".into()) } else { Outcome::Done(json!({})) }.into()]
    }

    async fn probe(app: &App, member: &Claimed<Self>) -> Probed {
        let act: fn(&mut Tx<'_>, &Registry, JobId, &Request) -> Result<()> = match member.job.meanwhile {
            Meanwhile::Nothing => return Probe::Arrived(json!({"seen": true})).into(),
            Meanwhile::Panic => panic!("on purpose"),
            Meanwhile::Completed => admin::mark_done,
            Meanwhile::Retried => admin::retry,
        };
        let id = member.id;
        let by = Request { actor: "user:1".into(), reason: None, address: None, now: app.clock.now() };
        app.store.write("test.act", "test", move |tx| act(tx, &registry(), id, &by)).await.expect("the person is faster");
        Probe::Arrived(json!({"seen": true})).into()
    }
}

fn registry() -> Registry {
    Registry::build(|kinds| {
        kinds.add::<Lost>();
    })
    .expect("one kind")
}

async fn uncertain(whole: &Whole, meanwhile: Meanwhile) -> (Engine, JobId) {
    let now = whole.app.clock.now();
    let put = move |tx: &mut Tx<'_>| {
        let new = NewJob {
            job: &Lost { meanwhile },
            line: &LineId::mint(now),
            subject: "test",
            unique_key: None,
            order_key: Some("test"),
            run_at: now,
        };
        enqueue(tx, now, &new).map_err(Error::from)
    };
    let id = whole.app.store.write("test.put", "test", put).await.expect("it is enqueued");
    let engine = Engine::new(whole.app.clone(), registry());
    engine.run_until_idle().await.expect("the engine turns");
    assert_eq!(whole.job(id).await.state, JobState::Uncertain);
    (engine, id)
}

both_engines! {
    async fn a_look_ends_an_uncertain_job_and_lets_the_next_of_its_key_go(app: TestApp) {
        let whole = app.whole().await;
        let (engine, id) = uncertain(&whole, Meanwhile::Nothing).await;
        app.clock.advance(Duration::from_secs(10));
        engine.run_until_idle().await.expect("the engine turns");
        let row = whole.job(id).await;
        assert_eq!((row.state, row.lease_token, row.order_place), (JobState::Succeeded, None, None));
        assert_eq!(row.note.as_deref(), Some("{\"seen\":true}"));
    }

    async fn a_person_who_is_faster_than_the_look_has_decided(app: TestApp) {
        for (meanwhile, state) in [(Meanwhile::Completed, JobState::Succeeded), (Meanwhile::Retried, JobState::Pending)] {
            let whole = app.whole().await;
            let (engine, id) = uncertain(&whole, meanwhile).await;
            app.clock.advance(Duration::from_secs(10));
            assert_eq!(engine.look_up_due().await.expect("a look"), 1);
            let row = whole.job(id).await;
            assert_eq!((row.state, row.note), (state, None), "what the look found comes too late");
            app.clock.advance(Duration::from_secs(60));
            assert_eq!(engine.look_up_due().await.expect("none"), 0);
            let plans: i64 = whole.ask(|conn| job_probes::table.count().get_result(conn)).await;
            assert_eq!(plans, 0);
            whole.app.store.write("test.clear", "test", |tx: &mut Tx<'_>| -> Result<()> {
                diesel::delete(throughline::db::schema::jobs::table).execute(tx.conn())?;
                Ok(())
            }).await.expect("cleared");
        }
    }

    async fn a_look_that_panics_leaves_the_job_to_a_person(app: TestApp) {
        let whole = app.whole().await;
        let (engine, id) = uncertain(&whole, Meanwhile::Panic).await;
        app.clock.advance(Duration::from_secs(10));
        engine.run_until_idle().await.expect("the engine turns");
        let row = whole.job(id).await;
        assert_eq!((row.state, row.lease_token), (JobState::Uncertain, None));
        assert!(row.waits_for.is_some_and(|why| why.contains("bug")));
        app.clock.advance(Duration::from_secs(3600));
        assert_eq!(engine.look_up_due().await.expect("none"), 0);
    }
}
