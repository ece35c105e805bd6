//! What the quarantine shows, as finished text.

use std::collections::BTreeMap;

use askama::Template;
use askama_web::WebTemplate;

use super::queries::{HeldLead, Suspicion};
use crate::config::Retention;
use crate::db::keyset::{Page, Place};
use crate::leads::model::{LeadId, LeadStatus};
use crate::leads::statistics::COUNT_MAX;
use crate::web::parts::{Pager, Tab, href};
use crate::web::{Shell, Stamp, Times, format};

/// Characters of a message that the list shows.
const EXCERPT: usize = 160;

/// The list of what is held, or of what was marked as spam.
#[derive(Template, WebTemplate)]
#[template(path = "leads/quarantine.html")]
pub struct QuarantineList {
    pub shell: Shell,
    pub tabs: Vec<Tab>,
    pub rows: Vec<HeldRow>,
    pub pager: Pager,
    pub is_spam: bool,
    pub may_operate: bool,
    /// How long what is shown is kept, in words.
    pub kept: String,
}

/// A row of the list.
pub struct HeldRow {
    pub id: i64,
    pub name: String,
    pub contact: String,
    pub source: String,
    pub excerpt: String,
    pub score: i64,
    pub reasons: Vec<String>,
    pub received: Stamp,
}

/// What the page is made of.
pub struct Held {
    pub status: LeadStatus,
    pub page: Page<HeldLead>,
    pub reasons: BTreeMap<LeadId, Suspicion>,
    pub waiting: i64,
    pub spam: i64,
}

impl QuarantineList {
    /// Puts the page together.
    pub fn new(shell: Shell, held: &Held, kept: Retention, may_operate: bool) -> Self {
        let times = shell.frame.times;
        let is_spam = held.status == LeadStatus::Spam;
        let to = |place: Option<Place>| place.map(|place| list_href(is_spam, Some(place)));
        Self {
            tabs: vec![
                tab("To decide", list_href(false, None), held.waiting, !is_spam),
                Tab { tone: "", ..tab("Spam", list_href(true, None), held.spam, is_spam) },
            ],
            rows: held.page.rows.iter().map(|lead| HeldRow::new(lead, held.reasons.get(&lead.id), times)).collect(),
            pager: Pager { newer: to(held.page.newer), older: to(held.page.older) },
            is_spam,
            may_operate,
            kept: if is_spam {
                format!("Removed {} after it was marked", days(kept.spam_days))
            } else {
                format!("What nobody decides about is removed after {}", days(kept.quarantined_days))
            },
            shell,
        }
    }
}

impl HeldRow {
    fn new(lead: &HeldLead, suspicion: Option<&Suspicion>, times: Times) -> Self {
        let contact = [lead.email.as_deref(), lead.phone.as_deref(), lead.company.as_deref()];
        Self {
            id: lead.id.0,
            name: lead.name.clone(),
            contact: contact.into_iter().flatten().collect::<Vec<_>>().join(" · "),
            source: lead.source.clone(),
            excerpt: excerpt(lead.message.as_deref().unwrap_or_default()),
            score: suspicion.map_or(0, |suspicion| suspicion.score),
            reasons: suspicion.map(in_words).unwrap_or_default(),
            received: times.stamp(lead.received_at),
        }
    }
}

/// The reasons, heaviest first, each with its weight.
pub fn in_words(suspicion: &Suspicion) -> Vec<String> {
    suspicion.reasons.iter().map(|reason| format!("{} ({})", reason.words.trim_end_matches('.'), reason.points)).collect()
}

fn excerpt(message: &str) -> String {
    let mut words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = words.char_indices().nth(EXCERPT) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn tab(label: &'static str, href: String, count: i64, current: bool) -> Tab {
    Tab { label, href, count: format::capped(count, COUNT_MAX), tone: if count > 0 { "warn" } else { "" }, current }
}

fn list_href(is_spam: bool, place: Option<Place>) -> String {
    let place = place.map(|place| place.to_string()).filter(|place| place != "newest").unwrap_or_default();
    href("/quarantine", &[("status", if is_spam { "spam" } else { "" }), ("place", &place)])
}

fn days(days: u32) -> String {
    format::counted(i64::from(days), "day", "days")
}
