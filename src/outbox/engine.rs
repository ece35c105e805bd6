//! One turn of the engine: claim, run, finish. The worker turns it for ever, tests turn it until nothing is left.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::breaker;
use super::claim::{self, Claim, Claimant, Run};
use super::finish::{self, Ended};
use super::held::Held;
use super::kind::{Outcome, Report};
use super::looks::{self, Look, Looks};
use super::pace::Pace;
use super::policy::{Circumstances, Verdict};
use super::process::{self, Announcement, Rescuer, Whom};
use super::registry::{KindSpec, Registry};
use super::room::{InUse, Room};
use super::survey::{self, Group};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Conn, Engine as DatabaseEngine, Tx};
use crate::error::{Error, Result};
use crate::http::Meter;
use crate::integrations::{Failure, FailureClass};
use crate::random;

/// Whatever claims, but for the worker's turns, goes through one writer.
pub(super) const CLAIMS: &str = "outbox.claim";

/// Claims, runs and finishes on behalf of one process.
#[derive(Clone)]
pub struct Engine {
    pub(super) app: App,
    pub(super) registry: Registry,
    pub(super) held: Held,
    pace: Pace,
    costly_look: Duration,
}

impl Engine {
    /// An engine for the kinds of the registry.
    pub fn new(app: App, registry: Registry) -> Self {
        Self { app, registry, held: Held::default(), pace: Pace::default(), costly_look: looks::COSTLY }
    }

    /// From which cost on claims no longer look at everything themselves; tests set it to zero.
    #[must_use]
    pub fn with_costly_look(self, costly_look: Duration) -> Self {
        Self { costly_look, ..self }
    }

    pub(super) fn looks(&self) -> Looks {
        Looks::new(self.costly_look, self.app.store.engine())
    }

    /// The program's shared parts.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Claims at most so many runs, whoever's turn it is.
    pub async fn claim(&self, runs_max: usize) -> Result<Vec<Run>> {
        Ok(self.claim_into(CLAIMS, Room::of(runs_max, InUse::default()), Look::All).await?.runs)
    }

    /// Claims what there is room for.
    pub(super) async fn claim_into(&self, key: &str, room: Room, look: Look) -> Result<Claim> {
        if !self.app.clock.is_trustworthy() {
            return Ok(Claim::default());
        }
        let by = Claimant {
            registry: self.registry.clone(),
            pace: self.pace.clone(),
            process_id: self.app.process_id.clone(),
            now: self.app.clock.now(),
        };
        let claim = move |tx: &mut Tx<'_>| claim::claim(tx, &by, room.clone(), &look).map_err(Error::from);
        let claim: Claim = self.app.store.write("outbox.claim", key, claim).await?;
        let runs = claim.runs.into_iter().map(|run| run.held_by(&self.held)).collect();
        Ok(Claim { runs, ..claim })
    }

    /// Looks at everything that is ready, beside the claims.
    pub(super) async fn sweep(&self) -> Result<Vec<Group>> {
        let registry = self.registry.clone();
        self.app.store.read(move |conn| survey::groups(conn, &registry).map_err(Error::from)).await
    }

    /// Runs a claimed batch to its end: never fails, never panics, always ends.
    pub async fn attempt(&self, run: Run) -> Ended {
        let Some(spec) = self.registry.get(run.kind) else {
            return Ended { run, calls: 0, finished: Vec::new() };
        };
        let meter = Meter::default();
        let reports = self.try_once(spec, &run, &meter).await;
        let last_success_at = self.last_success_of(spec, &reports).await;
        let about = Circumstances {
            retry_after_s: spec.retry_after_s,
            on_outage: spec.on_outage,
            last_success_at,
            members: run.rows.len(),
            jitter: 0.9 + 0.2 * random::fraction(),
            now: self.app.clock.now(),
        };
        let ended = finish::judge(run, reports, &meter, about);
        self.learn_pace(spec, &ended);
        report_failures(&ended);
        ended
    }

    /// Writes down what came of runs. Returns how many jobs were finished: those whose lease still held. May be tried again
    /// with a clone of what is shared.
    pub async fn finish(&self, ended: impl Into<Arc<Vec<Ended>>>) -> Result<usize> {
        self.finish_by(CLAIMS, ended.into()).await
    }

    pub(super) async fn finish_by(&self, key: &str, ended: Arc<Vec<Ended>>) -> Result<usize> {
        let (registry, process_id, now) = (self.registry.clone(), self.app.process_id.clone(), self.app.clock.now());
        let finish = move |tx: &mut Tx<'_>| finish::finish(tx, &registry, &process_id, now, &ended).map_err(Error::from);
        Ok(self.app.store.write("outbox.finish", key, finish).await?)
    }

    /// Runs everything that is ready, and what becomes ready through it, until nothing is. For tests and for commands.
    pub async fn run_until_idle(&self) -> Result<usize> {
        let mut runs = 0;
        loop {
            let claimed = self.claim(1).await?;
            if claimed.is_empty() {
                match self.look_up_due().await? {
                    0 => return Ok(runs),
                    looks => runs += looks,
                }
            }
            for run in claimed {
                let ended = self.attempt(run).await;
                self.finish(vec![ended]).await?;
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
        self.rescue(Whom::Lost { jobs: self.held.jobs(), reservations: self.held.reservations() }).await
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
        let mut rescued_total = 0;
        loop {
            let (own_id, now, sought) = (self.app.process_id.clone(), self.app.clock.now(), whom.clone());
            let find = move |conn: &mut Conn| process::orphans(conn, now, &own_id, &sought).map_err(Error::from);
            let found = self.app.store.read(find).await?;
            let (registry, own_id, whom) = (self.registry.clone(), self.app.process_id.clone(), whom.clone());
            let take_back = move |tx: &mut Tx<'_>| {
                process::rescue(tx, &Rescuer { registry: &registry, now, own_id: &own_id, whom: &whom }, &found).map_err(Error::from)
            };
            let rescued = self.app.store.write("outbox.rescue", CLAIMS, take_back).await?;
            if rescued == 0 {
                return Ok(rescued_total);
            }
            rescued_total += rescued;
        }
    }

    async fn try_once(&self, spec: &KindSpec, run: &Run, meter: &Meter) -> Vec<Report> {
        let work = AssertUnwindSafe(meter.around((spec.run)(&self.app, &self.registry, &run.rows))).catch_unwind();
        let ended = tokio::time::timeout(Duration::from_secs(spec.timeout_s), work).await;
        let failure = match ended {
            Ok(Ok(Ok(reports))) => return reports,
            Ok(Ok(Err(cause))) => own_failure(format!("{cause:#}")),
            Ok(Err(_panic)) => {
                tracing::error!(job.kind = run.kind, "A job handler panicked; this is a bug");
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
        // Of a run of several the last call holds what is others'.
        let exchange = meter.last().filter(|_| run.rows.len() == 1);
        run.rows.iter().map(|_| Report { outcome: Outcome::Failed(failure.clone()), exchange: exchange.clone() }).collect()
    }

    /// When the connection last worked; asked only where the answer decides whose fault a failure is. Not known: then the
    /// failure is not held against the record.
    async fn last_success_of(&self, spec: &KindSpec, reports: &[Report]) -> Option<UtcTime> {
        let provider = spec.connection?;
        let asks = |report: &Report| match &report.outcome {
            Outcome::Failed(failure) => matches!(failure.class, FailureClass::ServerError | FailureClass::Network),
            _ => false,
        };
        if !reports.iter().any(asks) {
            return None;
        }
        let find = move |conn: &mut Conn| -> Result<Option<UtcTime>> {
            Ok(breaker::all(conn)?.into_iter().find(|state| state.provider == provider).and_then(|state| state.last_success_at))
        };
        self.app.store.read(find).await.unwrap_or_default()
    }

    fn learn_pace(&self, spec: &KindSpec, ended: &Ended) {
        // A provider that is down says nothing about the size of a batch; the breaker deals with it.
        let is_of_batch = |verdict| matches!(verdict, Verdict::Works | Verdict::SaysNothing);
        let failed = ended.finished.iter().map(|finished| &finished.settlement);
        let failed = failed
            .filter(|settlement| settlement.error.is_some() && settlement.batch_limit.is_none() && is_of_batch(settlement.verdict))
            .count();
        let size = self.pace.size(ended.run.kind, spec.batch_start, spec.batch_max);
        self.pace.learn(ended.run.kind, size, spec.batch_max, ended.finished.len(), failed);
    }
}

/// A failure of ours rather than the provider's: it uses up an attempt, so that it cannot go on for ever.
fn own_failure(message: String) -> Failure {
    Failure { class: FailureClass::ServerError, message, retry_after_s: None, effect_unknown: false, of_record: true }
}

fn report_failures(ended: &Ended) {
    for (row, finished) in ended.run.rows.iter().zip(&ended.finished) {
        if let Some(error) = &finished.settlement.error {
            tracing::warn!(
                job.id = row.id.0,
                job.kind = %row.kind,
                line.id = %row.line_id,
                class = finished.settlement.class.map_or("", FailureClass::as_str),
                state = finished.settlement.state.as_str(),
                "Job failed: {error}"
            );
        }
    }
}
