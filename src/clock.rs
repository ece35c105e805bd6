//! The time, asked for and never taken: production reads the machine's clock, tests and the sandbox turn a dial. Where
//! several machines share a database, its clock is the common one: `outbox::presence` measures how far this one is off.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta};

/// A moment in UTC, to the microsecond, in the form in which both engines store it.
pub type UtcTime = NaiveDateTime;

/// An offset from the database's clock beyond which people are told.
pub const OFFSET_WARNED: TimeDelta = TimeDelta::seconds(5);
/// A quarter of the lease (30 s): beyond it a clock is believed no longer, and its process claims nothing.
pub const OFFSET_MAX: TimeDelta = TimeDelta::milliseconds(7_500);

/// Where the time comes from. Clones share the dial and the correction.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    /// Microseconds from the source's time to the database's; set by whoever measures it, read by every clone.
    correction_us: Arc<AtomicI64>,
}

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
        Self::of(Source::Machine)
    }

    /// A clock that stands still until `advance` is called.
    pub fn manual(start: UtcTime) -> Self {
        Self::of(Source::Dial(Arc::new(AtomicI64::new(start.and_utc().timestamp_micros()))))
    }

    /// A clock that runs with the machine and can be moved (the sandbox's `/__clock`).
    pub fn shifted() -> Self {
        Self::of(Source::Shifted(Arc::new(AtomicI64::new(0))))
    }

    fn of(source: Source) -> Self {
        Self { source, correction_us: Arc::default() }
    }

    /// Now by the database's clock, as far as it was measured; cut to the microsecond so that what is stored equals what
    /// was computed with.
    pub fn now(&self) -> UtcTime {
        from_micros(self.source_us().saturating_add(self.correction_us.load(Ordering::SeqCst)))
    }

    /// Now by this machine alone: what the correction is measured against.
    pub fn uncorrected(&self) -> UtcTime {
        from_micros(self.source_us())
    }

    /// From now on, tells the time of a database that is this far ahead of this machine.
    pub fn correct(&self, ahead: TimeDelta) {
        self.correction_us.store(ahead.num_microseconds().unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// How far the database is ahead of this machine, as last measured.
    pub fn correction(&self) -> TimeDelta {
        TimeDelta::microseconds(self.correction_us.load(Ordering::SeqCst))
    }

    /// Whether leases may rest on it. A clock that was far off may be far off again before it is next measured, and then
    /// this process would take leases that the others believe to have run out.
    pub fn is_trustworthy(&self) -> bool {
        self.correction().abs() <= OFFSET_MAX
    }

    /// Moves a manual or shifted clock forward; the machine's clock cannot be moved.
    pub fn advance(&self, by: Duration) {
        self.shift(TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX));
    }

    /// Moves a manual or shifted clock forward or back, as a clock that is set does.
    pub fn shift(&self, by: TimeDelta) {
        let by_us = by.num_microseconds().unwrap_or(i64::MAX);
        match &self.source {
            Source::Machine => {}
            Source::Dial(us) | Source::Shifted(us) => {
                us.fetch_add(by_us, Ordering::SeqCst);
            }
        }
    }

    /// Whether time passes by itself: a sleeping loop must not wait for a clock that stands still.
    pub fn runs(&self) -> bool {
        !matches!(self.source, Source::Dial(_))
    }

    fn source_us(&self) -> i64 {
        match &self.source {
            Source::Machine => machine_us(),
            Source::Shifted(offset_us) => machine_us().saturating_add(offset_us.load(Ordering::SeqCst)),
            Source::Dial(us) => us.load(Ordering::SeqCst),
        }
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
fn machine_us() -> i64 {
    chrono::Utc::now().timestamp_micros()
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

    #[test]
    fn a_corrected_clock_tells_the_databases_time_and_its_clones_do_too() {
        let clock = Clock::manual(from_micros(1_000_000));
        let clone = clock.clone();
        clock.correct(TimeDelta::seconds(-3));
        assert_eq!((clone.now(), clone.uncorrected()), (from_micros(-2_000_000), from_micros(1_000_000)));
        clone.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), from_micros(-1_000_000), "a correction measured before is kept");
    }

    #[test]
    fn a_clock_is_trusted_up_to_a_quarter_of_the_lease() {
        let clock = Clock::manual(from_micros(0));
        for (off_ms, is_trusted) in [(0, true), (7_500, true), (-7_500, true), (7_501, false), (-7_501, false)] {
            clock.correct(TimeDelta::milliseconds(off_ms));
            assert_eq!(clock.is_trustworthy(), is_trusted, "{off_ms} ms");
        }
    }

    #[test]
    fn a_clock_can_be_set_back() {
        let clock = Clock::manual(from_micros(60_000_000));
        clock.shift(TimeDelta::seconds(-59));
        assert_eq!(clock.now(), from_micros(1_000_000));
    }
}
