//! Brakes on guessing: wrong passwords and codes count by account and by network, right ones do not.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Wrong tries an account has at once, then one a minute.
const PER_ACCOUNT: NonZeroU32 = NonZeroU32::new(5).expect("not zero");
/// Wrong tries a network has at once, then one every six seconds.
const PER_NETWORK: NonZeroU32 = NonZeroU32::new(20).expect("not zero");
/// Keys remembered before those that have recovered are dropped.
const KEYS_MAX: usize = 10_000;

type Instant = <DefaultClock as Clock>::Instant;

/// Counts failures and says how long a key has to wait.
pub struct Throttle {
    accounts: DefaultKeyedRateLimiter<String>,
    networks: DefaultKeyedRateLimiter<String>,
    /// Until when a key is turned away without looking at what it tries.
    closed: Mutex<HashMap<String, Instant>>,
    clock: DefaultClock,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            accounts: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN).allow_burst(PER_ACCOUNT)),
            networks: RateLimiter::keyed(Quota::per_minute(NonZeroU32::MIN.saturating_add(9)).allow_burst(PER_NETWORK)),
            closed: Mutex::default(),
            clock: DefaultClock::default(),
        }
    }
}

impl Throttle {
    /// How many seconds these two have to wait before their next try is looked at.
    pub fn wait_s(&self, account: &str, network: &str) -> Option<u64> {
        let now = self.clock.now();
        let closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = [account_key(account), network_key(network)].into_iter().filter_map(|key| closed.get(&key).copied());
        waits.filter(|until| *until > now).map(|until| Duration::from(until.duration_since(now)).as_secs() + 1).max()
    }

    /// Counts a wrong try.
    pub fn failed(&self, account: &str, network: &str) {
        let now = self.clock.now();
        let refused_account = self.accounts.check_key(&account_key(account)).err();
        let refused_network = self.networks.check_key(&network_key(network)).err();
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = refused_account {
            closed.insert(account_key(account), until.earliest_possible());
        }
        if let Some(until) = refused_network {
            closed.insert(network_key(network), until.earliest_possible());
        }
        if closed.len() + self.accounts.len() + self.networks.len() > KEYS_MAX {
            closed.retain(|_, until| *until > now);
            self.accounts.retain_recent();
            self.networks.retain_recent();
        }
    }
}

fn account_key(account: &str) -> String {
    format!("account {account}")
}

fn network_key(network: &str) -> String {
    format!("network {network}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_wrong_password_closes_the_account_and_not_its_neighbours() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            throttle.failed("ada@example.com", "192.0.2.1");
            assert_eq!(throttle.wait_s("ada@example.com", "192.0.2.1"), None);
        }
        throttle.failed("ada@example.com", "192.0.2.1");
        assert!(throttle.wait_s("ada@example.com", "198.51.100.1").is_some_and(|seconds| (1..=61).contains(&seconds)));
        assert_eq!(throttle.wait_s("grace@example.com", "192.0.2.1"), None);
    }

    #[test]
    fn a_network_that_tries_many_accounts_is_closed() {
        let throttle = Throttle::default();
        for account in 0..21 {
            throttle.failed(&account.to_string(), "192.0.2.1");
        }
        assert!(throttle.wait_s("new", "192.0.2.1").is_some());
        assert_eq!(throttle.wait_s("new", "192.0.2.2"), None);
    }
}
