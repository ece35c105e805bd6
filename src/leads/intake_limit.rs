//! How many submissions one caller may send: per address (an IPv6 /64 counts as one), and four times that for the network
//! around it (IPv4 /24, IPv6 /48), so that neither a script nor a rented range drowns the others.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::config::{Config, IntakeLimit};
use crate::web::ClientAddress;

const NETWORK_FACTOR: u32 = 4;
/// Once so many callers are remembered, those that have been quiet are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// Whether a submission may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Wait { seconds: u64 },
}

/// Counts submissions; one per process.
pub struct IntakeLimiter {
    limits: Option<Limits>,
    sample_secret: Option<SecretString>,
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
        Self { limits, sample_secret: config.sample_secret.clone(), clock: DefaultClock::default() }
    }

    /// Counts a submission. The samples of `demo` have an allowance of their own.
    pub fn ask(&self, caller: &ClientAddress, sample_secret: Option<&str>) -> Verdict {
        let Some(limits) = &self.limits else { return Verdict::Pass };
        if self.is_sample(sample_secret) {
            return Verdict::Pass;
        }
        limits.forget_quiet_callers();
        let by_address = limits.by_address.check_key(&caller.network).err();
        let by_network = limits.by_network.check_key(&around(caller.ip)).err();
        let waits = [by_address, by_network].into_iter().flatten().map(|denied| denied.wait_time_from(self.clock.now()).as_secs() + 1);
        waits.max().map_or(Verdict::Pass, |seconds| Verdict::Wait { seconds })
    }

    fn is_sample(&self, given: Option<&str>) -> bool {
        match (&self.sample_secret, given) {
            (Some(secret), Some(given)) => bool::from(secret.expose_secret().as_bytes().ct_eq(given.as_bytes())),
            _ => false,
        }
    }
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

fn around(ip: IpAddr) -> IpNet {
    let prefix = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, prefix).unwrap_or_else(|_| ip.into()).trunc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn limiter(limit: &str) -> IntakeLimiter {
        let sources = Sources::given([("THROUGHLINE_INTAKE_LIMIT", limit), ("THROUGHLINE_SAMPLE_SECRET", "sample-secret")]);
        IntakeLimiter::new(&Config::load(&sources).expect("a configuration"))
    }

    fn caller(ip: &str) -> ClientAddress {
        ClientAddress { ip: ip.parse().expect("an address"), network: ip.into() }
    }

    #[test]
    fn a_caller_over_the_limit_waits_and_others_do_not() {
        let limiter = limiter("2/minute");
        assert_eq!(limiter.ask(&caller("192.0.2.1"), None), Verdict::Pass);
        assert_eq!(limiter.ask(&caller("192.0.2.1"), None), Verdict::Pass);
        assert!(matches!(limiter.ask(&caller("192.0.2.1"), None), Verdict::Wait { seconds: 1..=31 }));
        assert_eq!(limiter.ask(&caller("198.51.100.7"), None), Verdict::Pass);
    }

    #[test]
    fn a_network_of_many_addresses_waits_too() {
        let limiter = limiter("2/minute");
        let passed = (1..=50).filter(|n| limiter.ask(&caller(&format!("192.0.2.{n}")), None) == Verdict::Pass).count();
        assert_eq!(passed, 8);
    }

    #[test]
    fn samples_have_an_allowance_of_their_own() {
        let limiter = limiter("1/minute");
        assert!((0..20).all(|_| limiter.ask(&caller("127.0.0.1"), Some("sample-secret")) == Verdict::Pass));
        assert_eq!(limiter.ask(&caller("127.0.0.1"), Some("guessed")), Verdict::Pass);
        assert_ne!(limiter.ask(&caller("127.0.0.1"), Some("guessed")), Verdict::Pass);
    }
}
