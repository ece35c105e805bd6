//! How many submissions one caller may send: per address (an IPv6 /64 counts as one), and four times that for the network
//! around it (IPv4 /24, IPv6 /48), so that neither a script nor a rented range drowns the others.

use std::num::NonZeroU32;

use ipnet::IpNet;
use rocket::http::Status;

use super::defence::around;
use crate::config::{Config, IntakeLimit};
use crate::web::{CallerLimit, ClientAddress, Problem};

const NETWORK_FACTOR: u32 = 4;
/// Counts submissions; one per process.
pub struct IntakeLimiter(Option<Limits>);

struct Limits {
    by_address: CallerLimit<String>,
    by_network: CallerLimit<IpNet>,
}

impl IntakeLimiter {
    /// The configured limit.
    pub fn new(config: &Config) -> Self {
        let limits = match config.intake_limit {
            IntakeLimit::Off => None,
            IntakeLimit::PerMinute(per_minute) => Some(Limits {
                by_address: CallerLimit::per_minute(at_least_one(per_minute)),
                by_network: CallerLimit::per_minute(at_least_one(per_minute.saturating_mul(NETWORK_FACTOR))),
            }),
        };
        Self(limits)
    }

    /// Counts a submission; the seconds to wait where there were too many.
    pub fn ask(&self, caller: &ClientAddress) -> Option<u64> {
        let limits = self.0.as_ref()?;
        // Both are counted, whichever refuses.
        limits.by_address.ask(&caller.network).max(limits.by_network.ask(&around(caller.ip)))
    }
}

/// How a submission is refused that comes too soon.
pub fn too_many(seconds: u64) -> Problem {
    let problem = Problem::new(Status::TooManyRequests, "Too many submissions from this network");
    problem.detail(format!("Try again in {seconds} s. Nothing was saved.")).retry_after(seconds)
}

fn at_least_one(per_minute: u32) -> NonZeroU32 {
    NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN)
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
