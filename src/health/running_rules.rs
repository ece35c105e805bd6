//! What is right and wrong with what runs the program: database, disk, schedules, processes, clocks, settings. Rules only.

use chrono::TimeDelta;

use super::check::{Check, State};
use super::configuration::{self, Weight};
use super::facts::{Facts, ProcessFacts, ScheduleFacts};
use crate::clock::{OFFSET_MAX, OFFSET_WARNED};
use crate::web::format;

const GIB: u64 = 1 << 30;
/// Free room below which a disk is filling, and below which it is full for our purposes.
const DISK_WARNED_BYTES: u64 = 2 * GIB;
const DISK_FAILED_BYTES: u64 = GIB / 4;
/// A process that fell silent is news for so long.
const SILENCE_TOLD: TimeDelta = TimeDelta::hours(1);

/// The database and its disk, schedules, processes, settings.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![answers(facts), size(facts)];
    checks.extend(disk(facts));
    checks.extend(facts.schedules.iter().map(|schedule| runs(schedule, facts)));
    checks.extend([heartbeat(facts), clock(facts), settings(facts)]);
    checks
}

fn answers(facts: &Facts) -> Check {
    let ms = i64::try_from(facts.answered_in.as_millis()).unwrap_or(i64::MAX);
    let output = format!("Everything here was read in {}, with the current schema.", format::duration_ms(ms.max(1)));
    Check::pass("database:answers", "Database", output).seen(ms, "ms")
}

/// The database does not answer, or not as it should.
pub fn unanswered(why: &str) -> Check {
    let output = format!("{} Leads cannot be taken in until it does; forms are answered 503 and keep what was typed.", format::ended(why));
    Check::pass("database:answers", "Database", output).at(State::Fail)
}

fn size(facts: &Facts) -> Check {
    Check::pass("database:size", "Database size", format!("{}.", bytes(facts.size_bytes.unsigned_abs()))).seen(facts.size_bytes, "bytes")
}

fn disk(facts: &Facts) -> Option<Check> {
    let disk = facts.disk?;
    let state = match disk.free_bytes {
        0..DISK_FAILED_BYTES => State::Fail,
        DISK_FAILED_BYTES..DISK_WARNED_BYTES => State::Warn,
        _ => State::Pass,
    };
    let output = format!("{} of {} are free where the database is.", bytes(disk.free_bytes), bytes(disk.total_bytes));
    Some(Check::pass("database:disk-free", "Disk", output).at(state).seen(disk.free_bytes, "bytes"))
}

/// `1.4 GB`: powers of ten, as disks are sold.
pub fn bytes(size: u64) -> String {
    let in_tenths = |unit: u64| format!("{}.{}", size / unit, size % unit * 10 / unit);
    match size {
        0..1_000_000 => format!("{} kB", size / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", in_tenths(1_000_000)),
        1_000_000_000..1_000_000_000_000 => format!("{} GB", in_tenths(1_000_000_000)),
        _ => format!("{} TB", in_tenths(1_000_000_000_000)),
    }
}

fn runs(told: &ScheduleFacts, facts: &Facts) -> Check {
    let last = told.last_at.map_or_else(|| "It has not been due yet.".to_owned(), |at| format!("Last due {}.", facts.ago(at)));
    let (state, output) = match (told.is_paused, told.overdue_since, told.missed_at) {
        (true, ..) => (State::Warn, format!("On hold: a person paused it. {last}")),
        (_, Some(since), _) => (State::Fail, format!("Due for {} and not started: no process ticks.", format::duration(facts.at - since))),
        _ if told.has_failed => (State::Warn, format!("The job of its last run has failed. {last}")),
        (_, _, Some(missed)) => (State::Warn, format!("No process ran when it was due {}. {last}", facts.ago(missed))),
        _ => (State::Pass, last),
    };
    let age = told.last_at.map(|at| (facts.at - at).num_seconds());
    Check::pass("schedules:runs", "Schedule", output).at(state).of(told.name).seen(age, "s")
}

/// Who works. A process that ended properly is in no list; one that fell silent is told for an hour.
fn heartbeat(facts: &Facts) -> Check {
    let workers = facts.living("worker").count();
    let schedulers = facts.living("scheduler").count();
    let was_heard = |process: &&ProcessFacts| !process.lives(facts.at) && process.heartbeat_at > facts.at - SILENCE_TOLD;
    let silent: Vec<&ProcessFacts> = facts.processes.iter().filter(was_heard).collect();
    let (state, output) = match (workers, schedulers, silent.first()) {
        (0, ..) => (State::Fail, "No worker lives: nothing is sent until one is started.".to_owned()),
        (_, 0, _) => (State::Fail, "No scheduler lives: nothing that is due by the clock starts.".to_owned()),
        (_, _, Some(process)) => {
            let output = format!("A process on {} fell silent {}. Its jobs went to others.", process.host, facts.ago(process.heartbeat_at));
            (State::Warn, output)
        }
        _ => {
            let workers = format::counted(i64::try_from(workers).unwrap_or(i64::MAX), "worker", "workers");
            (State::Pass, format!("{workers} and {schedulers} with the schedules; each beats every 5 s."))
        }
    };
    Check::pass("processes:heartbeat", "Processes", output).at(state).seen(workers, "workers")
}

fn clock(facts: &Facts) -> Check {
    const ID: &str = "processes:clock";
    let off = |process: &&ProcessFacts| TimeDelta::milliseconds(process.clock_ahead_ms).abs();
    let Some(worst) = facts.processes.iter().filter(|process| process.lives(facts.at)).max_by_key(off) else {
        return Check::pass(ID, "Clocks", "No process lives whose clock could be off.");
    };
    let differs = off(&worst);
    let state = match differs {
        _ if differs > OFFSET_MAX => State::Fail,
        _ if differs > OFFSET_WARNED => State::Warn,
        _ => State::Pass,
    };
    let output = match state {
        State::Pass => format!("Within {} of the database's.", format::duration(OFFSET_WARNED)),
        State::Warn => {
            format!("On {} it differs by {}, which is corrected for. Check its time service (NTP).", worst.host, format::duration(differs))
        }
        State::Fail => {
            format!(
                "On {} it differs by {}: that process claims no jobs until it is set right (NTP).",
                worst.host,
                format::duration(differs)
            )
        }
    };
    Check::pass(ID, "Clocks", output).at(state).seen(worst.clock_ahead_ms, "ms")
}

fn settings(facts: &Facts) -> Check {
    let serious: Vec<_> = facts.findings.iter().filter(|finding| finding.weight > Weight::Note).collect();
    let state = State::worst(serious.iter().map(|finding| finding.weight.state()));
    let output = match serious.first() {
        None => "Nothing that is set stands in the way.".to_owned(),
        Some(first) => {
            let more = serious.len() - 1;
            let more = if more == 0 { String::new() } else { format!(" And {more} more: see “{}”.", configuration::COMMAND) };
            format!("{} {}{more}", first.setting, first.text)
        }
    };
    Check::pass("configuration:settings", "Settings", output).at(state).seen(serious.len(), "findings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        assert_eq!([0, 4_096, 1_540_000, 2_147_483_648].map(bytes), ["0 kB", "4 kB", "1.5 MB", "2.1 GB"]);
    }
}
