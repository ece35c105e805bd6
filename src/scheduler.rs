//! Ticks once a second: fires what is due, seals what was audited, links what happened to contacts, and forgets what is too old to
//! keep. What is due is decided by rows (`outbox::schedules`); nothing here needs to be on time, and two processes that tick together
//! do no harm.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::app::App;
use crate::outbox::schedules::{self, Schedule};
use crate::{Error, Result, audit, contacts, seller};

const TICK: Duration = Duration::from_secs(1);
/// Retention runs with every so many ticks.
const RETENTION_EVERY: u64 = 60;

/// Ticks until `stop` turns true. A tick under way is finished: it is one short transaction.
pub async fn keep_ticking(app: App, due: Vec<Schedule>, mut stop: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(TICK);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ticks: u64 = 0;
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => continue,
            _ = every.tick() => {}
        }
        if let Err(cause) = tick(&app, &due).await {
            tracing::warn!(error = %cause, "Schedules could not be looked at; trying again in a second");
        }
        if let Err(cause) = audit::seal_new(&app).await {
            tracing::warn!(error = %cause, "New audit rows could not be sealed; trying again in a second");
        }
        if let Err(cause) = contacts::link_new(&app).await {
            tracing::warn!(error = %cause, "New events could not be linked to contacts; trying again in a second");
        }
        if ticks.is_multiple_of(RETENTION_EVERY)
            && let Err(cause) = app.store.forget_old_batches().await
        {
            tracing::warn!(error = %cause, "Old batch ids could not be forgotten; trying again in a minute");
        }
        ticks += 1;
    }
}

/// Fires what is due now, in the seller's zone as it is saved by now; tells how many fired.
pub async fn tick(app: &App, due: &[Schedule]) -> Result<usize> {
    let config = app.config.clone();
    let seller = app.store.read(move |conn| seller::current(conn, &config).map_err(Error::from)).await?;
    schedules::tick(app, &schedules::in_local_zone(due, seller.zone)).await
}
