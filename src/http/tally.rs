//! How many calls this process made to each provider, what came of them and how long they took: for metrics. A process is one
//! count, so it stands beside no object; what an attempt records is in [`super::Exchange`].

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Answer, SendFailure};

/// Upper ends of the buckets in milliseconds; one more has all that took longer.
pub const BUCKETS_MS: [u32; 8] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/// Calls to one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// `2xx`, `429`, `4xx`, `5xx`, `lost`, `not_sent`, by their number.
    pub results: BTreeMap<&'static str, u64>,
    /// Calls that took no longer than each of [`BUCKETS_MS`], each counted in one.
    pub buckets: [u64; BUCKETS_MS.len()],
    pub total_ms: u64,
}

impl Calls {
    /// All of them.
    pub fn count(&self) -> u64 {
        self.results.values().sum()
    }

    fn add(&mut self, result: &'static str, took_ms: i64) {
        *self.results.entry(result).or_default() += 1;
        let took_ms = u64::try_from(took_ms).unwrap_or_default();
        self.total_ms += took_ms;
        if let Some(bucket) = BUCKETS_MS.iter().position(|end| took_ms <= u64::from(*end)) {
            self.buckets[bucket] += 1;
        }
    }
}

static TALLY: Mutex<BTreeMap<&'static str, Calls>> = Mutex::new(BTreeMap::new());

/// Counts one call.
pub(super) fn count(provider: &'static str, answer: &Result<Answer, SendFailure>, took_ms: i64) {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner).entry(provider).or_default().add(result(answer), took_ms);
}

/// The calls of this process, by provider.
pub fn calls() -> BTreeMap<&'static str, Calls> {
    TALLY.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn result(answer: &Result<Answer, SendFailure>) -> &'static str {
    match answer {
        Ok(answer) => match answer.status {
            429 => "429",
            400..=499 => "4xx",
            500.. => "5xx",
            _ => "2xx",
        },
        Err(SendFailure::Lost(_)) => "lost",
        Err(SendFailure::NotSent(_)) => "not_sent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_in_one_bucket_and_has_one_result() {
        let mut calls = Calls::default();
        for (result, took_ms) in [("2xx", 100), ("2xx", 101), ("lost", 30_000), ("lost", 30_001), ("2xx", -1)] {
            calls.add(result, took_ms);
        }
        assert_eq!((calls.count(), calls.results["2xx"], calls.results["lost"]), (5, 3, 2));
        assert_eq!((calls.buckets, calls.total_ms), ([2, 1, 0, 0, 0, 0, 0, 1], 60_202));
        let answered = |status| result(&Ok(Answer { status, headers: Vec::new(), body: Vec::new() }));
        assert_eq!([200, 207, 304, 401, 429, 503].map(answered), ["2xx", "2xx", "2xx", "4xx", "429", "5xx"]);
    }
}
