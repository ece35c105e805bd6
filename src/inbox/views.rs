//! What the list of receipts shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::filter::ReceiptFilter;
use super::list_queries::ReceiptSummary;
use super::model::{ReceiptState, Verdict};
use super::statistics::COUNT_MAX;
use crate::db::keyset::{Page, Place};
use crate::outbox::waiting::provider_name;
use crate::saved_filters::FilterStrip;
use crate::web::parts::{ActLink, Choice, Exports, Pager, Pill, Select, Tab};
use crate::web::{Shell, Stamp, Times, format};

/// The list of receipts.
#[derive(Template, WebTemplate)]
#[template(path = "inbox/list.html")]
pub struct ReceiptList {
    pub shell: Shell,
    pub tabs: Vec<Tab>,
    pub selects: Vec<Select>,
    pub about: String,
    pub shown: &'static str,
    pub is_narrowed: bool,
    /// What an empty list is narrowed to; empty where it is not.
    pub narrowed: String,
    pub rows: Vec<ReceiptLine>,
    /// Whether one of them says why it is in its state.
    pub has_reasons: bool,
    pub pager: Pager,
    pub exports: Exports,
    pub may_operate: bool,
    /// What can be done to all that match.
    pub acts: Vec<ActLink>,
    pub saved: FilterStrip,
}

/// A row of the list.
pub struct ReceiptLine {
    pub id: i64,
    pub event_type: String,
    /// The id of the event, and what it is about.
    pub about: String,
    pub pill: Pill,
    /// Why it is in this state; empty where that is plain.
    pub reason: String,
    pub origin: String,
    /// How often it came again; empty for never.
    pub again: String,
    pub received: Stamp,
}

/// What the list is made of.
pub struct Listing {
    pub filter: ReceiptFilter,
    pub page: Page<ReceiptSummary>,
    /// Of the states that somebody may have to do something about.
    pub counts: Vec<(ReceiptState, i64)>,
    pub providers: Vec<String>,
    pub types: Vec<String>,
    pub saved: FilterStrip,
}

impl ReceiptList {
    /// Puts the page together.
    pub fn new(shell: Shell, listing: &Listing, may_operate: bool) -> Self {
        let times = shell.frame.times;
        let filter = &listing.filter;
        let link = |place: Option<Place>| place.map(|place| filter.href(Some(place), ""));
        Self {
            tabs: tabs(listing),
            selects: selects(listing),
            about: filter.about.clone().unwrap_or_default(),
            shown: filter.state.map_or("", ReceiptState::as_str),
            is_narrowed: !filter.is_everything(),
            narrowed: narrowed(filter),
            has_reasons: listing.page.rows.iter().any(|row| row.reason.is_some()),
            rows: listing.page.rows.iter().map(|row| ReceiptLine::new(row, times)).collect(),
            pager: Pager { newer: link(listing.page.newer), older: link(listing.page.older) },
            exports: Exports::of(&filter.href(None, "")),
            may_operate,
            acts: if may_operate { acts(filter) } else { Vec::new() },
            saved: listing.saved.clone(),
            shell,
        }
    }
}

impl ReceiptLine {
    /// As a row of a list.
    pub fn new(row: &ReceiptSummary, times: Times) -> Self {
        let about = row.object_id.as_ref().map_or_else(|| row.event_id.clone(), |object| format!("{} · about {object}", row.event_id));
        let mode = if row.livemode == Some(false) { ", test mode" } else { "" };
        Self {
            id: row.id.0,
            event_type: row.event_type.clone(),
            about,
            pill: Pill::of(row.state.label()),
            reason: row.reason.clone().unwrap_or_default(),
            origin: format!("{}, {}{mode}", provider_name(&row.provider), origin(row.verdict)),
            again: again(row.duplicates),
            received: times.stamp(row.received_at),
        }
    }
}

fn origin(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "signature fits",
        Verdict::Fetched => "read by us",
    }
}

fn again(duplicates: i64) -> String {
    if duplicates == 0 { String::new() } else { format!("came {} more", format::counted(duplicates, "time", "times")) }
}

fn narrowed(filter: &ReceiptFilter) -> String {
    if filter.is_everything() { String::new() } else { format!("No event {}.", filter.in_words().join(" and ")) }
}

/// What waits for its job needs no replay.
fn acts(filter: &ReceiptFilter) -> Vec<ActLink> {
    if filter.state == Some(ReceiptState::Received) {
        return Vec::new();
    }
    let of_these = filter.href(None, "");
    let query = of_these.split_once('?').map(|(_, query)| format!("&{query}")).unwrap_or_default();
    vec![ActLink { label: "Replay all…", href: format!("/operations/preview?subject=receipts&act=replay{query}"), icon: "rotate-ccw" }]
}

fn tabs(listing: &Listing) -> Vec<Tab> {
    let tab = |label: &'static str, state: Option<ReceiptState>| {
        let count = listing.counts.iter().find(|(counted, _)| Some(*counted) == state).map(|(_, count)| *count);
        let tone = match (state, count) {
            (Some(ReceiptState::Failed), Some(1..)) => "bad",
            (Some(ReceiptState::Refused), Some(1..)) => "warn",
            _ => "",
        };
        Tab {
            label,
            href: listing.filter.in_state(state).href(None, ""),
            count: count.map(|count| format::capped(count, COUNT_MAX)).unwrap_or_default(),
            tone,
            current: listing.filter.state == state,
        }
    };
    let states = ReceiptState::ALL.iter().map(|state| tab(state.label(), Some(*state)));
    std::iter::once(tab("All", None)).chain(states).collect()
}

fn selects(listing: &Listing) -> Vec<Select> {
    let filter = &listing.filter;
    let chosen = |text: &Option<String>| text.clone().unwrap_or_default();
    let providers = listing.providers.iter().map(|name| (name.as_str(), provider_name(name)));
    let types = listing.types.iter().map(|name| (name.as_str(), name.as_str()));
    let verdicts = Verdict::ALL.iter().map(|verdict| (verdict.as_str(), verdict.label()));
    vec![
        Select { name: "provider", label: "System", all: "All systems", choices: Choice::among(providers, &chosen(&filter.provider)) },
        Select { name: "type", label: "Type", all: "All types", choices: Choice::among(types, &chosen(&filter.event_type)) },
        Select {
            name: "verdict",
            label: "Verdict",
            all: "However known",
            choices: Choice::among(verdicts, filter.verdict.map_or("", Verdict::as_str)),
        },
    ]
}
