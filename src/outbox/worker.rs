//! The loop that turns the engine: claims again at once when work is left or a call ends, sleeps until woken otherwise.

use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use super::engine::Engine;
use super::process::{Announcement, HEARTBEAT};
use crate::clock::Stopwatch;
use crate::db::Topic;

/// Calls under way at once in one process.
const RUNS_MAX: usize = 5;
/// Other processes' enqueues are found by looking: soon after work, seldom when idle.
const POLL_BUSY: Duration = Duration::from_millis(20);
const POLL_IDLE: Duration = Duration::from_secs(1);
/// How long open calls may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(15);

/// Runs until `stop` turns true, then finishes or gives back what it holds.
pub async fn work(engine: Engine, announcement: Announcement, mut stop: watch::Receiver<bool>) {
    let mut wake = engine.app().store.subscribe();
    let mut runs = JoinSet::new();
    let beats = tokio::spawn(keep_beating(engine.clone(), announcement));
    let mut pause = POLL_BUSY;
    while !*stop.borrow() {
        let free = RUNS_MAX - runs.len();
        match engine.claim(free).await {
            Ok(batches) if !batches.is_empty() => {
                pause = POLL_BUSY;
                for batch in batches {
                    let engine = engine.clone();
                    runs.spawn(async move { engine.run(batch).await });
                }
                if runs.len() < RUNS_MAX {
                    continue;
                }
            }
            Ok(_) => pause = (pause * 2).min(POLL_IDLE),
            Err(cause) => {
                tracing::warn!(error = %cause, "Jobs could not be claimed; trying again");
                pause = POLL_IDLE;
            }
        }
        tokio::select! {
            _ = stop.changed() => {}
            Some(ended) = runs.join_next(), if !runs.is_empty() => note_end(ended),
            () = woken(&mut wake), if runs.len() < RUNS_MAX => pause = POLL_BUSY,
            () = tokio::time::sleep(pause) => {}
        }
    }
    drain(&engine, runs).await;
    beats.abort();
}

/// Waits for a committed write that may have made a job ready.
async fn woken(wake: &mut broadcast::Receiver<Topic>) {
    loop {
        match wake.recv().await {
            Ok(Topic::Jobs | Topic::Connections) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

async fn drain(engine: &Engine, mut runs: JoinSet<crate::Result<()>>) {
    let since = Stopwatch::start();
    while !runs.is_empty() {
        let left = DRAIN.saturating_sub(since.elapsed());
        match tokio::time::timeout(left, runs.join_next()).await {
            Ok(Some(ended)) => note_end(ended),
            Ok(None) => break,
            Err(_elapsed) => {
                tracing::warn!(open_calls = runs.len(), "Calls still open at the end of the shutdown are given back");
                runs.shutdown().await;
            }
        }
    }
    if let Err(cause) = engine.leave().await {
        tracing::warn!(error = %cause, "The worker could not say good-bye; its jobs are rescued when its lease runs out");
    }
}

fn note_end(ended: Result<crate::Result<()>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(cause)) => {
            tracing::error!(error = %cause, "The outcome of a run could not be written; the sweep for lost leases takes it back")
        }
        Err(cause) => tracing::error!(error = %cause, "A run ended unexpectedly"),
    }
}

/// Heartbeats apart from the work, so that a long call does not look like death; the rescue sweep rides along.
async fn keep_beating(engine: Engine, announcement: Announcement) {
    let mut every = tokio::time::interval(HEARTBEAT);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(cause) = engine.beat(announcement.clone()).await {
            tracing::warn!(error = %cause, "The heartbeat could not be written");
            continue;
        }
        match engine.rescue_silent().await {
            Ok(0) => {}
            Ok(rescued) => tracing::warn!(rescued, "Jobs of a process that ended were taken back"),
            Err(cause) => tracing::warn!(error = %cause, "The rescue sweep failed"),
        }
        match engine.rescue_lost().await {
            Ok(0) => {}
            Ok(rescued) => tracing::warn!(rescued, "Jobs whose claim or outcome was lost with the database were taken back"),
            Err(cause) => tracing::warn!(error = %cause, "The sweep for lost leases failed"),
        }
    }
}
