//! Ticks once a second: fires what is due and forgets what is too old to keep. What is due is decided by rows
//! (`outbox::schedules`); tokio-cron-scheduler only ticks.

use tokio::sync::watch;
use tokio_cron_scheduler::{Job, JobScheduler};

use crate::app::App;
use crate::outbox::schedules::{self, Schedule};

/// Ticks until `stop` turns true.
pub async fn keep_ticking(app: App, due: Vec<Schedule>, mut stop: watch::Receiver<bool>) {
    match ticker(app, due).await {
        Ok(mut ticker) => {
            // The guard must not live across the next await.
            drop(stop.wait_for(|stop| *stop).await);
            if let Err(cause) = ticker.shutdown().await {
                tracing::warn!(error = %cause, "The ticker did not stop cleanly");
            }
        }
        Err(cause) => tracing::error!(error = %cause, "Schedules cannot tick; nothing that is due by the clock will run"),
    }
}

async fn ticker(app: App, due: Vec<Schedule>) -> anyhow::Result<JobScheduler> {
    let ticker = JobScheduler::new().await?;
    let schedules_app = app.clone();
    let schedules = Job::new_async("* * * * * *", move |_, _| {
        let (app, due) = (schedules_app.clone(), due.clone());
        Box::pin(async move {
            if let Err(cause) = schedules::tick(&app, &due).await {
                tracing::warn!(error = %cause, "Schedules could not be looked at; trying again in a second");
            }
        })
    })?;
    let retention = Job::new_async("30 * * * * *", move |_, _| {
        let app = app.clone();
        Box::pin(async move {
            if let Err(cause) = app.store.forget_old_batches().await {
                tracing::warn!(error = %cause, "Old batch ids could not be forgotten; trying again in a minute");
            }
        })
    })?;
    ticker.add(schedules).await?;
    ticker.add(retention).await?;
    ticker.start().await?;
    Ok(ticker)
}
