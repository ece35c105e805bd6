//! What would help, in the order of effect: what keeps every lead back first, then what keeps some, then what may do so
//! tomorrow. Each has its reason and the button or the command.

use serde::Serialize;

use super::check::{Check, State};
use super::configuration;
use super::facts::Facts;

/// One thing that a person could do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// How the check stands that it mends.
    pub state: State,
    /// What to do, as an order.
    pub title: String,
    /// Why.
    pub reason: String,
    pub help: Help,
    /// The check it mends.
    pub check: &'static str,
}

/// The way to do it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Help {
    /// A page of ours, with the words of the link.
    Page { path: String, label: &'static str },
    /// A form of ours that an operator sends, with the words of the button.
    Act { path: &'static str, label: &'static str },
    /// For the command line.
    Command { line: &'static str },
}

/// Where "process pending now" is sent.
pub const PROCESS: &str = "/health/processing";
/// Where "test token refresh" is sent.
pub const REFRESH: &str = "/health/refresh";

/// The preview of trying again whatever of Books has failed.
pub const AGAIN: &str = "/operations/preview?subject=jobs&act=retry&state=failed&kind=orders.book";

/// Ids in the order of effect. One that is not here helps nobody who is told of it.
const ORDER: [&str; 29] = [
    "database:answers",
    "database:disk-free",
    "processes:heartbeat",
    "zoho-crm:connection",
    "zoho-crm:refresh",
    "zoho-crm:breaker",
    "zoho-crm:quota",
    "zoho-books:connection",
    "orders:disputes",
    "stripe:webhooks",
    "stripe:events",
    "inbox:failed",
    "orders:booking",
    "orders:unmatched",
    "people:linking",
    "processes:clock",
    "outbox:oldest-ready",
    "leads:success-rate",
    "leads:oldest-waiting",
    "leads:waiting",
    "leads:failed",
    "leads:uncertain",
    "leads:held",
    "outbox:failed",
    "schedules:runs",
    "leads:delivery-time",
    "zoho-crm:unique-field",
    "zoho-crm:last-success",
    "configuration:settings",
];

/// What helps against what was found.
pub fn advice(checks: &[Check], facts: Option<&Facts>) -> Vec<Advice> {
    let troubled = |id: &'static str| checks.iter().filter(move |check| check.id == id && check.state > State::Pass);
    let mut advice: Vec<Advice> = ORDER
        .into_iter()
        .flat_map(troubled)
        .filter(|check| !is_told_by_another(check, checks))
        .filter_map(|check| one(check, facts))
        .collect();
    // Within one weight the order of effect stays.
    advice.sort_by_key(|one| std::cmp::Reverse(one.state));
    advice
}

/// Consequences of something that is said itself: one cause, one line.
fn is_told_by_another(check: &Check, checks: &[Check]) -> bool {
    let is = |id: &str| checks.iter().any(|other| other.id == id && other.state > State::Pass);
    match check.id {
        // Leads wait for what is said already.
        "leads:waiting" => {
            ["zoho-crm:connection", "zoho-crm:breaker", "processes:heartbeat", "leads:oldest-waiting", "outbox:oldest-ready"]
                .iter()
                .any(|id| is(id))
                || is_used_up(checks)
        }
        "leads:oldest-waiting" | "outbox:oldest-ready" => {
            ["zoho-crm:connection", "zoho-crm:breaker", "processes:heartbeat"].iter().any(|id| is(id)) || is_used_up(checks)
        }
        // Failed leads are failed jobs.
        "outbox:failed" => is("leads:failed") || is("leads:uncertain") || is("orders:booking"),
        "leads:success-rate" => is("leads:failed"),
        "zoho-crm:last-success" => {
            ["zoho-crm:connection", "zoho-crm:breaker", "zoho-crm:refresh", "leads:failed", "leads:uncertain"].iter().any(|id| is(id))
        }
        "zoho-crm:refresh" => is("zoho-crm:connection"),
        _ => false,
    }
}

fn is_used_up(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.id == "zoho-crm:quota" && check.state == State::Fail)
}

fn one(check: &Check, facts: Option<&Facts>) -> Option<Advice> {
    let page = |path: &str, label| Help::Page { path: path.into(), label };
    let (title, help) = match check.id {
        "database:answers" => ("Bring the database back", Help::Command { line: "throughline config check" }),
        "database:disk-free" => ("Make room on the disk of the database", Help::Command { line: "df -h" }),
        "processes:heartbeat" if check.state == State::Fail => ("Start a worker", Help::Command { line: "throughline worker" }),
        "processes:heartbeat" => ("See which process fell silent", page("/processes", "Open processes")),
        "zoho-crm:connection" => connection(check, facts),
        "zoho-crm:refresh" => ("Try the token refresh out", Help::Act { path: REFRESH, label: "Test token refresh" }),
        "zoho-crm:breaker" => ("Wait, or see what Zoho answered", page("/outbox?state=retrying", "Open jobs")),
        "zoho-crm:quota" => ("See what uses the calls, or raise the limit", page("/connections", "Open connections")),
        "stripe:webhooks" | "stripe:events" => ("See what Stripe tells us", page("/connections/stripe", "Open Stripe")),
        "inbox:failed" => ("See why they failed, then replay them", page("/inbox?state=failed", "Open failed events")),
        "zoho-books:connection" => ("Let orders be booked again", page("/connections/books", "Open Zoho Books")),
        "orders:booking" => return Some(booking(check, facts)),
        "orders:disputes" => ("Answer the disputes in Stripe", page("/orders?state=disputed", "Open disputed orders")),
        "orders:unmatched" => ("See which payments have no order", page("/orders/unmatched", "Open payments")),
        "people:linking" => ("See why they were set aside, then try them again", page("/contacts", "Open contacts")),
        "processes:clock" => ("Set the clock right", page("/processes", "Open processes")),
        "outbox:oldest-ready" | "leads:waiting" => ("Process what waits now", Help::Act { path: PROCESS, label: "Process pending now" }),
        "leads:oldest-waiting" => return oldest(check, facts),
        "leads:failed" | "leads:success-rate" => {
            ("Correct the failed leads and send them again", page("/leads?status=failed", "Open failed leads"))
        }
        "leads:uncertain" => ("Look whether they arrived, and decide", page("/outbox?state=uncertain", "Open uncertain jobs")),
        "leads:held" => ("Look through what is held", page("/quarantine", "Open quarantine")),
        "outbox:failed" => ("Look at the failed jobs", page("/outbox?state=failed", "Open failed jobs")),
        "schedules:runs" => ("See what the schedule missed", page(&format!("/schedules/{}", check.of.as_deref()?), "Open schedule")),
        "leads:delivery-time" => ("See what slows the jobs down", page("/outbox", "Open jobs")),
        "zoho-crm:unique-field" => ("Add the unique field in Zoho, then connect again", page("/connections/zoho", "Open connection")),
        "zoho-crm:last-success" => ("See the last failure", page("/connections/zoho", "Open connection")),
        "configuration:settings" => ("Look through the settings", Help::Command { line: configuration::COMMAND }),
        _ => return None,
    };
    Some(Advice { state: check.state, title: title.into(), reason: check.output.clone(), help, check: check.id })
}

fn connection(check: &Check, facts: Option<&Facts>) -> (&'static str, Help) {
    let page = |path: &str, label| Help::Page { path: path.into(), label };
    if check.state == State::Warn {
        let is_its_own = facts
            .is_some_and(|facts| facts.zoho.pauses.first().is_some_and(|pause| pause.scope == crate::outbox::pauses::Scope::Connection));
        return match is_its_own {
            true => ("Resume Zoho CRM when it may go on", page("/connections", "Open connections")),
            false => ("Resume what is on hold when it may go on", page("/outbox", "Open outbox")),
        };
    }
    match facts.is_some_and(|facts| facts.zoho.summary.is_some()) {
        true => ("Connect Zoho CRM again", page("/connections/zoho", "Connect again")),
        false => ("Connect Zoho CRM", page("/connections/zoho", "Connect")),
    }
}

fn booking(check: &Check, facts: Option<&Facts>) -> Advice {
    let has_failed = facts.is_some_and(|facts| facts.books.failed > 0);
    let (title, path, label) = match has_failed {
        true => ("Mend what Zoho Books refused, then try them again", AGAIN, "Try all again"),
        false => ("Have the orders of before booked", "/schedules/orders.book_missing", "Open schedule"),
    };
    Advice {
        state: check.state,
        title: title.into(),
        reason: check.output.clone(),
        help: Help::Page { path: path.into(), label },
        check: check.id,
    }
}

fn oldest(check: &Check, facts: Option<&Facts>) -> Option<Advice> {
    let (lead, _) = facts?.leads.oldest_waiting?;
    let help = Help::Page { path: format!("/leads/{}", lead.0), label: "Open lead" };
    let title = "See what the oldest lead waits for".into();
    Some(Advice { state: check.state, title, reason: check.output.clone(), help, check: check.id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &'static str, state: State) -> Check {
        Check::pass(id, "", "why").at(state)
    }

    #[test]
    fn what_keeps_every_lead_back_comes_first_and_its_consequences_are_not_said_again() {
        let checks = [
            check("leads:failed", State::Warn),
            check("leads:waiting", State::Warn),
            check("configuration:settings", State::Fail),
            check("zoho-crm:connection", State::Fail),
            check("outbox:failed", State::Warn),
            check("database:size", State::Pass),
        ];
        let told: Vec<_> = advice(&checks, None).into_iter().map(|one| one.check).collect();
        assert_eq!(told, ["zoho-crm:connection", "configuration:settings", "leads:failed"]);
    }

    #[test]
    fn every_id_it_orders_is_one_there_is() {
        assert!(ORDER.iter().all(|id| crate::health::check::IDS.contains(id)));
    }
}
