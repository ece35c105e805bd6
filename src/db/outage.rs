//! Keeps count of a database that is away: tells it once and then every few seconds, and keeps a writer from asking a
//! server that is starting again hundreds of times a second.

use std::time::Duration;

use tracing::{error, info};

use crate::clock::Stopwatch;

const TELL_EVERY: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// One writer's view of its database being away.
#[derive(Default)]
pub(super) struct Outage(Option<Away>);

struct Away {
    since: Stopwatch,
    told: Stopwatch,
    asked: Stopwatch,
    refused: usize,
    why: String,
}

impl Outage {
    /// Why it was away a moment ago: too soon to ask again.
    pub(super) fn just_now(&self) -> Option<String> {
        self.0.as_ref().filter(|away| away.asked.elapsed() < ASK_EVERY).map(|away| away.why.clone())
    }

    /// It was asked and is away.
    pub(super) fn met(&mut self, why: &str) {
        let now = Stopwatch::start();
        match &mut self.0 {
            Some(away) => away.asked = now,
            None => {
                error!(error = why, "The database cannot be reached; writes are refused until it can");
                self.0 = Some(Away { since: now, told: now, asked: now, refused: 0, why: why.to_owned() });
            }
        }
    }

    /// So many writes were refused for it.
    pub(super) fn refused(&mut self, count: usize) {
        let Some(away) = &mut self.0 else { return };
        away.refused += count;
        if away.told.elapsed() > TELL_EVERY {
            away.told = Stopwatch::start();
            error!(
                error = away.why,
                refused = away.refused,
                away_s = away.since.elapsed().as_secs(),
                "The database still cannot be reached"
            );
        }
    }

    /// A transaction could be opened.
    pub(super) fn over(&mut self) {
        if let Some(away) = self.0.take() {
            info!(refused = away.refused, away_ms = away.since.elapsed_ms(), "The database can be reached again");
        }
    }
}
