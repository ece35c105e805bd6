//! What the page of processes shows, as finished text.

use std::collections::BTreeMap;

use askama::Template;
use askama_web::WebTemplate;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::queries::{COUNT_MAX, ProcessRow};
use crate::clock::{OFFSET_MAX, OFFSET_WARNED, UtcTime};
use crate::outbox::SILENT_AFTER;
use crate::web::parts::{Exports, Pill, Stat};
use crate::web::{Shell, Stamp, Times, format};

/// The processes of a database, at one moment.
pub struct Fleet {
    pub processes: Vec<ProcessRow>,
    /// Jobs held, by the id of the process.
    pub in_flight: BTreeMap<String, i64>,
    /// The process that answers.
    pub own_id: String,
    pub now: UtcTime,
}

impl Fleet {
    /// Whether it has not been heard of for too long.
    pub fn is_silent(&self, row: &ProcessRow) -> bool {
        row.heartbeat_at <= self.now - SILENT_AFTER
    }

    /// How many jobs it has in its hands.
    pub fn held(&self, row: &ProcessRow) -> i64 {
        self.in_flight.get(&row.id).copied().unwrap_or_default()
    }

    /// How many live processes run each version.
    fn versions(&self) -> BTreeMap<&str, i64> {
        let mut versions = BTreeMap::new();
        for row in self.processes.iter().filter(|row| !self.is_silent(row)) {
            *versions.entry(row.version.as_str()).or_default() += 1;
        }
        versions
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let process = |row: &ProcessRow| {
            json!({
                "id": row.id, "host": row.host, "version": row.version, "roles": row.role.split(',').collect::<Vec<_>>(),
                "started_at": row.started_at.and_utc(), "heartbeat_at": row.heartbeat_at.and_utc(), "silent": self.is_silent(row),
                "jobs_in_flight": self.held(row), "clock_ahead_ms": row.clock_ahead_ms, "answers": row.id == self.own_id,
            })
        };
        json!({ "processes": self.processes.iter().map(process).collect::<Vec<_>>(), "versions": self.versions() })
    }
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "processes/index.html")]
pub struct ProcessList {
    pub shell: Shell,
    pub stats: Vec<Stat>,
    /// What needs a person, in words: title and text.
    pub warnings: Vec<(String, String)>,
    pub rows: Vec<ProcessLine>,
    pub exports: Exports,
}

/// A row of the list.
pub struct ProcessLine {
    pub id: String,
    pub host: String,
    pub is_own: bool,
    pub pill: Pill,
    pub roles: String,
    pub version: String,
    pub started: Stamp,
    pub heartbeat: Stamp,
    pub heard: String,
    pub in_flight: String,
    pub clock: String,
    pub is_clock_off: bool,
}

impl ProcessList {
    /// Puts the page together.
    pub fn new(shell: Shell, fleet: &Fleet) -> Self {
        let times = Times { now: fleet.now, ..shell.frame.times };
        Self {
            stats: stats(fleet),
            warnings: [versions(fleet), silent(fleet), clocks(fleet)].into_iter().flatten().collect(),
            exports: Exports::of("/processes"),
            rows: fleet.processes.iter().map(|row| ProcessLine::new(row, fleet, times)).collect(),
            shell,
        }
    }
}

impl ProcessLine {
    fn new(row: &ProcessRow, fleet: &Fleet, times: Times) -> Self {
        let label = if fleet.is_silent(row) { "Silent" } else { "Running" };
        Self {
            id: row.id.clone(),
            host: row.host.clone(),
            is_own: row.id == fleet.own_id,
            pill: Pill::of(label),
            roles: row.role.split(',').collect::<Vec<_>>().join(", "),
            version: row.version.clone(),
            started: times.stamp(row.started_at),
            heartbeat: times.stamp_s(row.heartbeat_at),
            heard: times.relative(row.heartbeat_at),
            in_flight: format::capped(fleet.held(row), COUNT_MAX),
            clock: row.clock_ahead_ms.map_or_else(|| "not measured".into(), clock),
            is_clock_off: off(row) > OFFSET_WARNED,
        }
    }
}

fn off(row: &ProcessRow) -> TimeDelta {
    TimeDelta::milliseconds(row.clock_ahead_ms.unwrap_or_default()).abs()
}

/// How the machine's clock differs from the database's: `12 ms slow`. The database ahead means that the machine is behind.
fn clock(ahead_ms: i64) -> String {
    match ahead_ms {
        0 => "exact".into(),
        1.. => format!("{} slow", format::duration_ms(ahead_ms)),
        _ => format!("{} fast", format::duration_ms(-ahead_ms)),
    }
}

fn stats(fleet: &Fleet) -> Vec<Stat> {
    let total = count(&fleet.processes);
    let silent = count(fleet.processes.iter().filter(|row| fleet.is_silent(row)));
    let with = |role: &str| count(fleet.processes.iter().filter(|row| !fleet.is_silent(row) && row.role.contains(role)));
    let in_flight = fleet.in_flight.values().sum();
    vec![
        figure("Running", total - silent, if silent == 0 { "none silent".into() } else { format!("{silent} silent") }),
        figure("Workers", with("worker"), "take jobs".into()),
        figure("Schedulers", with("scheduler"), "fire what is due".into()),
        Stat { value: format::capped(in_flight, COUNT_MAX), ..figure("Jobs in flight", 0, "leased at this moment".into()) },
    ]
}

fn figure(label: &'static str, count: i64, note: String) -> Stat {
    Stat { label, value: format::number(count), unit: String::new(), note }
}

fn count<T>(rows: impl IntoIterator<Item = T>) -> i64 {
    i64::try_from(rows.into_iter().count()).unwrap_or(i64::MAX)
}

fn versions(fleet: &Fleet) -> Option<(String, String)> {
    let versions = fleet.versions();
    if versions.len() < 2 {
        return None;
    }
    let each: Vec<_> =
        versions.iter().map(|(version, count)| format!("{version} ({})", format::counted(*count, "process", "processes"))).collect();
    let text = format!("{}. While you update that is as it should be; otherwise one of them was forgotten.", each.join(", "));
    Some(("Different versions run at once".into(), text))
}

fn silent(fleet: &Fleet) -> Option<(String, String)> {
    let silent = count(fleet.processes.iter().filter(|row| fleet.is_silent(row)));
    let title = if silent == 1 { "A process has fallen silent".to_owned() } else { format!("{silent} processes have fallen silent") };
    let text = "Without a heartbeat for 30 s a process counts as dead and its jobs go to others. It ended without saying good-bye \
                (killed, machine lost), or cannot reach the database. Its row stays for 7 days.";
    (silent > 0).then(|| (title, text.to_owned()))
}

fn clocks(fleet: &Fleet) -> Option<(String, String)> {
    let worst = fleet.processes.iter().filter(|row| !fleet.is_silent(row)).max_by_key(|row| off(row))?;
    if off(worst) <= OFFSET_WARNED {
        return None;
    }
    let differs = format::duration(off(worst));
    let consequence = if off(worst) > OFFSET_MAX {
        "That is more than a quarter of a lease: it claims no jobs until its clock is set right."
    } else {
        "It is corrected for; beyond 7.5 s the process would claim no jobs."
    };
    let text = format!("On {} it differs by {differs}. {consequence} Check the time service (NTP) there.", worst.host);
    Some(("A machine's clock differs from the database's".into(), text))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    fn now() -> UtcTime {
        NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a time")
    }

    fn process(id: &str, version: &str, beat_s_ago: i64, clock_ahead_ms: i64) -> ProcessRow {
        let heartbeat_at = now() - TimeDelta::seconds(beat_s_ago);
        let (id, version, role, host) = (id.into(), version.into(), "web,worker".into(), "desk".into());
        ProcessRow { id, role, version, host, started_at: heartbeat_at, heartbeat_at, clock_ahead_ms: Some(clock_ahead_ms) }
    }

    fn fleet(processes: Vec<ProcessRow>) -> Fleet {
        Fleet { processes, in_flight: BTreeMap::from([("a".into(), 3)]), own_id: "a".into(), now: now() }
    }

    #[test]
    fn a_process_is_silent_after_thirty_seconds_and_its_version_counts_no_more() {
        let fleet = fleet(vec![process("a", "1", 29, 0), process("b", "2", 30, 0)]);
        assert_eq!([0, 1].map(|place| fleet.is_silent(&fleet.processes[place])), [false, true]);
        assert!(versions(&fleet).is_none() && silent(&fleet).is_some_and(|(title, _)| title == "A process has fallen silent"));
    }

    #[test]
    fn different_versions_are_pointed_out() {
        let fleet = fleet(vec![process("a", "1", 1, 0), process("b", "2", 1, 0), process("c", "2", 1, 0)]);
        let (_, text) = versions(&fleet).expect("two versions");
        assert!(text.starts_with("1 (1 process), 2 (2 processes)."), "{text}");
        assert!(silent(&fleet).is_none());
    }

    #[test]
    fn a_clock_that_is_off_is_named_with_what_follows_from_it() {
        assert!(clocks(&fleet(vec![process("a", "1", 1, 5_000)])).is_none());
        assert!(clocks(&fleet(vec![process("a", "1", 1, -5_001)])).is_some_and(|(_, text)| text.contains("5.0 s. It is corrected for")));
        assert!(clocks(&fleet(vec![process("a", "1", 1, 7_501)])).is_some_and(|(_, text)| text.contains("claims no jobs until")));
        assert_eq!([12, -340, 0].map(clock), ["12 ms slow", "340 ms fast", "exact"]);
    }
}
