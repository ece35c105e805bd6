//! Makes the looks that are due: beside the worker's turns, a few at a time.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::watch;

use super::engine::{CLAIMS, Engine};
use super::probe::{Probe, Probed};
use super::probe_queries::{self, Look, Looked};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::http::Meter;
use crate::integrations::{Failure, FailureClass};

/// Looks under way at once.
const AT_ONCE: usize = 5;
/// How often it is asked whether a look is due.
const EVERY: Duration = Duration::from_secs(2);

/// Looks until `stop` turns true. A look under way then is waited for by whoever holds this task.
pub(super) async fn keep_looking(engine: Engine, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match engine.look_up_due().await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(cause) => tracing::warn!(error = %cause, "Uncertain jobs could not be looked up; trying again"),
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

impl Engine {
    /// Looks up the uncertain jobs whose time has come, a few of them at once. Returns how many.
    pub async fn look_up_due(&self) -> Result<usize> {
        self.look_up_some(AT_ONCE).await
    }

    /// The same, at most so many at once: one by one, their order is certain.
    pub async fn look_up_some(&self, at_once: usize) -> Result<usize> {
        let (registry, process_id, now) = (self.registry.clone(), self.app.process_id.clone(), self.app.clock.now());
        if !self.app.store.read(move |conn| probe_queries::is_any_due(conn, now).map_err(Error::from)).await? {
            return Ok(0);
        }
        let claim = move |tx: &mut Tx<'_>| probe_queries::claim(tx, &registry, &process_id, now, at_once).map_err(Error::from);
        let looks: Vec<Look> = self.app.store.write("outbox.claim_looks", CLAIMS, claim).await?;
        let looks: Vec<Look> = looks.into_iter().map(|look| look.held_by(&self.held)).collect();
        let looked = join_all(looks.into_iter().map(|look| self.look_up(look))).await;
        let count = looked.len();
        for looked in looked {
            let (registry, process_id, now) = (self.registry.clone(), self.app.process_id.clone(), self.app.clock.now());
            let finish = move |tx: &mut Tx<'_>| probe_queries::finish(tx, &registry, &process_id, now, &looked).map_err(Error::from);
            self.app.store.write("outbox.finish_look", CLAIMS, finish).await?;
        }
        Ok(count)
    }

    /// One look: never fails, never panics, always ends.
    async fn look_up(&self, look: Look) -> Looked {
        let meter = Meter::default();
        let probed = match self.registry.get(&look.row.kind) {
            Some(spec) => {
                let work = AssertUnwindSafe(meter.around((spec.probe)(&self.app, &self.registry, &look.row))).catch_unwind();
                match tokio::time::timeout(Duration::from_secs(spec.timeout_s), work).await {
                    Ok(Ok(Ok(probed))) => probed,
                    Ok(Ok(Err(cause))) => Probe::CannotTell(format!("It cannot be looked up: {cause:#}.")).into(),
                    Ok(Err(_panic)) => {
                        tracing::error!(job.kind = %look.row.kind, "Looking up a job panicked; this is a bug");
                        Probe::CannotTell("The program met a bug of its own while looking it up: look for it yourself.".into()).into()
                    }
                    Err(_elapsed) => failed(format!("No end within {} s", spec.timeout_s)),
                }
            }
            None => failed("This program does not know the kind".into()),
        };
        Looked { look, probed, calls: meter.calls() }
    }
}

fn failed(why: String) -> Probed {
    Probe::Failed(Failure::of_call(FailureClass::Network, why)).into()
}
