//! What the page of health shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::advice::{Advice, Help, PROCESS, REFRESH};
use super::check::{Check, State};
use super::facts::Facts;
use super::queries::COUNTED_MAX;
use super::report::Report;
use crate::connections::ConnectionState;
use crate::outbox::limits::WARNING_PERCENT;
use crate::web::parts::{GaugeLine, Pill};
use crate::web::{Shell, Stamp, Times, format};

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "health/index.html")]
pub struct HealthPage {
    pub shell: Shell,
    pub pill: Pill,
    pub headline: String,
    pub checked: Stamp,
    pub advice: Vec<AdviceLine>,
    pub crm: Option<CrmPanel>,
    pub groups: Vec<Group>,
    pub windows: Vec<WindowLine>,
    pub process: &'static str,
    pub refresh: &'static str,
    pub may_operate: bool,
    pub is_connected: bool,
}

/// Something that would help.
pub struct AdviceLine {
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub reason: String,
    pub help: Help,
}

/// The connection at a glance.
pub struct CrmPanel {
    pub pill: Pill,
    pub note: String,
    /// Seconds to the end of the token; None where it has none, or none that counts.
    pub token_s: Option<i64>,
    pub token: String,
    pub token_note: String,
    pub gauges: Vec<GaugeLine>,
    pub waiting: String,
    pub waiting_note: String,
    pub success: String,
    pub success_note: String,
}

/// Checks about one part of the program, the worst first.
pub struct Group {
    pub id: &'static str,
    pub title: &'static str,
    pub checks: Vec<CheckLine>,
    pub summary: String,
    /// Something in it needs a person: shown without being asked.
    pub is_open: bool,
}

/// A check.
pub struct CheckLine {
    pub icon: &'static str,
    pub class: &'static str,
    /// The state as a word, for whoever does not see the icon.
    pub word: &'static str,
    pub title: String,
    pub output: String,
    pub id: &'static str,
}

/// What became of the leads of a stretch of time.
pub struct WindowLine {
    pub label: &'static str,
    pub sent: String,
    pub failed: String,
    pub rate: String,
    pub is_bad: bool,
}

const GROUPS: [(&str, &str, &[&str]); 4] = [
    ("crm", "Zoho CRM", &["zoho-crm"]),
    ("leads", "Leads and jobs", &["leads", "outbox"]),
    ("orders", "Orders, books and people", &["zoho-books", "orders", "stripe", "inbox", "people"]),
    ("program", "The program", &["database", "schedules", "processes", "configuration"]),
];

impl HealthPage {
    /// Puts the page together.
    pub fn new(shell: Shell, report: &Report, may_operate: bool) -> Self {
        let times = Times { now: report.at, ..shell.frame.times };
        let mut groups: Vec<Group> = GROUPS.iter().filter_map(|group| Group::new(group, &report.checks)).collect();
        // Where something is wrong comes first.
        groups.sort_by_key(|group| !group.is_open);
        let facts = report.facts.as_ref();
        Self {
            pill: Pill::of(report.state.word()),
            headline: report.headline(),
            checked: times.stamp_s(report.at),
            advice: report.advice.iter().map(AdviceLine::new).collect(),
            crm: facts.map(|facts| CrmPanel::new(facts, report, times)),
            groups,
            windows: facts.map(windows).unwrap_or_default(),
            process: PROCESS,
            refresh: REFRESH,
            may_operate,
            is_connected: facts
                .and_then(|facts| facts.zoho.summary.as_ref())
                .is_some_and(|summary| summary.state == ConnectionState::Connected),
            shell,
        }
    }
}

impl AdviceLine {
    fn new(advice: &Advice) -> Self {
        let (tone, icon) = match advice.state {
            State::Fail => ("bad", "circle-x"),
            State::Warn => ("warn", "triangle-alert"),
            State::Pass => ("", "info"),
        };
        Self { tone, icon, title: advice.title.clone(), reason: advice.reason.clone(), help: advice.help.clone() }
    }
}

impl Group {
    fn new((id, title, components): &(&'static str, &'static str, &[&str]), checks: &[Check]) -> Option<Self> {
        let is_of = |check: &&Check| check.id.split(':').next().is_some_and(|component| components.contains(&component));
        let own: Vec<&Check> = checks.iter().filter(is_of).collect();
        let troubled = own.iter().filter(|check| check.state > State::Pass).count();
        let summary = match (troubled, own.len()) {
            (0, 1) => "The check passes".into(),
            (1, 1) => "The check needs a look".into(),
            (0, all) => format!("All {all} checks pass"),
            (1, all) => format!("1 of {all} checks needs a look"),
            (some, all) => format!("{some} of {all} checks need a look"),
        };
        let checks: Vec<CheckLine> = own.iter().map(|check| CheckLine::new(check)).collect();
        (!checks.is_empty()).then_some(Self { id, title, checks, summary, is_open: troubled > 0 })
    }
}

impl CheckLine {
    fn new(check: &Check) -> Self {
        let (icon, class, word) = match check.state {
            State::Pass => ("circle-check", "c-ok", "Passes"),
            State::Warn => ("triangle-alert", "c-warn", "Warns"),
            State::Fail => ("circle-x", "c-bad", "Fails"),
        };
        let title = check.of.as_ref().map_or_else(|| check.title.to_owned(), |of| format!("{} {of}", check.title));
        Self { icon, class, word, title, output: check.output.clone(), id: check.id }
    }
}

impl CrmPanel {
    fn new(facts: &Facts, report: &Report, times: Times) -> Self {
        let own = report.checks.iter().filter(|check| check.id.starts_with("zoho-crm:"));
        let state = State::worst(own.map(|check| check.state));
        let (token_s, token, token_note) = token(facts, times);
        let delivery = facts.leads.delivery;
        let note = match (&facts.zoho.summary, delivery) {
            (None, _) => "not connected yet".into(),
            (Some(_), Some(delivery)) => format!("{} from form to CRM, median of {}", format::duration(delivery.p50), delivery.count),
            (Some(_), None) => "nothing sent within 24 hours".into(),
        };
        let (waiting, oldest) = (facts.waiting(), facts.leads.oldest_waiting);
        let counts = &facts.leads.statistics.last_24h;
        Self {
            pill: Pill::of(state.word()),
            note,
            token_s,
            token,
            token_note,
            gauges: gauges(facts),
            waiting: if waiting == 1 { "1 lead".into() } else { format!("{} leads", format::capped(waiting, COUNTED_MAX)) },
            waiting_note: oldest
                .map_or_else(|| "nothing waits".into(), |(_, since)| format!("oldest for {}", format::duration(facts.at - since))),
            success: rate((counts.sent, counts.failed)),
            success_note: format!(
                "{} sent, {} failed",
                format::capped(counts.sent, COUNTED_MAX),
                format::capped(counts.failed, COUNTED_MAX)
            ),
        }
    }
}

/// The countdown, its words where there is none to count, and when it is renewed.
fn token(facts: &Facts, times: Times) -> (Option<i64>, String, String) {
    let Some(summary) = &facts.zoho.summary else { return (None, "none".into(), "there is one once Zoho is connected".into()) };
    if summary.state != ConnectionState::Connected {
        return (None, "not accepted".into(), "until Zoho is connected again".into());
    }
    let Some(expires_at) = summary.token_expires_at else { return (None, "none yet".into(), "the next call asks for one".into()) };
    let left = (expires_at - facts.at).num_seconds();
    if left <= 0 {
        return (None, "ended".into(), "the next call renews it".into());
    }
    let note = format!("renewed by a call after {}", times.stamp(expires_at - crate::connections::RENEWED_BEFORE).text);
    (Some(left), format!("{}:{:02}", left / 60, left % 60), note)
}

fn gauges(facts: &Facts) -> Vec<GaugeLine> {
    let Some(gauge) = &facts.zoho.gauge else { return Vec::new() };
    let line = |label, used, most| GaugeLine::new(label, (used, most), WARNING_PERCENT);
    let windows = gauge.windows.iter().map(|(window, used)| {
        let note = format!("{} in the last hour", format::number(facts.zoho.calls_last_hour));
        line(format!("Calls in any {}", window.in_words()), *used, window.calls).note(note)
    });
    windows.chain([line("Calls under way".into(), gauge.under_way, gauge.at_once)]).collect()
}

fn windows(facts: &Facts) -> Vec<WindowLine> {
    let counts = &facts.leads.statistics.last_24h;
    let line = |label, (sent, failed): (i64, i64)| WindowLine {
        label,
        sent: format::capped(sent, COUNTED_MAX),
        failed: format::capped(failed, COUNTED_MAX),
        rate: rate((sent, failed)),
        is_bad: failed > 0,
    };
    vec![line("Last hour", facts.leads.hour), line("Last 24 hours", (counts.sent, counts.failed)), line("Last 7 days", facts.leads.week)]
}

/// Of counts that ended at their limit no share follows.
fn rate((sent, failed): (i64, i64)) -> String {
    if sent.max(failed) < COUNTED_MAX { format::percent(sent, sent + failed) } else { "too many to count".into() }
}
