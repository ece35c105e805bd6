//! The kinds this program knows, found by the name in the row.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::kind::{Change, Claimed, Job, JobState, Repeatable, Report};
use super::row::JobRow;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::http::CallLog;

/// A change of a job before its payload is read.
#[derive(Clone, Debug)]
pub(super) struct RawChange {
    pub row: JobRow,
    pub state: JobState,
    pub attempts: i64,
    pub error: Option<String>,
    pub note: Option<Value>,
    pub response: Option<String>,
    pub at: UtcTime,
}

type Run = dyn Fn(App, Vec<JobRow>, CallLog) -> BoxFuture<'static, anyhow::Result<Vec<Report>>> + Send + Sync;
type Reflect = dyn Fn(&mut Tx<'_>, &[RawChange]) -> diesel::QueryResult<()> + Send + Sync;

/// A kind, with its types erased.
pub(super) struct KindSpec {
    pub timeout_s: u64,
    pub repeatable: Repeatable,
    pub retry_after_s: &'static [u32],
    pub batch_max: usize,
    pub run: Box<Run>,
    pub reflect: Box<Reflect>,
}

/// Every kind the program knows. A row of another kind waits for a program that knows it.
#[derive(Clone, Default)]
pub struct Registry(Arc<BTreeMap<&'static str, KindSpec>>);

impl Registry {
    /// Builds a registry; a KIND named twice stops the start.
    pub fn build(register: impl FnOnce(&mut RegistryBuilder)) -> anyhow::Result<Self> {
        let mut builder = RegistryBuilder::default();
        register(&mut builder);
        if let Some(kind) = builder.doubled {
            bail!("two job kinds are called `{kind}`; rows could not tell them apart");
        }
        Ok(Self(Arc::new(builder.kinds)))
    }

    pub(super) fn get(&self, kind: &str) -> Option<&KindSpec> {
        self.0.get(kind)
    }

    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }
}

/// Collects kinds; each feature's `jobs()` adds its own.
#[derive(Default)]
pub struct RegistryBuilder {
    kinds: BTreeMap<&'static str, KindSpec>,
    doubled: Option<&'static str>,
}

impl RegistryBuilder {
    /// Adds a kind.
    pub fn add<J: Job>(&mut self) -> &mut Self {
        let spec = KindSpec {
            timeout_s: J::TIMEOUT_S,
            repeatable: J::REPEATABLE,
            retry_after_s: J::RETRY_AFTER_S,
            batch_max: J::BATCH_MAX,
            run: Box::new(|app, rows, calls| async move { run::<J>(&app, &rows, &calls).await }.boxed()),
            reflect: Box::new(reflect::<J>),
        };
        if self.kinds.insert(J::KIND, spec).is_some() {
            self.doubled = Some(J::KIND);
        }
        self
    }
}

async fn run<J: Job>(app: &App, rows: &[JobRow], calls: &CallLog) -> anyhow::Result<Vec<Report>> {
    let mut members = Vec::with_capacity(rows.len());
    for row in rows {
        let job: J = serde_json::from_str(&row.payload).with_context(|| format!("reading the payload of job {}", row.id))?;
        members.push(Claimed { id: row.id, job, line: row.line(), attempt: row.attempts + 1, calls: calls.clone() });
    }
    let reports = J::run_batch(app, &members).await;
    if reports.len() != rows.len() {
        bail!("`{}` reported {} outcomes for {} jobs", J::KIND, reports.len(), rows.len());
    }
    Ok(reports)
}

fn reflect<J: Job>(tx: &mut Tx<'_>, raw: &[RawChange]) -> diesel::QueryResult<()> {
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
        });
    }
    J::reflect(tx, &changes)
}
