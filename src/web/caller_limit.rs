//! How often a caller may do something: a quota a minute for each key (an address, a network), counted by this process.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Once so many callers are remembered, those that have been quiet are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// Counts what callers do.
pub struct CallerLimit<K: Hash + Eq + Clone> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> CallerLimit<K> {
    /// So many a minute for each.
    pub fn per_minute(times: NonZeroU32) -> Self {
        Self { limiter: RateLimiter::keyed(Quota::per_minute(times)), clock: DefaultClock::default() }
    }

    /// Counts one; the seconds to wait where there were too many.
    pub fn ask(&self, key: &K) -> Option<u64> {
        if self.limiter.len() > REMEMBERED_MAX {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).err().map(|denied| denied.wait_time_from(self.clock.now()).as_secs() + 1)
    }
}
