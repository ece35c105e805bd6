//! What needs a person, worst first: the problem, its reason, and the page that helps.

use chrono::TimeDelta;

use crate::health::AGAIN;
use crate::orders::trouble_queries::Troubles;
use crate::web::{Times, format};

use super::queries::{Connection, Figures};

/// Waiting longer than this is worth a line.
const WAITS_LONG: TimeDelta = TimeDelta::minutes(15);

/// One thing to look at.
#[derive(Debug, PartialEq, Eq)]
pub struct Concern {
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub text: String,
    pub href: String,
    pub button: &'static str,
}

/// Everything that needs a person, bad before warnings.
pub fn concerns(figures: &Figures, times: Times) -> Vec<Concern> {
    let mut concerns: Vec<Concern> = [
        connection(figures.connection.as_ref(), times),
        failed_leads(figures.statistics.failed),
        books(figures, times),
        failed_booking(figures.booking.1),
        disputes(&figures.troubles, times),
        failed_jobs(figures.jobs_dead, figures.statistics.failed + figures.booking.1),
        uncertain(figures.jobs_uncertain),
        quarantined(figures.statistics.quarantined),
        waiting(figures, times),
    ]
    .into_iter()
    .flatten()
    .collect();
    concerns.sort_by_key(|concern| concern.tone != "bad");
    concerns
}

fn connection(connection: Option<&Connection>, times: Times) -> Option<Concern> {
    let bad = |title: &str, text: String| {
        Some(Concern {
            tone: "bad",
            icon: "unlink",
            title: title.into(),
            text,
            href: "/connections/zoho".into(),
            button: "Open the connection",
        })
    };
    let Some(connection) = connection else {
        return bad(
            "Zoho CRM is not connected",
            "Leads are kept safe and wait. Connect it on its page; they go out by themselves then.".into(),
        );
    };
    let reason = format::ended(connection.state_reason.as_deref().unwrap_or("The sign-in was refused."));
    match connection.state.as_str() {
        "needs_reconnect" => {
            bad("Zoho CRM refuses our sign-in", format!("{reason} Leads are kept safe and wait; connect again to release them."))
        }
        "connected" => {
            let until = connection.blocked_until.filter(|until| *until > times.now)?;
            let reason = format::ended(connection.blocked_reason.as_deref().unwrap_or("It did not answer."));
            let text = format!("{reason} Leads are kept safe and wait. The next try is at {}.", times.stamp_s(until).text);
            Some(Concern {
                tone: "warn",
                icon: "hourglass",
                title: "Zoho CRM is paused".into(),
                text,
                href: "/health".into(),
                button: "Open health",
            })
        }
        _ => bad("Zoho CRM is disconnected", format!("{reason} Leads are kept safe and wait.")),
    }
}

fn failed_leads(count: i64) -> Option<Concern> {
    (count > 0).then(|| Concern {
        tone: "bad",
        icon: "circle-x",
        title: format!("{} did not reach Zoho CRM", format::counted(count, "lead", "leads")),
        text: "Each says why on its page. Correct it there and send it again.".into(),
        href: "/leads?status=failed".into(),
        button: "Open leads",
    })
}

fn books(figures: &Figures, times: Times) -> Option<Concern> {
    let books = figures.books.as_ref()?;
    let concern = |tone: &'static str, icon: &'static str, title: &str, text: String| Concern {
        tone,
        icon,
        title: title.into(),
        text,
        href: "/connections/books".into(),
        button: "Open Zoho Books",
    };
    let waiting = format::counted(figures.booking.0, "order waits", "orders wait");
    match books.state.as_str() {
        "connected" => {
            let until = books.blocked_until.filter(|until| *until > times.now)?;
            let reason = format::ended(books.blocked_reason.as_deref().unwrap_or("It did not answer."));
            let text = format!("{reason} {waiting} to be booked. The next try is at {}.", times.stamp_s(until).text);
            Some(concern("warn", "hourglass", "Zoho Books is paused", text))
        }
        _ => {
            let reason = format::ended(books.state_reason.as_deref().unwrap_or("It refuses us."));
            Some(concern("bad", "unlink", "Orders are not booked in Zoho Books", format!("{reason} {waiting} to be booked.")))
        }
    }
}

fn failed_booking(count: i64) -> Option<Concern> {
    (count > 0).then(|| Concern {
        tone: "bad",
        icon: "circle-x",
        title: format!("{} could not be booked", format::counted(count, "order", "orders")),
        text: "Each says why on its page. Mend it in Zoho Books, then try all of them again.".into(),
        href: AGAIN.into(),
        button: "Try again",
    })
}

fn disputes(troubles: &Troubles, times: Times) -> Option<Concern> {
    let first = troubles.disputes.first()?;
    let count = i64::try_from(troubles.disputes.len()).unwrap_or_default();
    let text = match first.respond_by {
        Some(by) => format!("The first is to be answered in Stripe by {} ({}).", times.stamp(by).text, times.relative(by)),
        None => "None waits for an answer, as far as Stripe told.".into(),
    };
    Some(Concern {
        tone: "warn",
        icon: "triangle-alert",
        title: format!("{} open", format::counted(count, "dispute is", "disputes are")),
        text,
        href: "/orders?state=disputed".into(),
        button: "Open orders",
    })
}

/// Failed jobs that are neither a lead's delivery nor an order's booking.
fn failed_jobs(jobs: i64, told: i64) -> Option<Concern> {
    (jobs > told).then(|| Concern {
        tone: "bad",
        icon: "circle-x",
        title: format!("{} failed", format::counted(jobs, "job", "jobs")),
        text: "They will not be tried again by themselves.".into(),
        href: "/outbox?state=failed".into(),
        button: "Open jobs",
    })
}

fn uncertain(count: i64) -> Option<Concern> {
    (count > 0).then(|| Concern {
        tone: "warn",
        icon: "triangle-alert",
        title: format!("{} may or may not have arrived", format::counted(count, "job", "jobs")),
        text: "The answer was lost. What can be looked up is, by itself; the rest waits for you to look and decide.".into(),
        href: "/outbox?state=uncertain".into(),
        button: "Decide",
    })
}

fn quarantined(count: i64) -> Option<Concern> {
    (count > 0).then(|| Concern {
        tone: "warn",
        icon: "shield-check",
        title: format!("{} in quarantine", format::counted(count, "submission is", "submissions are")),
        text: "They look like spam, and nothing was done with them. A lead among them waits for you.".into(),
        href: "/quarantine".into(),
        button: "Decide",
    })
}

fn waiting(figures: &Figures, times: Times) -> Option<Concern> {
    let (lead, since) = figures.oldest_waiting?;
    let is_told_already = figures
        .connection
        .as_ref()
        .is_none_or(|connection| connection.state != "connected" || connection.blocked_until.is_some_and(|until| until > times.now));
    (times.now - since > WAITS_LONG && !is_told_already).then(|| Concern {
        tone: "warn",
        icon: "clock",
        title: format!("A lead has been waiting for {}", format::duration(times.now - since)),
        text: "Its page says what it waits for.".into(),
        href: format!("/leads/{}", lead.0),
        button: "Open lead",
    })
}
