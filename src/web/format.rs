//! Finished text for pages: times in the seller's zone, durations, numbers.

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::clock::UtcTime;
use crate::money;

/// Writes times for one page, which is built at one moment and names its zone once.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub zone: Tz,
    pub now: UtcTime,
}

/// A `<time>` element's three texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// With offset, for machines.
    pub datetime: String,
    /// In the seller's zone.
    pub text: String,
    /// In UTC, on hover.
    pub utc: String,
}

impl Times {
    /// Today `14:05`; this year `21 Nov, 14:05`; else `21 Nov 2026`.
    pub fn stamp(&self, at: UtcTime) -> Stamp {
        let (local, today) = (self.local(at), self.local(self.now));
        let pattern = if local.date_naive() == today.date_naive() {
            "%H:%M"
        } else if local.year() == today.year() {
            "%-d %b, %H:%M"
        } else {
            "%-d %b %Y"
        };
        self.with(at, pattern)
    }

    /// The same with seconds, for the pages of jobs and lines.
    pub fn stamp_s(&self, at: UtcTime) -> Stamp {
        let is_today = self.local(at).date_naive() == self.local(self.now).date_naive();
        self.with(at, if is_today { "%H:%M:%S" } else { "%-d %b %Y, %H:%M:%S" })
    }

    /// `21 Nov 2026, 14:05:12`
    pub fn exact(&self, at: UtcTime) -> Stamp {
        self.with(at, "%-d %b %Y, %H:%M:%S")
    }

    /// `Sun 29 Mar, 03:00 (UTC+2)`, with the year where it is another: for lists in which the clocks of the zone may change.
    pub fn with_offset(&self, at: UtcTime) -> Stamp {
        let is_this_year = self.local(at).year() == self.local(self.now).year();
        let stamp = self.with(at, if is_this_year { "%a %-d %b, %H:%M" } else { "%a %-d %b %Y, %H:%M" });
        Stamp { text: format!("{} ({})", stamp.text, offset(&self.local(at))), ..stamp }
    }

    /// The moment that a `<input type="datetime-local">` names in this zone: `2026-11-22T14:05`. Of two, the first; where
    /// the clocks leave it out, the moment they jump to.
    pub fn moment(&self, text: &str) -> Option<UtcTime> {
        let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok()?;
        let found = self.zone.from_local_datetime(&local).earliest();
        let found = found.or_else(|| self.zone.from_local_datetime(&(local + TimeDelta::hours(1))).earliest());
        found.map(|at| at.naive_utc())
    }

    /// What a `<input type="datetime-local">` holds: read back by [`Times::moment`], to the minute.
    pub fn input(&self, at: UtcTime) -> String {
        self.local(at).format("%Y-%m-%dT%H:%M").to_string()
    }

    /// `14:05`, for lists under headings of days.
    pub fn stamp_of_day(&self, at: UtcTime) -> Stamp {
        self.with(at, "%H:%M")
    }

    /// `Today`, `Yesterday`, `Thursday 19 November`, with the year where it is another.
    pub fn day_title(&self, at: UtcTime) -> String {
        let (day, today) = (self.local(at).date_naive(), self.local(self.now).date_naive());
        match (today - day).num_days() {
            0 => "Today".into(),
            1 => "Yesterday".into(),
            _ if day.year() == today.year() => day.format("%A %-d %B").to_string(),
            _ => day.format("%A %-d %B %Y").to_string(),
        }
    }

    /// `14:05`
    pub fn clock(&self, at: UtcTime) -> String {
        self.local(at).format("%H:%M").to_string()
    }

    /// `21 Nov`
    pub fn day(&self, at: UtcTime) -> String {
        self.local(at).format("%-d %b").to_string()
    }

    /// `Saturday 21 November 2026, 14:32 Dubai time`
    pub fn headline(&self) -> String {
        let now = self.local(self.now).format("%A %-d %B %Y, %H:%M");
        if self.zone == Tz::UTC { format!("{now} UTC") } else { format!("{now} {} time", self.city()) }
    }

    /// `times in Dubai (UTC+4)`
    pub fn zone_note(&self) -> String {
        if self.zone == Tz::UTC {
            return "times in UTC".into();
        }
        format!("times in {} ({})", self.city(), offset(&self.local(self.now)))
    }

    /// `6 min ago`, `in 12 s`; at least a second.
    pub fn relative(&self, at: UtcTime) -> String {
        let away = at - self.now;
        let text = duration(away.abs());
        if away > TimeDelta::zero() { format!("in {text}") } else { format!("{text} ago") }
    }

    /// Midnight at the start of the seller's day, in UTC.
    pub fn day_start(&self) -> UtcTime {
        let midnight = self.local(self.now).date_naive().and_time(chrono::NaiveTime::MIN);
        // A zone may skip midnight when its summer time starts: then the day starts when the clock jumps.
        let start = self.zone.from_local_datetime(&midnight).earliest();
        let start = start.or_else(|| self.zone.from_local_datetime(&(midnight + TimeDelta::hours(1))).earliest());
        start.map_or(midnight, |start| start.naive_utc())
    }

    fn local(&self, at: UtcTime) -> DateTime<Tz> {
        self.zone.from_utc_datetime(&at)
    }

    fn city(&self) -> String {
        self.zone.name().rsplit('/').next().unwrap_or("UTC").replace('_', " ")
    }

    fn with(&self, at: UtcTime, pattern: &str) -> Stamp {
        let local = self.local(at);
        Stamp { datetime: local.to_rfc3339_opts(chrono::SecondsFormat::Secs, false), text: local.format(pattern).to_string(), utc: utc(at) }
    }
}

/// `UTC+4`, `UTC−3:30`
fn offset(at: &DateTime<Tz>) -> String {
    let offset_min = at.offset().fix().local_minus_utc() / 60;
    if offset_min == 0 {
        return "UTC".into();
    }
    let (sign, hours, minutes) = (if offset_min < 0 { '−' } else { '+' }, offset_min.abs() / 60, offset_min.abs() % 60);
    let minutes = if minutes == 0 { String::new() } else { format!(":{minutes:02}") };
    format!("UTC{sign}{hours}{minutes}")
}

/// As programs read a time, in JSON and in files: RFC 3339, UTC, with microseconds.
pub fn rfc3339(at: UtcTime) -> String {
    at.and_utc().to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

fn utc(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `84 ms`, `3.1 s`, `6 min 12 s`, `3 h 18 min`, `5 days`.
pub fn duration(length: TimeDelta) -> String {
    let (ms, s) = (length.num_milliseconds(), length.num_seconds());
    match s {
        _ if ms < 1 => "<1 ms".into(),
        _ if ms < 1_000 => format!("{ms} ms"),
        0..10 => format!("{}.{} s", s, ms % 1_000 / 100),
        10..60 => format!("{s} s"),
        60..3_600 => two(s / 60, "min", s % 60, "s"),
        3_600..172_800 => two(s / 3_600, "h", s % 3_600 / 60, "min"),
        _ => format!("{} days", s / 86_400),
    }
}

/// The same from milliseconds.
pub fn duration_ms(ms: i64) -> String {
    duration(TimeDelta::milliseconds(ms))
}

fn two(big: i64, big_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 { format!("{big} {big_unit}") } else { format!("{big} {big_unit} {small} {small_unit}") }
}

/// Ends a provider's words like a sentence, so that another can follow.
pub fn ended(words: &str) -> String {
    let words = words.trim_end();
    if words.ends_with(['.', '!', '?', '…']) { words.to_owned() } else { format!("{words}.") }
}

/// `12,481`; minus is `−`.
pub fn number(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}", money::grouped(&value.unsigned_abs().to_string()))
}

/// A count that was stopped at `cap`: `10,000+`.
pub fn capped(count: i64, cap: i64) -> String {
    if count >= cap { format!("{}+", number(cap)) } else { number(count) }
}

/// `98.2%`; whole numbers without the decimal; never rounded up to 100.
pub fn percent(part: i64, whole: i64) -> String {
    if whole <= 0 {
        return "not available".into();
    }
    let tenths = part.saturating_mul(1_000) / whole;
    if tenths % 10 == 0 { format!("{}%", tenths / 10) } else { format!("{}.{}%", tenths / 10, tenths % 10) }
}

/// `1 job`, `7 jobs`: the number with its noun.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// `1.1 kB`
pub fn bytes(size: usize) -> String {
    if size < 1_000 { format!("{size} bytes") } else { format!("{}.{} kB", size / 1_000, size % 1_000 / 100) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UtcTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").expect("a time")
    }

    fn dubai(now: &str) -> Times {
        Times { zone: chrono_tz::Asia::Dubai, now: at(now) }
    }

    #[test]
    fn times_say_as_little_as_is_clear() {
        let times = dubai("2026-11-21 10:32:00");
        assert_eq!(times.stamp(at("2026-11-21 10:05:12")).text, "14:05");
        assert_eq!(times.stamp(at("2026-11-20 10:05:12")).text, "20 Nov, 14:05");
        assert_eq!(times.stamp(at("2025-11-21 10:05:12")).text, "21 Nov 2025");
        assert_eq!(times.stamp(at("2026-11-21 10:05:12")).datetime, "2026-11-21T14:05:12+04:00");
        assert_eq!(times.headline(), "Saturday 21 November 2026, 14:32 Dubai time");
        assert_eq!(times.zone_note(), "times in Dubai (UTC+4)");
        assert_eq!(times.day_start(), at("2026-11-20 20:00:00"));
        assert_eq!(times.relative(at("2026-11-21 10:33:30")), "in 1 min 30 s");
    }

    #[test]
    fn a_day_that_skips_midnight_still_starts() {
        // Beirut's clocks went from 00:00 to 01:00 on 26 March 2023.
        let times = Times { zone: chrono_tz::Asia::Beirut, now: at("2022-03-27 12:00:00") };
        assert_eq!(times.day_start(), at("2022-03-26 22:00:00"));
    }

    #[test]
    fn what_a_person_types_is_a_moment_of_their_zone() {
        let times = Times { zone: chrono_tz::Europe::Berlin, now: at("2026-03-28 12:00:00") };
        assert_eq!(times.moment("2026-03-28T14:05"), Some(at("2026-03-28 13:05:00")));
        assert_eq!(times.moment("2026-03-29T02:30"), Some(at("2026-03-29 01:30:00")), "02:30 is left out: 03:30");
        assert_eq!(times.moment("2026-10-25T02:30"), Some(at("2026-10-25 00:30:00")), "02:30 comes twice: the first");
        assert_eq!(["", "tomorrow", "2026-02-30T10:00"].map(|text| times.moment(text)), [None; 3]);
        assert_eq!(times.with_offset(at("2026-03-29 01:00:00")).text, "Sun 29 Mar, 03:00 (UTC+2)");
        assert_eq!(times.with_offset(at("2027-01-01 11:00:00")).text, "Fri 1 Jan 2027, 12:00 (UTC+1)");
    }

    #[test]
    fn durations_and_numbers_read_well() {
        assert_eq!(
            [84, 3_100, 42_000, 372_000, 11_880_000, 432_000_000].map(duration_ms),
            ["84 ms", "3.1 s", "42 s", "6 min 12 s", "3 h 18 min", "5 days"]
        );
        assert_eq!(duration_ms(0), "<1 ms");
        assert_eq!(["Locked [X]", "Locked.", "Locked… "].map(ended), ["Locked [X].", "Locked.", "Locked…"]);
        assert_eq!([0, 999, 1_000, 12_481, -1_234_567].map(number), ["0", "999", "1,000", "12,481", "−1,234,567"]);
        assert_eq!(capped(10_000, 10_000), "10,000+");
        assert_eq!(
            [percent(999, 1_000), percent(9_999, 10_000), percent(1, 1), percent(0, 0)],
            ["99.9%", "99.9%", "100%", "not available"]
        );
    }
}
