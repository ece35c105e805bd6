//! What a job kind is: a serialisable struct with a stable name, and what can come of running it.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Tx, id_type, text_enum};
use crate::http::Exchange;
use crate::integrations::Failure;
use crate::line::LineId;
use crate::outbox::probe::{Probe, Probed};
use crate::outbox::progress::Progress;
use crate::outbox::registry::Registry;

id_type! {
    /// A row of `jobs`.
    pub struct JobId;
}

text_enum! {
    /// Where a job stands (docs/outbox.md has the picture).
    pub enum JobState {
        Pending => "pending",
        Running => "running",
        Succeeded => "succeeded",
        Dead => "dead",
        Cancelled => "cancelled",
        /// An attempt's end is not known and the call cannot be repeated safely.
        Uncertain => "uncertain",
    }
}

text_enum! {
    /// What a job is part of. The first goes first, and each keeps a slot of its own (`room`).
    pub enum Lane {
        Payment => "payment",
        Lead => "lead",
        Webhook => "webhook",
        Message => "message",
        Sync => "sync",
        Backfill => "backfill",
    }
}

impl Lane {
    /// The two that may use up the last of a provider's calls.
    pub fn has_reserve(self) -> bool {
        matches!(self, Self::Payment | Self::Lead)
    }
}

/// What happens to the jobs behind one that failed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDead {
    /// The next of the same order key runs.
    Release,
    /// They are held until a person has decided: no payment after an invoice that was never made.
    Hold,
}

/// What a failure of the provider itself (5xx, no answer) costs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOutage {
    /// Nothing but time: it is tried again as soon as the provider works, for seven days.
    Wait,
    /// One of its attempts, by its own schedule. While the breaker holds the connection nothing is tried, and nothing is used up.
    Retry,
}

/// What came of one attempt.
#[derive(Debug)]
pub enum Outcome {
    /// It is done; the note is kept on the job.
    Done(Value),
    /// Not now, for a reason that is nobody's fault; uses up no attempt.
    Snooze { until: UtcTime, why: String },
    /// It failed; the class decides whether it is tried again.
    Failed(Failure),
    /// It may have happened: a person (or a probe) decides.
    Uncertain(String),
}

/// The outcome of one member, with the call that led to it.
#[derive(Debug)]
pub struct Report {
    pub outcome: Outcome,
    /// The member's own part of the provider call.
    pub exchange: Option<Exchange>,
}

impl From<Outcome> for Report {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, exchange: None }
    }
}

/// One claimed member of a run.
#[derive(Clone, Debug)]
pub struct Claimed<J> {
    pub id: JobId,
    pub job: J,
    pub line: LineId,
    /// 1 for the first.
    pub attempt: i64,
    /// Where a long job says how far it is.
    pub progress: Progress,
    /// The kinds there are, for a job that acts on other jobs.
    pub registry: Registry,
}

/// A change of a job that its feature mirrors on its own rows, in the same transaction.
#[derive(Debug)]
pub struct Change<'a, J> {
    pub id: JobId,
    pub job: J,
    pub line: &'a LineId,
    pub state: JobState,
    /// Attempts used up so far.
    pub attempts: i64,
    /// Why it failed or waits, in words.
    pub error: Option<&'a str>,
    /// What `Outcome::Done` brought.
    pub note: Option<&'a Value>,
    /// The provider's answer, redacted.
    pub response: Option<&'a str>,
    pub at: UtcTime,
    /// A look at an uncertain job brought it, or brought nothing new.
    pub by_look: bool,
}

/// Whether an attempt whose end is unknown may simply be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeatable {
    /// It does no harm: each call carries an idempotency key of ours, or looks before it writes.
    Always,
    /// Where the connection keeps our own id as a unique field; the claim asks the connection.
    WithExternalField,
    /// A probe or a person must find out first.
    Never,
}

/// A kind of job. Carries ids, not copies.
pub trait Job: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Stable for ever: rows carry it.
    const KIND: &'static str;
    const LANE: Lane;
    /// How many failures of the record it may have.
    const ATTEMPTS_MAX: i64 = 3;
    /// After this many seconds an attempt is given up.
    const TIMEOUT_S: u64 = 60;
    /// Whether running it twice does harm.
    const REPEATABLE: Repeatable;
    /// Seconds to wait after the first, second, … failure of the record; the last repeats.
    const RETRY_AFTER_S: &'static [u32] = &[60, 300];
    /// What a failure of the provider itself costs it.
    const ON_OUTAGE: OnOutage = OnOutage::Wait;
    /// The provider whose connection it needs; its jobs wait while that is blocked.
    const CONNECTION: Option<&'static str> = None;
    /// How many members one run may take.
    const BATCH_MAX: usize = 1;
    /// How many runs of it one process has under way: what becomes ready meanwhile waits for the next run, which is larger. For kinds
    /// whose runs wait for each other anyway.
    const RUNS_MAX: usize = usize::MAX;
    /// How many members the first runs take: batches grow while under 10 % of them fail, and shrink when over 30 % do.
    const BATCH_START: usize = Self::BATCH_MAX;
    /// Calls to the provider that one run makes at most: so many are reserved at the claim, and what was not used is given back.
    const CALLS: u32 = 1;
    /// When to look up what became of an uncertain job: so many seconds after its answer was lost. Empty: a person looks.
    const PROBE_AFTER_S: &'static [u32] = &[];
    /// Calls to the provider that one look makes at most.
    const PROBE_CALLS: u32 = 1;
    /// What happens to the jobs behind one that failed for good.
    const ON_DEAD: OnDead = OnDead::Release;

    /// False where `reflect` is not written: then nothing is read for it.
    const MIRRORS: bool = true;

    /// Runs the members and reports one outcome each, in their order.
    fn run_batch(app: &App, members: &[Claimed<Self>]) -> impl Future<Output = Vec<Report>> + Send;

    /// Looks up whether an attempt whose end is not known has had its effect. Changes nothing anywhere.
    fn probe(_app: &App, _member: &Claimed<Self>) -> impl Future<Output = Probed> + Send {
        async { Probe::CannotTell("Nobody knows how to look it up: look for it yourself, then decide.".into()).into() }
    }

    /// Mirrors changes of jobs on the feature's own rows, in the transaction that makes them.
    fn reflect(_tx: &mut Tx<'_>, _changes: &[Change<'_, Self>]) -> diesel::QueryResult<()> {
        Ok(())
    }
}
