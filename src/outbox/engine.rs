//! One turn of the engine: claim, run, finish. The worker turns it for ever, tests turn it until nothing is left.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::breaker;
use super::claim::{self, Batch};
use super::finish;
use super::held::Held;
use super::kind::{Outcome, Report};
use super::policy::Circumstances;
use super::process::{self, Announcement, Whom};
use super::registry::{KindSpec, Registry};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Engine as DatabaseEngine;
use crate::error::{Error, Result};
use crate::http::CallLog;
use crate::integrations::{Failure, FailureClass};
use crate::random;

/// Claims, runs and finishes on behalf of one process.
#[derive(Clone)]
pub struct Engine {
    app: App,
    registry: Registry,
    held: Held,
}

impl Engine {
    /// An engine for the kinds of the registry.
    pub fn new(app: App, registry: Registry) -> Self {
        Self { app, registry, held: Held::default() }
    }

    /// The program's shared parts.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Claims up to `runs_max` batches.
    pub(super) async fn claim(&self, runs_max: usize) -> Result<Vec<Batch>> {
        let (registry, process_id, now) = (self.registry.clone(), self.app.process_id.clone(), self.app.clock.now());
        let kinds = registry.clone();
        if !self.app.store.read(move |conn| claim::is_any_ready(conn, &kinds, now).map_err(Error::from)).await? {
            return Ok(Vec::new());
        }
        let claim = move |tx: &mut crate::db::Tx<'_>| claim::claim(tx, &registry, &process_id, now, runs_max).map_err(Error::from);
        Ok(self.app.store.write("outbox.claim", "outbox.claim", claim).await?)
    }

    /// Runs a claimed batch to its end and writes down what came of it.
    pub(super) async fn run(&self, batch: Batch) -> Result<()> {
        let Some(spec) = self.registry.get(&batch.kind) else { return Ok(()) };
        let _held = self.held.hold(batch.lease_token);
        let reports = self.attempt(spec, &batch).await;
        self.finish(batch, reports).await
    }

    /// Runs everything that is ready, and what becomes ready through it, until nothing is. For tests and for commands.
    pub async fn run_until_idle(&self) -> Result<usize> {
        let mut runs = 0;
        loop {
            let batches = self.claim(1).await?;
            if batches.is_empty() {
                return Ok(runs);
            }
            for batch in batches {
                self.run(batch).await?;
                runs += 1;
            }
        }
    }

    /// Says that this process lives.
    pub async fn beat(&self, announcement: Announcement) -> Result<()> {
        let announcement = Announcement { heartbeat_at: self.app.clock.now(), ..announcement };
        let key = announcement.id.clone();
        Ok(self.app.store.write("outbox.beat", &key, move |tx| process::beat(tx, &announcement).map_err(Error::from)).await?)
    }

    /// Takes back the jobs of processes that stopped beating.
    pub async fn rescue_silent(&self) -> Result<usize> {
        self.rescue(Whom::Silent).await
    }

    /// Takes back jobs that this process leased and does not run: the answer to the claim was lost, or their outcome could
    /// not be written. Its own heartbeats would keep such leases alive for ever.
    pub async fn rescue_lost(&self) -> Result<usize> {
        self.rescue(Whom::Lost(self.held.tokens())).await
    }

    /// At start: on SQLite no other process can live, so every running job is an orphan at once.
    pub async fn rescue_at_start(&self) -> Result<usize> {
        let whom = match self.app.store.engine() {
            DatabaseEngine::Sqlite => Whom::Others,
            DatabaseEngine::Postgres => Whom::Silent,
        };
        self.rescue(whom).await
    }

    /// At the end of a shutdown: gives back what this process still holds, and says good-bye.
    pub async fn leave(&self) -> Result<()> {
        self.rescue(Whom::Own).await?;
        let id = self.app.process_id.clone();
        Ok(self.app.store.write("outbox.leave", &self.app.process_id, move |tx| process::leave(tx, &id).map_err(Error::from)).await?)
    }

    async fn rescue(&self, whom: Whom) -> Result<usize> {
        let (registry, own_id, clock) = (self.registry.clone(), self.app.process_id.clone(), self.app.clock.clone());
        let mut rescued_total = 0;
        loop {
            let (registry, own_id, now, whom) = (registry.clone(), own_id.clone(), clock.now(), whom.clone());
            let sweep = move |tx: &mut crate::db::Tx<'_>| process::rescue(tx, &registry, now, &own_id, &whom).map_err(Error::from);
            let rescued = self.app.store.write("outbox.rescue", "outbox.claim", sweep).await?;
            if rescued == 0 {
                return Ok(rescued_total);
            }
            rescued_total += rescued;
        }
    }

    /// One attempt of a batch: never fails, never panics, always ends.
    async fn attempt(&self, spec: &KindSpec, batch: &Batch) -> Vec<Report> {
        let calls = CallLog::default();
        let work = AssertUnwindSafe((spec.run)(self.app.clone(), batch.rows.clone(), calls.clone())).catch_unwind();
        let ended = tokio::time::timeout(Duration::from_secs(spec.timeout_s), work).await;
        let failure = match ended {
            Ok(Ok(Ok(reports))) => return reports,
            Ok(Ok(Err(cause))) => own_failure(format!("{cause:#}")),
            Ok(Err(_panic)) => {
                tracing::error!(job.kind = %batch.kind, "A job handler panicked; this is a bug");
                Failure { effect_unknown: true, ..own_failure("The program met a bug of its own while running this".into()) }
            }
            Err(_elapsed) => Failure {
                class: FailureClass::Network,
                message: format!("No end within {} s", spec.timeout_s),
                retry_after_s: None,
                effect_unknown: true,
                of_record: false,
            },
        };
        let exchange = calls.take().pop();
        batch.rows.iter().map(|_| Report { outcome: Outcome::Failed(failure.clone()), exchange: exchange.clone() }).collect()
    }

    async fn finish(&self, batch: Batch, reports: Vec<Report>) -> Result<()> {
        let now = self.app.clock.now();
        // Not known: then the failure is not held against the record. A database that is away now is waited for below.
        let last_success_at = self.last_success_of(&batch).await.unwrap_or_default();
        let Some(spec) = self.registry.get(&batch.kind) else { return Ok(()) };
        let jitter = 0.9 + 0.2 * random::fraction();
        let about = Circumstances { retry_after_s: spec.retry_after_s, last_success_at, jitter, now };
        let kind = batch.kind.clone();
        let finished = Arc::new(finish::judge(batch.rows, batch.lease_token, reports, about));
        report_failures(&finished);
        let (registry, process_id, key) = (self.registry.clone(), self.app.process_id.clone(), format!("{kind}:{}", batch.lease_token));
        self.until_written(&key, move |tx| {
            let Some(spec) = registry.get(&kind) else { return Ok(()) };
            finish::finish(tx, spec, &process_id, now, &finished).map(drop).map_err(Error::from)
        })
        .await
    }

    /// What a provider did must be written down: a database that is away is waited for, as long as the lease may last.
    async fn until_written(
        &self,
        key: &str,
        change: impl Fn(&mut crate::db::Tx<'_>) -> Result<()> + Clone + Send + Sync + 'static,
    ) -> Result<()> {
        let mut tries = 0;
        loop {
            match self.app.store.write("outbox.finish", key, change.clone()).await {
                Ok(()) => return Ok(()),
                Err(cause) if tries < 60 => {
                    tries += 1;
                    tracing::warn!(error = %cause, tries, "The outcome of a run could not be written yet");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(cause) => return Err(cause.into()),
            }
        }
    }

    async fn last_success_of(&self, batch: &Batch) -> Result<Option<UtcTime>> {
        let Some(provider) = batch.rows.iter().find_map(|row| row.connection.clone()) else { return Ok(None) };
        let find = move |conn: &mut crate::db::Conn| -> Result<Option<UtcTime>> {
            Ok(breaker::all(conn)?.into_iter().find(|state| state.provider == provider).and_then(|state| state.last_success_at))
        };
        self.app.store.read(find).await
    }
}

/// A failure of ours rather than the provider's: it uses up an attempt, so that it cannot go on for ever.
fn own_failure(message: String) -> Failure {
    Failure { class: FailureClass::ServerError, message, retry_after_s: None, effect_unknown: false, of_record: true }
}

fn report_failures(batch: &[finish::Finished]) {
    for finished in batch {
        if let Some(error) = &finished.settlement.error {
            tracing::warn!(
                job.id = finished.row.id.0,
                job.kind = %finished.row.kind,
                line.id = %finished.row.line_id,
                class = finished.settlement.class.map_or("", FailureClass::as_str),
                state = finished.settlement.state.as_str(),
                "Job failed: {error}"
            );
        }
    }
}
