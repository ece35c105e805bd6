//! What happened, one line a step, in words: printed when a seed fails.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;
use throughline::clock::{Clock, UtcTime};

/// Clones share the lines.
#[derive(Clone)]
pub struct Trace {
    lines: Arc<Mutex<Vec<String>>>,
    clock: Clock,
    began: UtcTime,
}

impl Trace {
    pub fn new(clock: Clock) -> Self {
        Self { lines: Arc::default(), began: clock.now(), clock }
    }

    /// Writes down what somebody did.
    pub fn say(&self, who: &str, what: impl AsRef<str>) {
        let line = format!("{}  {who:<8}  {}", self.at(self.clock.now()), what.as_ref());
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// A moment, counted from the beginning.
    pub fn at(&self, moment: UtcTime) -> String {
        let since: TimeDelta = moment - self.began;
        let seconds = since.num_seconds();
        format!("{:>3}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
