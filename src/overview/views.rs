//! What the first page shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use crate::leads::statistics::COUNT_MAX;
use crate::leads::word as lead_word;
use crate::web::parts::{Fact, Pill, Stat};
use crate::web::{Shell, Stamp, Times, format};

use super::attention::{Concern, concerns};
use super::chart::Chart;
use super::queries::{Connection, Figures, Latest};

/// The first page.
#[derive(Template, WebTemplate)]
#[template(path = "overview/index.html")]
pub struct Overview {
    pub shell: Shell,
    pub concerns: Vec<Concern>,
    /// How bad the worst of them is.
    pub worst: &'static str,
    pub stats: Vec<Stat>,
    pub chart: Chart,
    pub connection: Pill,
    pub connection_facts: Vec<Fact>,
    /// None: no organisation of Books was ever chosen.
    pub books: Option<(Pill, Vec<Fact>)>,
    pub latest: Vec<LatestLead>,
}

/// A lead among the latest.
pub struct LatestLead {
    pub id: i64,
    pub name: String,
    pub pill: Pill,
    pub received: Stamp,
}

impl Overview {
    /// Puts the page together.
    pub fn new(shell: Shell, figures: &Figures) -> Self {
        let times = shell.frame.times;
        let concerns = concerns(figures, times);
        Self {
            worst: concerns.first().map_or("", |first| first.tone),
            concerns,
            stats: stats(figures, times),
            chart: Chart::new(&figures.ended, times),
            connection: connection_pill(figures.connection.as_ref(), times),
            connection_facts: connection_facts(figures.connection.as_ref(), times),
            books: figures.books.as_ref().map(|books| (connection_pill(Some(books), times), books_facts(books, figures, times))),
            latest: latest(figures, times),
            shell,
        }
    }
}

fn stats(figures: &Figures, times: Times) -> Vec<Stat> {
    let counts = &figures.statistics;
    let waiting = counts.pending + counts.processing + counts.retry;
    let settled = format!("{} sent, {} failed in 24 hours", capped(counts.last_24h.sent), capped(counts.last_24h.failed));
    let oldest =
        figures.oldest_waiting.map(|(_, since)| (format::duration(times.now - since), format!("since {}", times.stamp(since).text)));
    let (oldest, since) = oldest.unwrap_or_else(|| ("none".into(), "Nothing waits".into()));
    vec![
        stat("Leads today", capped(figures.today), format!("{} by this time yesterday", capped(figures.yesterday))),
        stat("Waiting to be sent", capped(waiting), format!("{} of them retrying", capped(counts.retry))),
        stat("Success rate", format::percent(counts.last_24h.sent, counts.last_24h.sent + counts.last_24h.failed), settled),
        stat("Oldest waiting", oldest, since),
    ]
}

fn stat(label: &'static str, value: String, note: String) -> Stat {
    Stat { label, value, unit: String::new(), note }
}

fn capped(count: i64) -> String {
    format::capped(count, COUNT_MAX)
}

fn connection_pill(connection: Option<&Connection>, times: Times) -> Pill {
    let Some(connection) = connection else { return Pill::of("Not connected") };
    match connection.state.as_str() {
        "connected" if connection.blocked_until.is_some_and(|until| until > times.now) => Pill::of("Paused"),
        "connected" => Pill::of("Connected"),
        "needs_reconnect" => Pill::of("Sign-in refused"),
        _ => Pill::of("Not connected"),
    }
}

fn connection_facts(connection: Option<&Connection>, times: Times) -> Vec<Fact> {
    let Some(connection) = connection else { return Vec::new() };
    let last =
        connection.last_success_at.map_or_else(|| "not yet".into(), |at| format!("{} ({})", times.stamp(at).text, times.relative(at)));
    let doubles = match &connection.external_field {
        Some(field) => format!("ruled out by the unique field {field}"),
        None => "possible after a lost answer: the CRM has no unique field for our id".into(),
    };
    vec![Fact::text("Last success", last), Fact::text("Doubles", doubles)]
}

fn books_facts(books: &Connection, figures: &Figures, times: Times) -> Vec<Fact> {
    let last = books.last_success_at.map_or_else(|| "not yet".into(), |at| format!("{} ({})", times.stamp(at).text, times.relative(at)));
    let organisation = books.organisation_name.clone().filter(|name| !name.is_empty());
    let mut facts: Vec<Fact> = organisation.into_iter().map(|name| Fact::text("Organisation", name)).collect();
    facts.push(Fact::text("Last success", last));
    let (waiting, failed) = figures.booking;
    facts.push(Fact::text("Orders to book", format!("{} waiting, {} failed", format::number(waiting), format::number(failed))));
    facts
}

fn latest(figures: &Figures, times: Times) -> Vec<LatestLead> {
    let of = |lead: &Latest| LatestLead {
        id: lead.id.0,
        name: lead.name.clone(),
        pill: Pill::of(lead_word(lead.status)),
        received: times.stamp(lead.received_at),
    };
    figures.latest.iter().map(of).collect()
}
