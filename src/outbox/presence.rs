//! What every process does to be part of the whole, whatever its roles: it says that it lives, and keeps its clock by the
//! database's.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::engine::Engine;
use super::process::{Announcement, HEARTBEAT};
use crate::app::App;
use crate::clock::{OFFSET_MAX, OFFSET_WARNED};
use crate::db::Tx;
use crate::db::schema::processes;
use crate::error::{Error, Result};

/// After this long without a heartbeat a process counts as dead: the length of its leases.
pub const SILENT_AFTER: TimeDelta = TimeDelta::seconds(30);
/// How often a process compares its clock with the database's.
const MEASURED_EVERY: Duration = Duration::from_secs(60);

/// Measures how far the database's clock is ahead of this machine's, tells its time from now on, and writes the offset on
/// the row of the process. On SQLite there is nothing to measure.
pub async fn keep_time(app: &App) -> Result<()> {
    let Some(ahead) = app.store.clock_ahead(&app.clock).await? else { return Ok(()) };
    let was_trusted = app.clock.is_trustworthy();
    app.clock.correct(ahead);
    warn(app, ahead, was_trusted);
    let (id, ahead_ms) = (app.process_id.clone(), ahead.num_milliseconds());
    let note = move |tx: &mut Tx<'_>| -> Result<()> {
        let this = processes::table.filter(processes::id.eq(&id));
        diesel::update(this).set(processes::clock_ahead_ms.eq(ahead_ms)).execute(tx.conn())?;
        Ok(())
    };
    app.store.write("processes.note_clock", &app.process_id, note).await.map_err(Error::from)
}

fn warn(app: &App, ahead: TimeDelta, was_trusted: bool) {
    let offset_ms = ahead.num_milliseconds();
    if !app.clock.is_trustworthy() {
        tracing::error!(
            offset_ms,
            limit_ms = OFFSET_MAX.num_milliseconds(),
            "This machine's clock is too far from the database's: nothing is claimed until it is set right (check its NTP)"
        );
    } else if ahead.abs() > OFFSET_WARNED {
        tracing::warn!(offset_ms, "This machine's clock differs from the database's; it is corrected for, but check its NTP");
    } else if !was_trusted {
        tracing::info!(offset_ms, "This machine's clock agrees with the database's again");
    }
}

/// Measures every minute until `stop` turns true; the first time at once.
pub async fn keep_time_while_running(app: App, mut stop: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(MEASURED_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => continue,
            _ = every.tick() => {}
        }
        if let Err(cause) = keep_time(&app).await {
            tracing::warn!(error = %cause, "The database's clock could not be read; trying again in a minute");
        }
    }
}

/// For a process without a worker, which beats for itself: says that it lives until `stop` turns true, then says good-bye.
pub async fn beat_while_running(engine: Engine, announcement: Announcement, mut stop: watch::Receiver<bool>) {
    let mut every = tokio::time::interval(HEARTBEAT);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !*stop.borrow() {
        tokio::select! {
            _ = stop.changed() => continue,
            _ = every.tick() => {}
        }
        if let Err(cause) = engine.beat(announcement.clone()).await {
            tracing::warn!(error = %cause, "The heartbeat could not be written");
        }
    }
    if let Err(cause) = engine.leave().await {
        tracing::warn!(error = %cause, "This process could not say good-bye; its row stays for a week");
    }
}
