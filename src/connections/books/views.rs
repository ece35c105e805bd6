//! What the page of the connection to Books shows, as finished text.

use std::collections::BTreeMap;

use askama::Template;
use askama_web::WebTemplate;

use super::choose::PLANS;
use super::queries::Chosen;
use crate::connections::holds::HoldLine;
use crate::connections::model::ConnectionState;
use crate::connections::views::{self, Told};
use crate::integrations::zoho::books::Organisation;
use crate::integrations::zoho::scopes;
use crate::outbox::JobState;
use crate::outbox::lists::KindCount;
use crate::outbox::pauses::Scope;
use crate::timeline::story::{self, ActRow, who};
use crate::web::parts::{Choice, Entry, Fact, GaugeLine, Pill};
use crate::web::{Shell, Times, format};

/// What was read for the page.
pub struct Seen {
    pub told: Told,
    pub chosen: Option<Chosen>,
    /// The grant of Zoho; None: there is none.
    pub zoho: Option<ConnectionState>,
    /// By spaces, as Zoho told them; None: it does not say.
    pub scopes: Option<String>,
    /// Jobs of it that are not over well.
    pub counts: Vec<KindCount>,
    /// What people did to it, newest first.
    pub acts: Vec<ActRow>,
    pub people: BTreeMap<String, String>,
}

/// The organisations to choose from, where they were asked for.
#[derive(Default)]
pub struct Picking {
    pub all: Vec<Organisation>,
    pub mistake: Option<String>,
}

/// The connection, whole.
#[derive(Template, WebTemplate)]
#[template(path = "connections/books.html")]
pub struct BooksPage {
    pub shell: Shell,
    pub pill: Pill,
    pub state: String,
    /// `ok`, `warn` or `bad`.
    pub tone: &'static str,
    /// What to say first: title and text.
    pub notices: Vec<(&'static str, String)>,
    pub hold: Option<HoldLine>,
    pub facts: Vec<Fact>,
    pub gauges: Vec<GaugeLine>,
    pub last_error: Option<String>,
    pub history: Vec<Entry>,
    /// Empty until Books was asked.
    pub organisations: Vec<Choice>,
    pub plans: Vec<Choice>,
    pub mistake: String,
    pub may_operate: bool,
    pub may_administer: bool,
    pub is_chosen: bool,
    pub has_grant: bool,
    /// Something of it is not tried again by itself.
    pub has_failed: bool,
}

impl BooksPage {
    /// Puts the page together.
    pub fn new(shell: Shell, seen: &Seen, (may_operate, may_administer): (bool, bool), picking: Picking) -> Self {
        let times = shell.frame.times;
        let hold = seen.told.held.of(Scope::Connection, seen.told.provider, times);
        let pill = Pill::of(views::word(&seen.told, hold.is_some(), times.now));
        let chosen = seen.chosen.as_ref();
        let chosen_id = chosen.and_then(|(id, _, _)| id.clone()).unwrap_or_default();
        let suggested = picking.all.iter().find(|one| one.id == chosen_id).or(picking.all.first());
        let plan = chosen.and_then(|(_, _, calls)| *calls).map_or_else(|| suggested.map_or("", |one| plan_of(&one.plan)), plan_by_calls);
        let organisation = |one: &Organisation| Choice {
            value: one.id.clone(),
            label: format!("{} ({}, id {})", one.name, one.currency, one.id),
            selected: one.id == chosen_id,
        };
        let plan_choice = |one: &super::choose::Plan| Choice {
            value: one.code.into(),
            label: format!("{}: {} calls a day", one.name, format::number(one.calls_per_day)),
            selected: one.code == plan,
        };
        Self {
            tone: if pill.tone.is_empty() { "warn" } else { pill.tone },
            state: state(seen, times),
            notices: notices(seen),
            hold,
            facts: facts(seen, times),
            gauges: views::gauges_of(&seen.told),
            last_error: last_error(seen, times),
            history: seen.acts.iter().map(|row| story::act(row, &seen.people, times)).collect(),
            organisations: picking.all.iter().map(organisation).collect(),
            plans: PLANS.iter().map(plan_choice).collect(),
            mistake: picking.mistake.unwrap_or_default(),
            may_operate,
            may_administer,
            is_chosen: !chosen_id.is_empty(),
            has_failed: seen.counts.iter().any(|count| count.state == JobState::Dead && count.total > 0),
            has_grant: seen.zoho == Some(ConnectionState::Connected),
            pill,
            shell,
        }
    }
}

/// The plan that Books names itself.
fn plan_of(name: &str) -> &'static str {
    let name = name.to_lowercase();
    match PLANS.iter().find(|plan| name.contains(plan.code)) {
        Some(plan) => plan.code,
        None if name.contains("elite") || name.contains("ultimate") => "premium",
        None => "free",
    }
}

fn plan_by_calls(calls_per_day: i64) -> &'static str {
    PLANS.iter().find(|plan| plan.calls_per_day == calls_per_day).map_or("free", |plan| plan.code)
}

fn state(seen: &Seen, times: Times) -> String {
    match seen.told.summary {
        Some(_) => views::state(&seen.told, times),
        None => "No organisation is chosen yet. Paid orders are kept and wait.".into(),
    }
}

fn notices(seen: &Seen) -> Vec<(&'static str, String)> {
    let mut notices = Vec::new();
    match seen.zoho {
        Some(ConnectionState::Connected) => {}
        None => notices.push(("Zoho is not connected", "Books uses the grant of Zoho: connect Zoho first.".into())),
        Some(_) => notices.push(("Zoho must be connected again", "Books uses the grant of Zoho, and that is refused or was ended.".into())),
    }
    let missing = missing(seen);
    if !missing.is_empty() {
        let text = format!("Reconnect Zoho and grant all that is asked for. Missing: {}.", missing.join(", "));
        notices.push(("The grant lacks permissions for Books", text));
    }
    notices
}

fn missing(seen: &Seen) -> Vec<&'static str> {
    let Some(told) = &seen.scopes else { return Vec::new() };
    let granted: Vec<String> = told.split(' ').map(str::to_owned).collect();
    scopes::missing_of(&scopes::BOOKS, &granted).iter().map(|scope| scope.name).collect()
}

fn facts(seen: &Seen, times: Times) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some((Some(id), name, calls)) = &seen.chosen {
        let name = name.as_deref().filter(|name| !name.is_empty()).unwrap_or("Organisation");
        facts.push(Fact::text("Organisation", format!("{name} (id {id})")));
        let calls = calls.unwrap_or(PLANS[0].calls_per_day);
        let plan = PLANS.iter().find(|plan| plan.calls_per_day == calls).map_or("", |plan| plan.name);
        facts.push(Fact::text("Plan", format!("{plan}: {} calls a day, of all programs together", format::number(calls))));
    }
    if let Some(summary) = &seen.told.summary {
        let at = summary.connected_at;
        let by = who(&summary.connected_by, &seen.people);
        facts.push(Fact::text("Chosen", format!("{} ({}), by {by}", times.stamp(at).text, times.relative(at))));
        let last = summary.last_success_at.map(|at| format!("{} ({})", times.stamp(at).text, times.relative(at)));
        facts.push(Fact::text("Last success", last.unwrap_or_else(|| "none yet".into())));
    }
    let count = |state: JobState| seen.counts.iter().filter(|count| count.state == state).map(|count| count.total).sum::<i64>();
    let words = |n: i64| format::counted(n, "order", "orders");
    facts.push(
        Fact::text("Waits to be booked", words(count(JobState::Pending) + count(JobState::Running)))
            .at("/outbox?state=pending&connection=zoho_books"),
    );
    if count(JobState::Dead) > 0 {
        facts.push(Fact::text("Failed for good", words(count(JobState::Dead))).at("/outbox?state=failed&connection=zoho_books"));
    }
    let permissions = match (&seen.scopes, missing(seen).is_empty()) {
        (None, _) => "Zoho does not tell them",
        (_, true) => "all that are needed",
        (_, false) => "some are missing: reconnect to grant them",
    };
    facts.push(Fact::text("Permissions", permissions).at("/connections/zoho"));
    facts
}

fn last_error(seen: &Seen, times: Times) -> Option<String> {
    let summary = seen.told.summary.as_ref()?;
    let (error, at) = (summary.last_error.as_ref()?, summary.last_error_at?);
    Some(format!("{} ({}): {error}", times.stamp(at).text, times.relative(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_is_read_from_what_books_calls_it() {
        for (name, code) in
            [("FREE", "free"), ("Standard Monthly", "standard"), ("PROFESSIONAL", "professional"), ("Elite", "premium"), ("", "free")]
        {
            assert_eq!(plan_of(name), code, "{name}");
        }
        assert_eq!((plan_by_calls(5_000), plan_by_calls(7)), ("professional", "free"));
    }
}
