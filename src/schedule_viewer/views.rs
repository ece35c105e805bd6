//! The page of one schedule, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::list_views::{self, held, state};
use super::queries::Told;
use super::run_views::{self, RunLine};
use crate::clock::UtcTime;
use crate::outbox::schedules::{DueTime, Missed, Overlap, Schedule};
use crate::web::parts::{Exports, Fact, Pill};
use crate::web::{Shell, Stamp, Times, format};

/// Due times to come on the page.
const NEXT: usize = 20;

/// A schedule.
#[derive(Template, WebTemplate)]
#[template(path = "schedules/show.html")]
pub struct ScheduleShow {
    pub shell: Shell,
    pub name: &'static str,
    pub purpose: &'static str,
    pub in_words: String,
    /// In which zone the page's times are: the schedule's own.
    pub zone_note: String,
    /// The seller's zone, in which a person types until when to hold it.
    pub own_zone: &'static str,
    pub pill: Pill,
    pub held: String,
    pub next: Vec<NextLine>,
    pub runs: Vec<RunLine>,
    pub facts: Vec<Fact>,
    pub may_operate: bool,
    pub exports: Exports,
}

/// A due time to come.
pub struct NextLine {
    pub at: Stamp,
    pub relative: String,
    /// How the clocks are set before it; empty where they are not.
    pub change: String,
    /// It falls into the pause, as far as that is known to last.
    pub is_paused: bool,
}

impl ScheduleShow {
    /// Puts the page together.
    pub fn new(shell: Shell, schedule: &Schedule, told: &Told, may_operate: bool) -> Self {
        let own = shell.frame.times;
        let times = Times { zone: schedule.zone(), ..own };
        Self {
            name: schedule.name(),
            purpose: schedule.purpose(),
            in_words: schedule.in_words(),
            zone_note: zone_note(schedule),
            own_zone: own.zone.name(),
            pill: Pill::of(state(told, own.now)),
            held: held(told, own),
            next: schedule.next_due(own.now, NEXT).iter().map(|due| NextLine::new(due, told, times)).collect(),
            runs: told.runs.iter().map(|run| RunLine::new(run, told, times)).collect(),
            facts: facts(schedule, told, own),
            may_operate,
            exports: Exports::of(&format!("/schedules/{}", schedule.name())),
            shell,
        }
    }
}

fn zone_note(schedule: &Schedule) -> String {
    match schedule.zone().name() {
        "UTC" => "times in UTC".into(),
        zone => format!("times in {zone}, UTC on hover"),
    }
}

impl NextLine {
    fn new(due: &DueTime, told: &Told, times: Times) -> Self {
        let change = due.clocks_move.map(change).unwrap_or_default();
        let is_paused = told.row.as_ref().is_some_and(|row| row.pause_at(due.at).is_some());
        Self { at: times.with_offset(due.at), relative: times.relative(due.at), change, is_paused }
    }
}

fn change(moved: TimeDelta) -> String {
    let direction = if moved > TimeDelta::zero() { "forward" } else { "back" };
    format!("clocks go {direction} {} before this", format::duration(moved.abs()))
}

fn facts(schedule: &Schedule, told: &Told, times: Times) -> Vec<Fact> {
    let missed = match schedule.missed() {
        Missed::Once => "made up once, late",
        Missed::Skip => "left out",
    };
    let overlap = match schedule.overlap() {
        Overlap::Skip => "the next is skipped",
        Overlap::Allow => "the next starts all the same",
    };
    let mut facts = vec![
        Fact::code("Pattern", schedule.cron()),
        Fact::text("Zone", schedule.zone().name()),
        Fact::text("When missed", missed),
        Fact::text("While one runs", overlap),
    ];
    if let Some(row) = &told.row {
        facts.push(Fact::text("Known since", times.exact(row.since).text));
    }
    facts
}

/// The same for programs.
pub fn to_json(schedule: &Schedule, told: &Told, now: UtcTime) -> Value {
    let mut page = list_views::to_json(schedule, told, now);
    let next = schedule.next_due(now, NEXT);
    let next =
        next.iter().map(|due| json!({ "at": due.at.and_utc(), "clocks_move_min": due.clocks_move.map(|moved| moved.num_minutes()) }));
    page["next_due"] = next.collect();
    page["runs"] = told.runs.iter().map(run_views::to_json).collect();
    page
}
