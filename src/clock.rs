//! The time, asked for and never taken: production reads the machine's clock, tests and the sandbox turn a dial.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime};

/// A moment in UTC, to the microsecond, in the form in which both engines store it.
pub type UtcTime = NaiveDateTime;

/// Where the time comes from. Clones share the dial.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine,
    /// Microseconds since 1970, turned by hand.
    Dial(Arc<AtomicI64>),
    /// The machine's clock plus an offset in microseconds.
    Shifted(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own clock.
    pub fn machine() -> Self {
        Self(Source::Machine)
    }

    /// A clock that stands still until `advance` is called.
    pub fn manual(start: UtcTime) -> Self {
        Self(Source::Dial(Arc::new(AtomicI64::new(start.and_utc().timestamp_micros()))))
    }

    /// A clock that runs with the machine and can be moved forward (the sandbox's `/__clock`).
    pub fn shifted() -> Self {
        Self(Source::Shifted(Arc::new(AtomicI64::new(0))))
    }

    /// Now, cut to the microsecond so that what is stored equals what was computed with.
    pub fn now(&self) -> UtcTime {
        match &self.0 {
            Source::Machine => machine_now(0),
            Source::Shifted(offset_us) => machine_now(offset_us.load(Ordering::SeqCst)),
            Source::Dial(us) => from_micros(us.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual or shifted clock forward; the machine's clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        let by_us = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        match &self.0 {
            Source::Machine => {}
            Source::Dial(us) | Source::Shifted(us) => {
                us.fetch_add(by_us, Ordering::SeqCst);
            }
        }
    }

    /// Whether time passes by itself: a sleeping loop must not wait for a clock that stands still.
    pub fn runs(&self) -> bool {
        !matches!(self.0, Source::Dial(_))
    }
}

/// Measures how long something took, apart from the wall clock (which may jump).
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Whole milliseconds since the start.
    pub fn elapsed_ms(self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
fn machine_now(offset_us: i64) -> UtcTime {
    from_micros(chrono::Utc::now().timestamp_micros().saturating_add(offset_us))
}

fn from_micros(us: i64) -> UtcTime {
    DateTime::from_timestamp_micros(us).unwrap_or_default().naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_it_is_moved() {
        let clock = Clock::manual(from_micros(1_000_000));
        assert_eq!(clock.now(), clock.now());
        clock.clone().advance(Duration::from_secs(60));
        assert_eq!(clock.now(), from_micros(61_000_000));
    }
}
