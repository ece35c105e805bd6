//! When whom is told: rules without a database.

use chrono::{NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::clock::UtcTime;
use crate::leads::LeadId;
use crate::mail::Party;

/// So many mails about single leads go to one reader in any [`WINDOW`]; what comes on top is told together.
pub const SINGLES_MAX: i64 = 5;
/// See [`SINGLES_MAX`]. Also how long leads are gathered before they are told together.
pub const WINDOW: TimeDelta = TimeDelta::minutes(10);
/// Leads named one by one in a mail about several; the others are counted.
pub const LISTED_MAX: i64 = 50;
/// Leads are counted up to this.
pub const COUNTED_MAX: i64 = 10_000;

/// When a reader is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    AtOnce,
    /// At this time of day in the seller's zone.
    Daily(NaiveTime),
}

/// Somebody who is told of new leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// `user:3`, `address:noor@example.com`.
    pub key: String,
    pub party: Party,
    pub when: When,
    /// Since when they want it: what was news before is none to them.
    pub since: Option<UtcTime>,
}

/// A lead that is news, with its place in the order of the news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    pub id: i64,
    pub lead: LeadId,
}

/// How many of the leads that are news go out one by one, now.
pub fn singles(fresh: usize, sent_lately: i64) -> usize {
    let left = usize::try_from((SINGLES_MAX - sent_lately).max(0)).unwrap_or_default();
    fresh.min(left)
}

/// The last moment at or before `now` at which a daily mail was due. A time that the spring leaves out is due an hour later,
/// one that comes twice is due the first time.
pub fn last_due(at: NaiveTime, zone: Tz, now: UtcTime) -> UtcTime {
    let today = zone.from_utc_datetime(&now).date_naive();
    let due = |local: NaiveDateTime| {
        let found = zone.from_local_datetime(&local).earliest();
        found.or_else(|| zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest()).map_or(local, |at| at.naive_utc())
    };
    let of_today = due(today.and_time(at));
    if of_today <= now { of_today } else { due((today - TimeDelta::days(1)).and_time(at)) }
}

/// Reads `08:00`; a text that is none is eight in the morning.
pub fn time_of_day(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap_or_else(|_| NaiveTime::from_hms_opt(8, 0, 0).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time")
    }

    #[test]
    fn a_flood_is_told_one_by_one_only_at_its_beginning() {
        let cases = [(1, 0), (5, 0), (6, 0), (3, 4), (1, 5), (1, 9)];
        assert_eq!(cases.map(|(fresh, lately)| singles(fresh, lately)), [1, 5, 5, 1, 0, 0]);
    }

    #[test]
    fn a_daily_mail_is_due_at_the_time_of_the_zone() {
        let (eight, dubai) = (time_of_day("08:00"), chrono_tz::Asia::Dubai);
        assert_eq!(last_due(eight, dubai, at("2026-11-25 04:00")), at("2026-11-25 04:00"));
        assert_eq!(last_due(eight, dubai, at("2026-11-25 03:59")), at("2026-11-24 04:00"));
        assert_eq!(last_due(eight, dubai, at("2026-11-25 22:00")), at("2026-11-25 04:00"), "it is the 26th in Dubai, and not yet eight");
        let (half_past_two, berlin) = (time_of_day("02:30"), chrono_tz::Europe::Berlin);
        assert_eq!(last_due(half_past_two, berlin, at("2026-03-29 12:00")), at("2026-03-29 01:30"), "left out: an hour later");
        assert_eq!(last_due(half_past_two, berlin, at("2026-10-25 12:00")), at("2026-10-25 00:30"), "twice: the first");
        assert_eq!(time_of_day("nonsense"), eight);
    }
}
