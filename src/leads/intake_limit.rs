//! How many submissions one caller may send: per address (an IPv6 /64 counts as one), and four times that for the network
//! around it (IPv4 /24, IPv6 /48), so that neither a script nor a rented range drowns the others.

use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;
use rocket::http::Status;

use super::defence::around;
use crate::config::{Config, IntakeLimit};
use crate::web::{ClientAddress, Problem};

const NETWORK_FACTOR: u32 = 4;
/// Once so many callers are remembered, those that have been quiet are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// Counts submissions; one per process.
pub struct IntakeLimiter {
    limits: Option<Limits>,
    clock: DefaultClock,
}

struct Limits {
    by_address: DefaultKeyedRateLimiter<String>,
    by_network: DefaultKeyedRateLimiter<IpNet>,
}

impl IntakeLimiter {
    /// The configured limit.
    pub fn new(config: &Config) -> Self {
        let limits = match config.intake_limit {
            IntakeLimit::Off => None,
            IntakeLimit::PerMinute(per_minute) => Some(Limits {
                by_address: RateLimiter::keyed(quota(per_minute)),
                by_network: RateLimiter::keyed(quota(per_minute.saturating_mul(NETWORK_FACTOR))),
            }),
        };
        Self { limits, clock: DefaultClock::default() }
    }

    /// Counts a submission; the seconds to wait where there were too many.
    pub fn ask(&self, caller: &ClientAddress) -> Option<u64> {
        let limits = self.limits.as_ref()?;
        limits.forget_quiet_callers();
        let by_address = limits.by_address.check_key(&caller.network).err();
        let by_network = limits.by_network.check_key(&around(caller.ip)).err();
        let waits = [by_address, by_network].into_iter().flatten().map(|denied| denied.wait_time_from(self.clock.now()).as_secs() + 1);
        waits.max()
    }
}

/// How a submission is refused that comes too soon.
pub fn too_many(seconds: u64) -> Problem {
    let problem = Problem::new(Status::TooManyRequests, "Too many submissions from this network");
    problem.detail(format!("Try again in {seconds} s. Nothing was saved.")).retry_after(seconds)
}

impl Limits {
    fn forget_quiet_callers(&self) {
        if self.by_address.len() > REMEMBERED_MAX {
            self.by_address.retain_recent();
            self.by_network.retain_recent();
        }
    }
}

fn quota(per_minute: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn limiter(limit: &str) -> IntakeLimiter {
        IntakeLimiter::new(&Config::load(&Sources::given([("THROUGHLINE_INTAKE_LIMIT", limit)])).expect("a configuration"))
    }

    fn caller(ip: &str) -> ClientAddress {
        ClientAddress { ip: ip.parse().expect("an address"), network: ip.into() }
    }

    #[test]
    fn a_caller_over_the_limit_waits_and_others_do_not() {
        let limiter = limiter("2/minute");
        assert_eq!(limiter.ask(&caller("192.0.2.1")), None);
        assert_eq!(limiter.ask(&caller("192.0.2.1")), None);
        assert!(matches!(limiter.ask(&caller("192.0.2.1")), Some(1..=31)));
        assert_eq!(limiter.ask(&caller("198.51.100.7")), None);
    }

    #[test]
    fn a_network_of_many_addresses_waits_too() {
        let limiter = limiter("2/minute");
        let passed = (1..=50).filter(|n| limiter.ask(&caller(&format!("192.0.2.{n}"))).is_none()).count();
        assert_eq!(passed, 8);
    }
}
