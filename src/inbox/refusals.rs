//! Webhooks whose signature is wrong: counted by the hour, the newest kept apart to find out why, never interpreted. Anyone can
//! send them, as many as they like: so what is written down is limited in number, in size and in time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use super::refused_queries as queries;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::integrations::stripe::signature::Flaw;

/// So many are kept.
pub const KEPT_MAX: i64 = 1_000;
/// So much of each body.
pub const BODY_KEPT_MAX: usize = 64 * 1024;
/// So many are written down at once; then one a second, and the others are only counted.
const BURST: u32 = 50;

/// A webhook that was refused.
#[derive(Clone, Debug)]
pub struct Refused {
    pub provider: &'static str,
    pub flaw: Flaw,
    pub address: String,
    /// JSON, as those of receipts.
    pub headers: String,
    /// At most 64 KiB of it.
    pub body: Vec<u8>,
    pub size_bytes: i64,
}

/// What one process may write down. Those that come beyond it are counted here, and written with the next that is.
#[derive(Debug, Default)]
pub struct RefusalGate(Mutex<Allowance>);

#[derive(Debug, Default)]
struct Allowance {
    taken: u32,
    since: UtcTime,
    uncounted: BTreeMap<(&'static str, Flaw), i64>,
}

impl RefusalGate {
    /// What is to be written down now, by flaw; None: nothing, this one is only counted.
    fn count(&self, provider: &'static str, flaw: Flaw, now: UtcTime) -> Option<Vec<(&'static str, Flaw, i64)>> {
        let mut allowance = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *allowance.uncounted.entry((provider, flaw)).or_default() += 1;
        let seconds = (now - allowance.since).num_seconds();
        // A clock that was set back must not close the gate for ever.
        let freed = if seconds < 0 { BURST } else { u32::try_from(seconds).unwrap_or(BURST) };
        if freed > 0 {
            allowance.taken = allowance.taken.saturating_sub(freed);
            allowance.since = now;
        }
        if allowance.taken >= BURST {
            return None;
        }
        allowance.taken += 1;
        Some(std::mem::take(&mut allowance.uncounted).into_iter().map(|((provider, flaw), count)| (provider, flaw, count)).collect())
    }
}

/// Writes a refused webhook down, as far as there is room for it. That this fails is no reason to answer otherwise.
pub async fn note(app: &App, gate: &RefusalGate, refused: Refused) {
    let now = app.clock.now();
    let Some(counts) = gate.count(refused.provider, refused.flaw, now) else { return };
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        queries::insert(tx, now, &refused)?;
        for (provider, flaw, count) in &counts {
            queries::count(tx, provider, *flaw, (hour_of(now), *count))?;
        }
        tx.touch(Topic::Inbox);
        // A crash may forget it: nobody was promised anything.
        tx.relax();
        Ok(())
    };
    if let Err(cause) = app.store.write("inbox.refuse", "inbox.refuse", write).await.map_err(Error::from) {
        tracing::warn!(error = %cause, "A webhook with a wrong signature could not be written down");
    }
}

/// The beginning of the hour in UTC.
pub fn hour_of(at: UtcTime) -> UtcTime {
    let into_hour = at.and_utc().timestamp_micros().rem_euclid(3_600_000_000);
    at - TimeDelta::microseconds(into_hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_written_down_in_part_and_counted_whole() {
        let gate = RefusalGate::default();
        let start = chrono::DateTime::from_timestamp(1_795_000_000, 0).expect("a time").naive_utc();
        let written = |s: i64, times: u32| -> Vec<i64> {
            let at = start + TimeDelta::seconds(s);
            (0..times)
                .filter_map(|_| gate.count("stripe", Flaw::NoMatch, at))
                .map(|counts| counts.iter().map(|(_, _, n)| n).sum())
                .collect()
        };
        assert_eq!(written(0, 1_000), vec![1; 50], "the first fifty");
        assert_eq!(written(1, 1_000), [951], "then one a second, with the count of those between");
        assert_eq!(written(2, 1), [1_000]);
        assert_eq!(written(100, 3), [1, 1, 1], "quiet again");
        assert_eq!(written(50, 1), [1], "a clock that was set back");
    }

    #[test]
    fn hours_begin_at_their_beginning() {
        let at = chrono::DateTime::from_timestamp_micros(1_795_000_000_123_456).expect("a time").naive_utc();
        assert_eq!(hour_of(at).and_utc().timestamp(), 1_794_999_600);
        assert_eq!(hour_of(hour_of(at)), hour_of(at));
    }
}
