//! How many checkouts one caller may begin: whoever tries stolen cards opens many. Per address (an IPv6 /64 counts as one).

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::web::ClientAddress;

/// Checkouts a minute from one address; a household behind one address needs fewer.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
/// Once so many callers are remembered, those that have been quiet are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// Counts checkouts; one per process.
pub struct CheckoutLimiter {
    by_address: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

impl Default for CheckoutLimiter {
    fn default() -> Self {
        Self { by_address: RateLimiter::keyed(Quota::per_minute(PER_MINUTE)), clock: DefaultClock::default() }
    }
}

impl CheckoutLimiter {
    /// Counts one; the seconds to wait where there were too many.
    pub fn ask(&self, caller: &ClientAddress) -> Option<u64> {
        if self.by_address.len() > REMEMBERED_MAX {
            self.by_address.retain_recent();
        }
        self.by_address.check_key(&caller.network).err().map(|denied| denied.wait_time_from(self.clock.now()).as_secs() + 1)
    }
}
