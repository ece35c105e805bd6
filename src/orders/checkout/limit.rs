//! How many checkouts one caller may begin: whoever tries stolen cards opens many. Per address (an IPv6 /64 counts as one).

use std::num::NonZeroU32;

use crate::web::{CallerLimit, ClientAddress};

/// Checkouts a minute from one address; a household behind one address needs fewer.
const PER_MINUTE: NonZeroU32 = NonZeroU32::new(10).expect("not zero");

/// Counts checkouts; one per process.
pub struct CheckoutLimiter(CallerLimit<String>);

impl Default for CheckoutLimiter {
    fn default() -> Self {
        Self(CallerLimit::per_minute(PER_MINUTE))
    }
}

impl CheckoutLimiter {
    /// Counts one; the seconds to wait where there were too many.
    pub fn ask(&self, caller: &ClientAddress) -> Option<u64> {
        self.0.ask(&caller.network)
    }
}
