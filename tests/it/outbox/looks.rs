//! The worker where a look at everything costs too much: its claims look behind their floors, and what is below one is found
//! all the same.

use std::time::Duration;

use chrono::TimeDelta;
use throughline::clock::UtcTime;
use throughline::db::Topic;
use throughline::outbox::{Announcement, worker};
use tokio::sync::watch;

use super::kit::{self, Does, FREE, Step, Urgent};
use crate::harness::{Whole, both_engines};

/// The most a test waits for what should come at once.
const PATIENCE: Duration = Duration::from_secs(30);

async fn put(whole: &Whole, name: &str, run_at: UtcTime) {
    kit::put_at(whole, Step { name: name.into(), does: Does::Done }, FREE, run_at).await;
}

/// Waits, on commits rather than on the clock, until so many have run.
async fn until_ran(whole: &Whole, count: usize) -> Vec<String> {
    let mut changes = whole.app.store.subscribe();
    let waited = tokio::time::timeout(PATIENCE, async {
        while kit::ran(whole).len() < count {
            while !matches!(changes.recv().await, Ok(Topic::Jobs) | Err(_)) {}
        }
    });
    assert!(waited.await.is_ok(), "only {:?} had run", kit::ran(whole));
    kit::ran(whole)
}

both_engines! {
    async fn a_job_that_becomes_ready_below_what_was_claimed_is_found(app: TestApp) {
        let whole = app.whole().await;
        let now = app.clock.now();
        let announcement = Announcement {
            id: whole.app.process_id.clone(), role: "worker".into(), version: "1".into(), host: "h".into(), started_at: now, heartbeat_at: now,
        };
        let (stop, stopped) = watch::channel(false);
        let worker = tokio::spawn(worker::work(kit::engine(&whole).with_costly_look(Duration::ZERO), announcement, stopped));

        put(&whole, "first", now).await;
        assert_eq!(until_ran(&whole, 1).await, ["first"]);
        // As after a write that was committed late, or a job that a process which ended gave back.
        put(&whole, "an hour below", now - TimeDelta::hours(1)).await;
        assert_eq!(until_ran(&whole, 2).await, ["first", "an hour below"]);
        kit::put(&whole, Urgent { name: "of another lane".into(), does: Does::Done }, FREE).await;
        put(&whole, "above", now).await;
        let mut ran = until_ran(&whole, 4).await.split_off(2);
        ran.sort();
        assert_eq!(ran, ["above", "of another lane"]);

        stop.send(true).expect("the worker listens");
        worker.await.expect("the worker ends");
    }
}
