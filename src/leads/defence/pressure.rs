//! How hard the forms are attacked, by network (IPv4 /24, IPv6 /48) and altogether: what a proof of work costs there, and how
//! much that is suspicious is kept. Each is a bucket that suspicious submissions fill and that time empties. A network that
//! has sent nothing suspicious pays the base price whatever the others do. Kept in memory, by each process for itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use ipnet::IpNet;

use crate::clock::UtcTime;

/// Zero bits asked of everyone: about 16,000 hashes, a few hundredths of a second in a browser.
pub const BITS_BASE: u32 = 14;
/// The most that is ever asked: about a million hashes, seconds in a browser, so that a person can still pay it.
pub const BITS_MAX: u32 = 20;
/// From this many suspicious submissions of a network on, its proofs cost so many bits more.
const RAISES: [(f64, u32); 4] = [(24.0, 5), (16.0, 4), (8.0, 2), (3.0, 1)];
/// From this many suspicious submissions altogether on there is an alarm: a network that has sent one pays one bit more.
const ALARM: f64 = 300.0;

/// Suspicious submissions kept of one network: so many at once, and so many a minute.
const NETWORK: Measure = Measure { holds: 30.0, leaks_a_minute: 10.0 };
/// The same of all networks together. What it lets through fills 430 MB a day at most.
const ALL: Measure = Measure { holds: 3_000.0, leaks_a_minute: 300.0 };

/// Networks remembered one by one; the others of a larger attack share one bucket.
const NETWORKS_MAX: usize = 50_000;
/// Networks whose bucket is empty are looked for this often at most.
const SWEPT_EVERY: TimeDelta = TimeDelta::seconds(10);

#[derive(Clone, Copy)]
struct Measure {
    holds: f64,
    leaks_a_minute: f64,
}

/// Whether one more suspicious submission is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Free,
    /// None for so long.
    Full {
        seconds: u64,
    },
}

/// Counts suspicious submissions; one per process.
#[derive(Default)]
pub struct Pressure(Mutex<State>);

#[derive(Default)]
struct State {
    networks: HashMap<IpNet, Bucket>,
    /// Of the networks there was no place for.
    crowd: Bucket,
    all: Bucket,
    swept_at: UtcTime,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    level: f64,
    at: UtcTime,
}

impl Bucket {
    fn level(self, measure: Measure, now: UtcTime) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a few days")]
        let minutes = (now - self.at).num_milliseconds().max(0) as f64 / 60_000.0;
        (self.level - minutes * measure.leaks_a_minute).max(0.0)
    }

    /// Seconds until one more fits, where none does.
    fn wait(self, measure: Measure, now: UtcTime) -> Option<f64> {
        let over = self.level(measure, now) + 1.0 - measure.holds;
        (over > 0.0).then(|| over / measure.leaks_a_minute * 60.0)
    }

    /// Pours one in; seconds until there is room where there is none. What does not fit keeps it full.
    fn pour(&mut self, measure: Measure, now: UtcTime) -> Option<f64> {
        let wait = self.wait(measure, now);
        *self = Self { level: (self.level(measure, now) + 1.0).min(measure.holds), at: now.max(self.at) };
        wait
    }
}

impl Pressure {
    /// Counts a suspicious submission from there, and tells whether it is kept.
    pub fn note(&self, network: IpNet, now: UtcTime) -> Room {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = state.bucket(network, now).pour(NETWORK, now);
        // What its own network has no room for takes no room from the others.
        let all = if own.is_none() { state.all.pour(ALL, now) } else { None };
        room(own.or(all))
    }

    /// Whether so much that is suspicious came from there that nothing passes which has not paid.
    pub fn is_full(&self, network: IpNet, now: UtcTime) -> Room {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        room(state.networks.get(&network).and_then(|bucket| bucket.wait(NETWORK, now)))
    }

    /// The zero bits that a proof of work from there must have now.
    pub fn bits(&self, network: IpNet, now: UtcTime) -> u32 {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let level = state.networks.get(&network).map_or(0.0, |bucket| bucket.level(NETWORK, now));
        let raise = RAISES.iter().find(|(from, _)| level >= *from).map_or(0, |(_, raise)| *raise);
        let alarm = u32::from(level > 0.0 && state.is_alarm(now));
        (BITS_BASE + raise + alarm).min(BITS_MAX)
    }

    /// Whether so much that is suspicious comes that whoever proves no work is looked at more closely.
    pub fn is_alarm(&self, now: UtcTime) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_alarm(now)
    }
}

fn room(wait_s: Option<f64>) -> Room {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and a minute")]
    wait_s.map_or(Room::Free, |seconds| Room::Full { seconds: seconds.ceil().max(1.0) as u64 })
}

impl State {
    fn is_alarm(&self, now: UtcTime) -> bool {
        self.all.level(ALL, now) >= ALARM
    }

    fn bucket(&mut self, network: IpNet, now: UtcTime) -> &mut Bucket {
        let is_full = self.networks.len() >= NETWORKS_MAX && !self.networks.contains_key(&network);
        if is_full && now - self.swept_at >= SWEPT_EVERY {
            self.networks.retain(|_, bucket| bucket.level(NETWORK, now) > 0.0);
            self.swept_at = now;
        }
        if is_full && self.networks.len() >= NETWORKS_MAX { &mut self.crowd } else { self.networks.entry(network).or_default() }
    }
}

/// The network around an address, as limits count it.
pub fn around(ip: IpAddr) -> IpNet {
    let prefix = if ip.is_ipv4() { 24 } else { 48 };
    IpNet::new(ip, prefix).unwrap_or_else(|_| ip.into()).trunc()
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    fn at(second: i64) -> UtcTime {
        chrono::DateTime::from_timestamp(1_000_000 + second, 0).expect("a time").naive_utc()
    }

    fn network(number: u32) -> IpNet {
        around(IpAddr::V4(Ipv4Addr::from((10 << 24) + (number << 8))))
    }

    #[test]
    fn a_network_that_attacks_pays_more_and_the_price_falls_again() {
        let pressure = Pressure::default();
        let mut seen = vec![pressure.bits(network(1), at(0))];
        for _ in 0..30 {
            pressure.note(network(1), at(0));
            seen.push(pressure.bits(network(1), at(0)));
        }
        seen.dedup();
        assert_eq!(seen, [14, 15, 16, 18, 19]);
        assert_eq!(pressure.bits(network(1), at(60)), 18, "a minute later");
        assert_eq!(pressure.bits(network(1), at(180)), 14, "three minutes later");
    }

    #[test]
    fn under_a_flood_from_everywhere_networks_that_sent_nothing_suspicious_pay_what_they_paid() {
        let pressure = Pressure::default();
        for number in 0..1_000 {
            pressure.note(network(number), at(0));
        }
        assert_eq!(pressure.bits(network(1), at(0)), 15, "one that took part");
        assert_eq!(pressure.bits(network(2_000), at(0)), 14, "one that did not");
        assert!(pressure.is_alarm(at(0)) && !pressure.is_alarm(at(180)));
    }

    #[test]
    fn what_is_kept_of_a_network_and_of_all_has_an_end() {
        let pressure = Pressure::default();
        let kept = (0..100).filter(|_| pressure.note(network(1), at(0)) == Room::Free).count();
        assert_eq!(kept, 30);
        assert_eq!(pressure.note(network(1), at(0)), Room::Full { seconds: 6 });
        let kept = (2..6_000).filter(|number| pressure.note(network(*number), at(0)) == Room::Free).count();
        assert_eq!(kept, 3_000 - 30);
        let kept = (6_000..12_000).filter(|number| pressure.note(network(*number), at(60)) == Room::Free).count();
        assert_eq!(kept, 300, "a minute later");
    }

    #[test]
    fn memory_has_an_end_and_forgets_networks_that_are_quiet() {
        let pressure = Pressure::default();
        for number in 0..60_000_u64 {
            let ip = Ipv6Addr::from(u128::from(0x2001_0000_0000 + number) << 80);
            pressure.note(around(IpAddr::V6(ip)), at(0));
        }
        assert_eq!(pressure.0.lock().expect("no panic").networks.len(), NETWORKS_MAX);
        pressure.note(network(1), at(600));
        assert_eq!(pressure.0.lock().expect("no panic").networks.len(), 1);
    }
}
