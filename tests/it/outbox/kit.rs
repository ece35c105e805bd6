//! Jobs that do what they are told and write down in which order they ran.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use throughline::app::App;
use throughline::clock::UtcTime;
use throughline::db::Tx;
use throughline::integrations::{Failure, FailureClass};
use throughline::line::LineId;
use throughline::outbox::admin::Request;
use throughline::outbox::limits::{Limits, Window};
use throughline::outbox::{Claimed, Engine, Job, JobId, Lane, NewJob, OnDead, Outcome, Registry, Repeatable, Report, enqueue};
use throughline::{Error, Result};

use crate::harness::Whole;

/// What a job does when it runs.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq)]
pub enum Does {
    Done,
    /// The record is at fault; tried again.
    Fails,
    /// The record is at fault for good.
    Dies,
    PutsItselfOff,
    Uncertain,
    /// The whole call is refused as long as one of these is in it.
    Poisons,
    /// While it runs, the same is asked for again.
    IsAskedForAgain,
}

/// Who ran, by test: `cargo test` runs many tests in one process.
static DIARIES: Mutex<Option<HashMap<String, Vec<Vec<String>>>>> = Mutex::new(None);

fn write_down(app: &App, run: Vec<String>) {
    let mut diaries = DIARIES.lock().unwrap_or_else(PoisonError::into_inner);
    diaries.get_or_insert_default().entry(app.config.database_url.clone()).or_default().push(run);
}

/// Each run so far, with the names of its members.
pub fn runs(whole: &Whole) -> Vec<Vec<String>> {
    let diaries = DIARIES.lock().unwrap_or_else(PoisonError::into_inner);
    diaries.as_ref().and_then(|diaries| diaries.get(&whole.app.config.database_url)).cloned().unwrap_or_default()
}

/// The names of all that ran, in order.
pub fn ran(whole: &Whole) -> Vec<String> {
    runs(whole).concat()
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $name:ident = $kind:literal { $($constant:ident: $of:ty = $value:expr),* }),+ $(,)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $name {
            pub name: String,
            pub does: Does,
        }

        impl Job for $name {
            const KIND: &'static str = $kind;
            const REPEATABLE: Repeatable = Repeatable::Always;
            const RETRY_AFTER_S: &'static [u32] = &[60];
            $(const $constant: $of = $value;)*

            async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
                write_down(app, members.iter().map(|member| member.job.name.clone()).collect());
                let poisoned = members.iter().any(|member| member.job.does == Does::Poisons);
                let mut reports = Vec::new();
                for member in members {
                    if member.job.does == Does::IsAskedForAgain {
                        ask_again(app, member.job.clone()).await;
                    }
                    reports.push(if poisoned { whole_call(members.len()) } else { outcome(member.job.does, app.clock.now()) }.into());
                }
                reports
            }
        }
    )+};
}

kinds! {
    Step = "test.step" { LANE: Lane = Lane::Sync },
    /// Those behind it are held when it dies.
    Strict = "test.strict" { LANE: Lane = Lane::Sync, ON_DEAD: OnDead = OnDead::Hold },
    Urgent = "test.urgent" { LANE: Lane = Lane::Payment },
    Bulky = "test.bulky" { LANE: Lane = Lane::Backfill },
    /// Ten in one call.
    Together = "test.together" { LANE: Lane = Lane::Sync, BATCH_MAX: usize = 10 },
    /// Needs the connection, two calls at most.
    Call = "test.call" { LANE: Lane = Lane::Sync, CONNECTION: Option<&'static str> = Some("zoho"), CALLS: u32 = 2 },
    /// The same, where the reserve may be used.
    LeadCall = "test.lead_call" { LANE: Lane = Lane::Lead, CONNECTION: Option<&'static str> = Some("zoho"), CALLS: u32 = 2 },
}

fn outcome(does: Does, now: UtcTime) -> Outcome {
    let failure = |class| Failure { class, message: "It said no".into(), retry_after_s: None, effect_unknown: false, of_record: true };
    match does {
        Does::Done | Does::IsAskedForAgain | Does::Poisons => Outcome::Done(json!(null)),
        Does::Fails => Outcome::Failed(failure(FailureClass::ServerError)),
        Does::Dies => Outcome::Failed(failure(FailureClass::Validation)),
        Does::PutsItselfOff => Outcome::Snooze { until: now + Duration::from_secs(30), why: "Not yet".into() },
        Does::Uncertain => Outcome::Uncertain("It may have happened".into()),
    }
}

fn whole_call(members: usize) -> Outcome {
    let of_record = members == 1;
    let message = "The call was refused".into();
    Outcome::Failed(Failure { class: FailureClass::Validation, message, retry_after_s: None, effect_unknown: false, of_record })
}

async fn ask_again<J: Job>(app: &App, job: J) {
    let now = app.clock.now();
    let put = move |tx: &mut Tx<'_>| {
        let new = NewJob { job: &job, line: &LineId::mint(now), subject: "test", unique_key: Some("again"), order_key: None, run_at: now };
        enqueue(tx, now, &new).map_err(Error::from)
    };
    app.store.write("test.put", "again", put).await.expect("it is enqueued");
}

/// The kinds above; two calls at once and 20 in a minute.
pub fn registry() -> Registry {
    let registry = Registry::build(|kinds| {
        kinds.add::<Step>().add::<Strict>().add::<Urgent>().add::<Bulky>().add::<Together>().add::<Call>().add::<LeadCall>();
        kinds.limit("zoho", Limits { at_once: 2, windows: vec![Window { seconds: 60, calls: 20 }] });
    });
    registry.expect("each has a name of its own")
}

pub fn engine(whole: &Whole) -> Engine {
    Engine::new(whole.app.clone(), registry())
}

/// Which keys a job carries.
#[derive(Clone, Copy, Default)]
pub struct Keys {
    pub order: Option<&'static str>,
    pub unique: Option<&'static str>,
}

pub const ORDERED: Keys = Keys { order: Some("customer:7"), unique: None };
pub const FREE: Keys = Keys { order: None, unique: None };

pub async fn put<J: Job>(whole: &Whole, job: J, keys: Keys) -> JobId {
    put_at(whole, job, keys, whole.app.clock.now()).await
}

/// As `put`, ready from then on.
pub async fn put_at<J: Job>(whole: &Whole, job: J, keys: Keys, run_at: UtcTime) -> JobId {
    let now = whole.app.clock.now();
    let put = move |tx: &mut Tx<'_>| {
        let line = LineId::mint(now);
        let new = NewJob { job: &job, line: &line, subject: "test", unique_key: keys.unique, order_key: keys.order, run_at };
        enqueue(tx, now, &new).map_err(Error::from)
    };
    whole.app.store.write("test.put", "test", put).await.expect("it is enqueued")
}

/// A step of the customer's.
pub async fn step(whole: &Whole, name: &str, does: Does) -> JobId {
    put(whole, Step { name: name.into(), does }, ORDERED).await
}

pub async fn run(whole: &Whole) {
    engine(whole).run_until_idle().await.expect("the engine turns");
}

/// What a person does to a job.
pub async fn act(whole: &Whole, id: JobId, act: fn(&mut Tx<'_>, &Registry, JobId, &Request) -> Result<()>) {
    let by = Request { actor: "user:1".into(), reason: None, address: None, now: whole.app.clock.now() };
    let registry = registry();
    let acted = whole.app.store.write("test.act", "test", move |tx| act(tx, &registry, id, &by)).await;
    acted.map_err(Error::from).expect("a person may do that");
}
