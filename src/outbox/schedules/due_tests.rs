//! Due times over changes of the clock, in both hemispheres, and back as well as forth.

use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;

use super::Schedule;
use super::due::{After, DECIDED_MAX, DueTime};
use crate::clock::UtcTime;
use crate::outbox::JobId;

fn schedule(cron: &str, zone: Tz) -> Schedule {
    Schedule::new("test", cron, zone, |_, _, _| Ok(JobId(1))).expect("a pattern")
}

fn at(text: &str) -> UtcTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time")
}

/// The next due times: wall clock, offset in minutes, and how far the clocks were moved before it.
fn next(cron: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(cron, zone);
    let told = |due: &DueTime| {
        let local = due.at.and_utc().with_timezone(&zone);
        let moved = due.clocks_move.map_or(String::new(), |moved| format!(" {:+}", moved.num_minutes()));
        format!("{}{moved}", local.format("%d %H:%M %:z"))
    };
    schedule.next_due(at(from), count).iter().map(told).collect()
}

#[test]
fn a_daily_time_that_spring_leaves_out_is_due_when_the_gap_ends() {
    assert_eq!(
        next("30 2 * * *", Tz::Europe__Berlin, "2026-03-27 12:00", 3),
        ["28 02:30 +01:00", "29 03:00 +02:00 +60", "30 02:30 +02:00"]
    );
    assert_eq!(
        next("30 2 * * *", Tz::America__New_York, "2026-03-06 12:00", 3),
        ["07 02:30 -05:00", "08 03:00 -04:00 +60", "09 02:30 -04:00"]
    );
    assert_eq!(
        next("30 2 * * *", Tz::Australia__Sydney, "2026-10-02 12:00", 3),
        ["03 02:30 +10:00", "04 03:00 +11:00 +60", "05 02:30 +11:00"]
    );
    // Lord Howe's clocks move by half an hour: 02:00 becomes 02:30.
    assert_eq!(
        next("15 2 * * *", Tz::Australia__Lord_Howe, "2026-10-02 12:00", 3),
        ["03 02:15 +10:30", "04 02:30 +11:00 +30", "05 02:15 +11:00"]
    );
}

#[test]
fn a_daily_time_that_autumn_repeats_is_due_the_first_time_only() {
    assert_eq!(
        next("30 2 * * *", Tz::Europe__Berlin, "2026-10-23 12:00", 3),
        ["24 02:30 +02:00", "25 02:30 +02:00", "26 02:30 +01:00 -60"]
    );
    assert_eq!(
        next("30 1 * * *", Tz::America__New_York, "2026-10-30 12:00", 3),
        ["31 01:30 -04:00", "01 01:30 -04:00", "02 01:30 -05:00 -60"]
    );
    assert_eq!(
        next("30 2 * * *", Tz::Australia__Sydney, "2026-04-03 12:00", 3),
        ["04 02:30 +11:00", "05 02:30 +11:00", "06 02:30 +10:00 -60"]
    );
    assert_eq!(
        next("45 1 * * *", Tz::Australia__Lord_Howe, "2026-04-03 12:00", 3),
        ["04 01:45 +11:00", "05 01:45 +11:00", "06 01:45 +10:30 -30"]
    );
}

#[test]
fn what_is_due_every_half_hour_goes_by_real_time() {
    assert_eq!(
        next("*/30 * * * *", Tz::Europe__Berlin, "2026-10-24 23:40", 5),
        ["25 02:00 +02:00", "25 02:30 +02:00", "25 02:00 +01:00 -60", "25 02:30 +01:00", "25 03:00 +01:00"]
    );
    assert_eq!(
        next("*/30 * * * *", Tz::Europe__Berlin, "2026-03-29 00:10", 3),
        ["29 01:30 +01:00", "29 03:00 +02:00 +60", "29 03:30 +02:00"]
    );
}

/// Looking back must find exactly what looking ahead promised: the page shows one, the tick acts on the other.
#[test]
fn back_and_forth_find_the_same_instants() {
    let zones = [Tz::Europe__Berlin, Tz::America__New_York, Tz::Australia__Sydney, Tz::Australia__Lord_Howe, Tz::Africa__Cairo, Tz::UTC];
    let patterns =
        ["30 2 * * *", "0 2 * * *", "30 1 * * *", "45 1 * * *", "15 2 * * *", "0 0 * * *", "*/15 * * * *", "5,35 1-3 * * *", "0 9 * * 1"];
    for zone in zones {
        for pattern in patterns {
            let schedule = schedule(pattern, zone);
            for start in [
                "2026-03-06 00:00",
                "2026-03-27 00:00",
                "2026-04-03 00:00",
                "2026-04-23 00:00",
                "2026-10-02 00:00",
                "2026-10-23 00:00",
                "2026-10-29 00:00",
            ] {
                let (from, to) = (at(start), at(start) + TimeDelta::days(4));
                let ahead: Vec<UtcTime> = schedule.next_due(from, 500).iter().map(|due| due.at).filter(|due_at| *due_at <= to).collect();
                let mut back = Vec::new();
                let mut until = to;
                while let Some(due_at) = schedule.last_due(until).filter(|due_at| *due_at > from) {
                    back.push(due_at);
                    until = due_at - TimeDelta::seconds(1);
                }
                back.reverse();
                assert_eq!(ahead, back, "`{pattern}` in {zone} from {start}");
                let walked = schedule.undecided(After::Decided(from), to);
                assert_eq!(walked, ahead[ahead.len().saturating_sub(DECIDED_MAX)..], "`{pattern}` in {zone} from {start}");
            }
        }
    }
}

#[test]
fn each_second_of_a_change_of_the_clock_finds_each_due_time_once() {
    for (zone, from) in
        [(Tz::Europe__Berlin, "2026-10-24 23:00"), (Tz::Europe__Berlin, "2026-03-28 23:00"), (Tz::Australia__Lord_Howe, "2026-04-04 13:00")]
    {
        for pattern in ["30 2 * * *", "45 1 * * *", "*/15 * * * *"] {
            let schedule = schedule(pattern, zone);
            let start = at(from);
            let (mut after, mut found) = (After::Known(start), Vec::new());
            for second in 0..4 * 3_600 {
                for due_at in schedule.undecided(after, start + TimeDelta::milliseconds(second * 1_000 + 250)) {
                    found.push(due_at);
                    after = After::Decided(due_at);
                }
            }
            let promised: Vec<UtcTime> = schedule
                .next_due(start - TimeDelta::seconds(1), 50)
                .iter()
                .map(|due| due.at)
                .filter(|due_at| *due_at < start + TimeDelta::hours(4))
                .collect();
            assert_eq!(found, promised, "`{pattern}` in {zone}");
        }
    }
}

#[test]
fn of_very_many_only_the_last_hundred_are_decided() {
    let schedule = schedule("* * * * *", Tz::UTC);
    let due = schedule.undecided(After::Decided(at("2026-01-01 00:00")), at("2026-03-01 00:00"));
    assert_eq!((due.len(), due.first().copied(), due.last().copied()), (100, Some(at("2026-02-28 22:21")), Some(at("2026-03-01 00:00"))));
}

#[test]
fn a_pattern_that_never_comes_is_never_due() {
    let schedule = schedule("0 0 30 2 *", Tz::UTC);
    assert!(schedule.next_due(at("2026-01-01 00:00"), 20).is_empty());
    assert!(schedule.undecided(After::Known(at("2026-01-01 00:00")), at("2027-01-01 00:00")).is_empty());
}

#[test]
fn patterns_are_told_in_words() {
    for (cron, words) in [
        ("*/15 * * * *", "Every 15 minutes"),
        ("0 9 * * *", "At 09:00"),
        ("30 2 * * 1", "At 02:30, on Monday"),
        ("* * * * *", "Every minute"),
    ] {
        assert_eq!(schedule(cron, Tz::UTC).in_words(), words);
    }
}
