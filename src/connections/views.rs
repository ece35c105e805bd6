//! What the page of connections shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use super::holds::{Held, HoldLine};
use super::model::{ConnectionState, Summary};
use crate::clock::UtcTime;
use crate::integrations::smtp::PROVIDER as MAIL;
use crate::integrations::stripe::PROVIDER as STRIPE;
use crate::integrations::zoho::PROVIDER;
use crate::integrations::zoho::books::PROVIDER as BOOKS;
use crate::outbox::breaker;
use crate::outbox::limits::{Gauge, WARNING_PERCENT, Window};
use crate::outbox::pauses::Scope;
use crate::outbox::waiting::provider_name;
use crate::web::parts::{Exports, Fact, GaugeLine, Pill};
use crate::web::{Shell, Times, format};

/// What is known of one connection.
pub struct Told {
    pub provider: &'static str,
    /// None: nobody has connected it yet.
    pub summary: Option<Summary>,
    pub breaker: Option<breaker::ConnectionState>,
    /// None: nobody has said what the provider allows.
    pub gauge: Option<Gauge>,
    pub held: Held,
}

/// All connections.
#[derive(Template, WebTemplate)]
#[template(path = "connections/index.html")]
pub struct ConnectionList {
    pub shell: Shell,
    pub panels: Vec<ConnectionPanel>,
    pub own_zone: &'static str,
    pub may_operate: bool,
    pub exports: Exports,
    /// The others that could be: the pages that say how.
    pub missing: Vec<(&'static str, &'static str)>,
}

/// One of them.
pub struct ConnectionPanel {
    pub id: &'static str,
    /// Its own page, where it has one.
    pub page: Option<&'static str>,
    pub name: String,
    pub pill: Pill,
    /// Its state in words.
    pub state: String,
    pub hold: Option<HoldLine>,
    pub gauges: Vec<GaugeLine>,
    pub facts: Vec<Fact>,
}

impl ConnectionList {
    /// Puts the page together.
    pub fn new(shell: Shell, told: &[Told], may_operate: bool) -> Self {
        let times = shell.frame.times;
        Self {
            panels: told.iter().map(|told| ConnectionPanel::new(told, times)).collect(),
            own_zone: times.zone.name(),
            may_operate,
            exports: Exports::of("/connections"),
            missing: if told.iter().any(|told| told.provider == STRIPE) { Vec::new() } else { vec![("Stripe", "/connections/stripe")] },
            shell,
        }
    }
}

impl ConnectionPanel {
    fn new(told: &Told, times: Times) -> Self {
        let hold = told.held.of(Scope::Connection, told.provider, times);
        Self {
            id: told.provider,
            page: page(told.provider),
            name: if told.provider == MAIL { "Mail server".into() } else { provider_name(told.provider).to_owned() },
            pill: Pill::of(word(told, hold.is_some(), times.now)),
            state: state(told, times),
            hold,
            gauges: gauges_of(told),
            facts: facts(told, times),
        }
    }
}

fn page(provider: &str) -> Option<&'static str> {
    match provider {
        PROVIDER => Some("/connections/zoho"),
        BOOKS => Some("/connections/books"),
        STRIPE => Some("/connections/stripe"),
        _ => None,
    }
}

/// The word for its state.
pub(super) fn word(told: &Told, is_held: bool, now: UtcTime) -> &'static str {
    let Some(summary) = &told.summary else { return "Not connected" };
    match summary.state {
        ConnectionState::NeedsReconnect => "Sign-in refused",
        ConnectionState::Disconnected => "Not connected",
        ConnectionState::Connected if is_held || summary.blocked_until.is_some_and(|until| until > now) => "Paused",
        ConnectionState::Connected => "Connected",
    }
}

/// Its state in words.
pub(super) fn state(told: &Told, times: Times) -> String {
    let Some(summary) = &told.summary else {
        if told.provider == BOOKS {
            return "No organisation is chosen yet. Paid orders are kept and wait.".into();
        }
        return "Nobody has connected it yet. Its jobs are kept and wait.".into();
    };
    let reason = || summary.state_reason.as_deref().map(|why| format!(" {}", format::ended(why))).unwrap_or_default();
    match (summary.state, summary.blocked_until.filter(|until| *until > times.now)) {
        (ConnectionState::NeedsReconnect, _) if told.provider == MAIL => format!("It refuses us.{} Its mails are kept and wait.", reason()),
        (ConnectionState::NeedsReconnect, _) if told.provider == STRIPE => {
            format!("It refuses our key.{} What it pushes to us is taken all the same.", reason())
        }
        (ConnectionState::NeedsReconnect, _) => format!("A person must connect it again.{} Its jobs are kept and wait.", reason()),
        (ConnectionState::Disconnected, _) => format!("It was disconnected.{} Its jobs are kept and wait.", reason()),
        (ConnectionState::Connected, Some(until)) => {
            let why = format::ended(summary.blocked_reason.as_deref().unwrap_or("It did not answer."));
            format!("No call is made until {} ({}). {why}", times.stamp_s(until).text, times.relative(until))
        }
        (ConnectionState::Connected, None) => "It works: jobs go out as they become due.".into(),
    }
}

/// How much of what is allowed is used.
pub(super) fn gauges_of(told: &Told) -> Vec<GaugeLine> {
    told.gauge.as_ref().map(|gauge| gauges(told.provider, gauge)).unwrap_or_default()
}

fn gauges(provider: &str, gauge: &Gauge) -> Vec<GaugeLine> {
    let what = if provider == MAIL { "Mails" } else { "Calls" };
    let label = format!("{what} under way");
    let mut at_once = GaugeLine::new(label, (gauge.under_way, gauge.at_once), WARNING_PERCENT);
    at_once.text.push_str(" at once");
    gauge.windows.iter().map(|(window, used)| in_window(what, *window, *used)).chain([at_once]).collect()
}

fn in_window(what: &str, window: Window, used: i64) -> GaugeLine {
    let reserve = window.reserve();
    let percent = used * 100 / window.calls.max(1);
    let whom = if what == "Mails" { "test mails" } else { "payments and leads" };
    let kept = format!("the last {} are kept for {whom}", format::number(reserve));
    let note = match percent {
        100.. => format!("Used up: its jobs wait until {} of the past no longer count.", what.to_lowercase()),
        _ if used >= window.calls - reserve => format!("{percent} % used: {kept}, everything else waits."),
        WARNING_PERCENT.. => format!("{percent} % used, more than {WARNING_PERCENT} %: {kept}."),
        _ => format!("{percent} % used; {kept}."),
    };
    GaugeLine::new(format!("{what} in any {}", window.in_words()), (used, window.calls), WARNING_PERCENT).note(note)
}

fn facts(told: &Told, times: Times) -> Vec<Fact> {
    let Some(summary) = &told.summary else { return Vec::new() };
    let when = |at: UtcTime| format!("{} ({})", times.stamp(at).text, times.relative(at));
    let mut facts = vec![Fact::text("Breaker", breaker_in_words(told, times))];
    facts.push(Fact::text("Last success", summary.last_success_at.map_or_else(|| "none yet".into(), when)));
    if let (Some(error), Some(at)) = (&summary.last_error, summary.last_error_at) {
        facts.push(Fact::text("Last failure", format!("{}: {error}", when(at))));
    }
    if told.provider == MAIL {
        facts.push(Fact::text("Sent twice", "to staff possible after a lost answer, under the same Message-ID; to anybody else never"));
    }
    if told.provider != PROVIDER {
        facts.push(Fact::text("In use since", when(summary.connected_at)));
        return facts;
    }
    facts.push(match &summary.external_field {
        Some(field) => Fact::text("Sent twice", format!("ruled out by the unique field {field}")),
        None => {
            Fact::text("Sent twice", "possible after a lost answer, so each is looked up first: the CRM has no unique field for our id")
        }
    });
    facts.push(Fact::text("Connected", when(summary.connected_at)));
    facts.extend(summary.token_expires_at.map(|at| Fact::text("Access token", format!("ends {}, is renewed before", when(at)))));
    facts
}

/// What the row of failures means, and when somebody tries again.
fn breaker_in_words(told: &Told, times: Times) -> String {
    let Some(breaker) = &told.breaker else { return "closed".into() };
    let failures = format::counted(breaker.failures_in_a_row, "failure", "failures");
    match (breaker.is_probing(), breaker.blocked_until.filter(|until| *until > times.now)) {
        (true, Some(until)) => format!("open after {failures} in a row; the next call tries at {}", times.stamp_s(until).text),
        (true, None) => format!("open after {failures} in a row; the next job tries now"),
        (false, _) if breaker.failures_in_a_row > 0 => format!("closed; {failures} in a row, of {} that open it", breaker::OPENS_AFTER),
        (false, _) => "closed: no failures in a row".into(),
    }
}

/// The same for programs.
pub fn to_json(told: &Told, now: UtcTime) -> Value {
    let summary = told.summary.as_ref();
    let windows = told.gauge.iter().flat_map(|gauge| &gauge.windows);
    let windows = windows.map(|(window, used)| json!({ "seconds": window.seconds, "calls_max": window.calls, "calls_used": used }));
    let until = summary.and_then(|summary| summary.blocked_until).filter(|until| *until > now);
    json!({
        "connection": told.provider,
        "state": summary.map(|summary| summary.state.as_str()),
        "state_reason": summary.and_then(|summary| summary.state_reason.clone()),
        "blocked_until": until.map(|until| until.and_utc()),
        "blocked_reason": until.and(summary.and_then(|summary| summary.blocked_reason.clone())),
        "failures_in_a_row": told.breaker.as_ref().map(|breaker| breaker.failures_in_a_row),
        "last_success_at": summary.and_then(|summary| summary.last_success_at).map(|at| at.and_utc()),
        "calls_at_once_max": told.gauge.as_ref().map(|gauge| gauge.at_once),
        "calls_under_way": told.gauge.as_ref().map(|gauge| gauge.under_way),
        "windows": windows.collect::<Vec<_>>(),
        "paused": told.held.is_held(Scope::Connection, told.provider),
    })
}
