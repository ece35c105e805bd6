//! How a writer's time is shared. Writes that somebody waits for go first, and a stream of them leaves bulk work a quarter of the
//! time: a chunk's own length says how long the next one waits, since a chunk may take a millisecond or a hundred.

use std::time::Duration;

use crate::clock::Stopwatch;

/// A stream of ordinary writes has the writer for so many times as long as the last chunk took …
const SHARE: u32 = 3;
/// … and no longer than this.
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// So many writes between two chunks are a stream: more of them come as soon as these are answered. Those by which the outbox runs
/// the bulk work itself are fewer.
const STREAM: u32 = 8;

/// What was done since the last chunk.
#[derive(Default)]
pub(super) struct FairShare {
    /// The chunk that runs.
    running: Option<Stopwatch>,
    /// Since the last chunk ended; None: there was none yet.
    ended: Option<Stopwatch>,
    took: Duration,
    writes: u32,
}

impl FairShare {
    /// The writer has done what it was given.
    pub(super) fn turn_ended(&mut self) {
        if let Some(running) = self.running.take() {
            (self.took, self.ended, self.writes) = (running.elapsed(), Some(Stopwatch::start()), 0);
        }
    }

    /// It takes up a chunk.
    pub(super) fn bulk_begins(&mut self) {
        self.running = Some(Stopwatch::start());
    }

    /// It takes up an ordinary write.
    pub(super) fn wrote(&mut self) {
        self.writes = self.writes.saturating_add(1);
    }

    /// Whether a chunk goes before ordinary writes that wait: they had their share.
    pub(super) fn is_bulk_due(&self) -> bool {
        self.writes > 0 && self.left().is_zero()
    }

    /// How long a chunk waits though nobody else does.
    pub(super) fn pause(&self) -> Duration {
        if self.writes < STREAM { Duration::ZERO } else { self.left() }
    }

    fn left(&self) -> Duration {
        let since = self.ended.map_or(Duration::MAX, Stopwatch::elapsed);
        remaining(self.took, since)
    }
}

/// How much is left of what is owed to ordinary writes after a chunk that took so long and ended so long ago.
fn remaining(took: Duration, since: Duration) -> Duration {
    took.saturating_mul(SHARE).min(PAUSE_MAX).saturating_sub(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn after_a_long_chunk(writes: u32) -> FairShare {
        FairShare { running: None, ended: Some(Stopwatch::start()), took: MS * 3_600_000, writes }
    }

    #[test]
    fn a_stream_has_three_times_as_long_as_the_chunk_took() {
        assert_eq!(remaining(MS * 10, Duration::ZERO), MS * 30);
        assert_eq!(remaining(MS * 10, MS * 20), MS * 10);
        assert_eq!(remaining(MS * 10, MS * 30), Duration::ZERO);
        assert_eq!(remaining(MS * 3_600_000, Duration::ZERO), PAUSE_MAX, "and no longer than that");
    }

    #[test]
    fn bulk_work_that_nobody_meets_goes_on_at_once() {
        let mut share = FairShare::default();
        share.bulk_begins();
        share.turn_ended();
        assert_eq!(share.pause(), Duration::ZERO);
        assert_eq!(after_a_long_chunk(STREAM - 1).pause(), Duration::ZERO, "a few are no stream");
    }

    #[test]
    fn the_first_chunk_waits_for_no_more_than_a_batch() {
        let mut share = FairShare::default();
        assert!(!share.is_bulk_due(), "who waits goes first");
        share.wrote();
        assert!(share.is_bulk_due());
    }

    #[test]
    fn a_chunk_that_took_nothing_goes_after_each_batch() {
        let mut share = FairShare { running: None, ended: Some(Stopwatch::start()), took: Duration::ZERO, writes: 0 };
        assert!(!share.is_bulk_due());
        share.wrote();
        assert!(share.is_bulk_due());
    }
}
