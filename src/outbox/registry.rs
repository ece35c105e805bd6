//! The kinds this program knows, found by the name in the row.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::{Context, bail};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::kind::{Change, Claimed, Job, JobState, Lane, OnDead, OnOutage, Repeatable, Report};
use super::limits::Limits;
use super::probe::Probed;
use super::progress::Progress;
use super::row::JobRow;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Tx;

/// A change of a job before its payload is read.
#[derive(Clone, Debug)]
pub(super) struct RawChange<'a> {
    pub row: &'a JobRow,
    pub state: JobState,
    pub attempts: i64,
    pub error: Option<String>,
    pub note: Option<Value>,
    pub response: Option<String>,
    pub at: UtcTime,
    pub by_look: bool,
}

impl<'a> RawChange<'a> {
    /// The job is in this state now; what else is to be said is added.
    pub(super) fn to(row: &'a JobRow, state: JobState, at: UtcTime) -> Self {
        Self { row, state, attempts: row.attempts, error: None, note: None, response: None, at, by_look: false }
    }
}

type Run = dyn for<'a> Fn(&'a App, &'a Registry, &'a [JobRow]) -> BoxFuture<'a, anyhow::Result<Vec<Report>>> + Send + Sync;
type ProbeOnce = dyn for<'a> Fn(&'a App, &'a Registry, &'a JobRow) -> BoxFuture<'a, anyhow::Result<Probed>> + Send + Sync;
type Reflect = dyn Fn(&mut Tx<'_>, &[RawChange<'_>]) -> diesel::QueryResult<()> + Send + Sync;

/// A kind, with its types erased.
pub(super) struct KindSpec {
    pub lane: Lane,
    pub timeout_s: u64,
    pub repeatable: Repeatable,
    pub retry_after_s: &'static [u32],
    pub on_outage: OnOutage,
    pub connection: Option<&'static str>,
    pub calls: u32,
    pub batch_start: usize,
    pub batch_max: usize,
    pub runs_max: usize,
    pub on_dead: OnDead,
    pub mirrors: bool,
    pub probe_after_s: &'static [u32],
    pub probe_calls: u32,
    pub run: Box<Run>,
    pub probe: Box<ProbeOnce>,
    pub reflect: Box<Reflect>,
}

/// Every kind the program knows. A row of another kind waits for a program that knows it.
#[derive(Clone, Default)]
pub struct Registry(Arc<Known>);

#[derive(Default)]
struct Known {
    kinds: BTreeMap<&'static str, KindSpec>,
    limits: BTreeMap<&'static str, Limits>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.kinds.keys()).finish()
    }
}

impl Registry {
    /// Builds a registry; a KIND named twice stops the start.
    pub fn build(register: impl FnOnce(&mut RegistryBuilder)) -> anyhow::Result<Self> {
        let mut builder = RegistryBuilder::default();
        register(&mut builder);
        if let Some(kind) = builder.doubled {
            bail!("two job kinds are called `{kind}`; rows could not tell them apart");
        }
        Ok(Self(Arc::new(Known { kinds: builder.kinds, limits: builder.limits })))
    }

    /// What the provider of this connection allows; None: nobody has said.
    pub fn limits(&self, connection: &str) -> Option<&Limits> {
        self.0.limits.get(connection)
    }

    /// The connection that jobs of this kind use.
    pub fn connection_of(&self, kind: &str) -> Option<&'static str> {
        self.get(kind).and_then(|spec| spec.connection)
    }

    /// Every kind, with its lane.
    pub fn kinds(&self) -> Vec<(&'static str, Lane)> {
        self.0.kinds.iter().map(|(kind, spec)| (*kind, spec.lane)).collect()
    }

    /// The connections whose limits are known.
    pub fn connections(&self) -> Vec<&'static str> {
        self.0.limits.keys().copied().collect()
    }

    pub(super) fn get(&self, kind: &str) -> Option<&KindSpec> {
        self.0.kinds.get(kind)
    }

    /// The kind under its lasting name.
    pub(super) fn find(&self, kind: &str) -> Option<(&'static str, &KindSpec)> {
        self.0.kinds.get_key_value(kind).map(|(kind, spec)| (*kind, spec))
    }
}

/// Collects kinds; each feature's `jobs()` adds its own.
#[derive(Default)]
pub struct RegistryBuilder {
    kinds: BTreeMap<&'static str, KindSpec>,
    limits: BTreeMap<&'static str, Limits>,
    doubled: Option<&'static str>,
}

impl RegistryBuilder {
    /// Adds a kind.
    pub fn add<J: Job>(&mut self) -> &mut Self {
        let spec = KindSpec {
            lane: J::LANE,
            timeout_s: J::TIMEOUT_S,
            repeatable: J::REPEATABLE,
            retry_after_s: J::RETRY_AFTER_S,
            on_outage: J::ON_OUTAGE,
            connection: J::CONNECTION,
            calls: J::CALLS,
            batch_start: J::BATCH_START,
            batch_max: J::BATCH_MAX,
            runs_max: J::RUNS_MAX,
            on_dead: J::ON_DEAD,
            mirrors: J::MIRRORS,
            probe_after_s: J::PROBE_AFTER_S,
            probe_calls: J::PROBE_CALLS,
            probe: Box::new(|app, registry, row| probe::<J>(app, registry, row).boxed()),
            run: Box::new(|app, registry, rows| run::<J>(app, registry, rows).boxed()),
            reflect: Box::new(reflect::<J>),
        };
        if self.kinds.insert(J::KIND, spec).is_some() {
            self.doubled = Some(J::KIND);
        }
        self
    }

    /// Says what the provider of a connection allows, over all processes.
    pub fn limit(&mut self, connection: &'static str, limits: Limits) -> &mut Self {
        self.limits.insert(connection, limits);
        self
    }
}

fn claimed<J: Job>(app: &App, registry: &Registry, row: &JobRow) -> anyhow::Result<Claimed<J>> {
    let job: J = serde_json::from_str(&row.payload).with_context(|| format!("reading the payload of job {}", row.id))?;
    let progress = Progress::new(app.store.clone(), app.clock.clone(), row.id, row.lease_token.unwrap_or_default());
    Ok(Claimed { id: row.id, job, line: row.line(), attempt: row.attempts + 1, progress, registry: registry.clone() })
}

async fn probe<J: Job>(app: &App, registry: &Registry, row: &JobRow) -> anyhow::Result<Probed> {
    Ok(J::probe(app, &claimed(app, registry, row)?).await)
}

async fn run<J: Job>(app: &App, registry: &Registry, rows: &[JobRow]) -> anyhow::Result<Vec<Report>> {
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        members.push(claimed(app, registry, row)?);
    }
    let reports = J::run_batch(app, &members).await;
    if reports.len() != rows.len() {
        bail!("`{}` reported {} outcomes for {} jobs", J::KIND, reports.len(), rows.len());
    }
    Ok(reports)
}

fn reflect<J: Job>(tx: &mut Tx<'_>, raw: &[RawChange<'_>]) -> diesel::QueryResult<()> {
    let lines: Vec<_> = raw.iter().map(|change| change.row.line()).collect();
    let mut changes = Vec::with_capacity(raw.len());
    for (change, line) in raw.iter().zip(&lines) {
        // A payload that this version cannot read has nothing to mirror; its job says so when it runs.
        let Ok(job) = serde_json::from_str::<J>(&change.row.payload) else { continue };
        changes.push(Change {
            id: change.row.id,
            job,
            line,
            state: change.state,
            attempts: change.attempts,
            error: change.error.as_deref(),
            note: change.note.as_ref(),
            response: change.response.as_deref(),
            at: change.at,
            by_look: change.by_look,
        });
    }
    J::reflect(tx, &changes)
}
