//! What staff read about new leads. Facts as they were typed: a mail shows them as text and never as something to run.

use chrono_tz::Tz;

use crate::clock::UtcTime;
use crate::leads::model::{Item, Lead, LeadId, LeadKind};
use crate::mail::{Action, Letter, Section};
use crate::web::{Times, format};

/// A message longer than this is cut: the lead's page has it whole.
const QUOTE_MAX_CHARS: usize = 2_000;

/// What a mail tells of a lead.
#[derive(Clone, Debug)]
pub struct LeadFacts {
    pub id: LeadId,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub source: String,
    pub kind: LeadKind,
    pub items: Vec<Item>,
    pub message: Option<String>,
    pub received_at: UtcTime,
}

impl From<&Lead> for LeadFacts {
    fn from(lead: &Lead) -> Self {
        Self {
            id: lead.id,
            name: lead.name.clone(),
            email: lead.email.clone(),
            phone: lead.phone_e164.clone().or_else(|| lead.phone.clone()),
            company: lead.company.clone(),
            source: lead.source.clone(),
            kind: lead.kind,
            items: serde_json::from_str(&lead.items).unwrap_or_default(),
            message: lead.message.clone(),
            received_at: lead.received_at,
        }
    }
}

/// What every letter needs to know.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    pub public_url: &'a str,
    pub seller: &'a str,
    pub zone: Tz,
    pub now: UtcTime,
}

impl Page<'_> {
    fn lead_url(&self, lead: &LeadFacts) -> String {
        format!("{}/leads/{}", self.public_url, lead.id)
    }

    fn footer(&self, why: &str) -> Vec<String> {
        vec![why.to_owned(), format!("{}: when you are told is set at {}/account.", self.seller, self.public_url)]
    }

    fn times(&self) -> Times {
        Times { zone: self.zone, now: self.now }
    }
}

/// One lead.
pub fn one(lead: &LeadFacts, page: &Page<'_>) -> Letter {
    let from = lead.company.as_ref().map_or_else(|| lead.name.clone(), |company| format!("{} ({company})", lead.name));
    Letter {
        language: "en".into(),
        subject: format!("New lead: {from}"),
        heading: format!("New lead: {from}"),
        paragraphs: vec![came(lead, page)],
        sections: vec![Section { title: String::new(), url: None, facts: facts(lead), quote: lead.message.as_deref().map(cut) }],
        action: Some(Action { label: "Open the lead".into(), url: page.lead_url(lead) }),
        footer: [
            lead.email.as_ref().map(|_| "An answer to this mail goes to the person who asked.".to_owned()).into_iter().collect(),
            page.footer("You get this mail because you asked to be told of each new lead."),
        ]
        .concat(),
    }
}

/// Leads that came close together. `total` counts those that are not listed too.
pub fn several(leads: &[LeadFacts], total: i64, page: &Page<'_>) -> Letter {
    let counted = counted(total);
    let why = "You get one mail about several leads because they came close together: no flood of leads becomes a flood of mails.";
    list(leads, total, page, (&format!("{counted} came in"), why))
}

/// The leads of a day.
pub fn daily(leads: &[LeadFacts], total: i64, page: &Page<'_>) -> Letter {
    let counted = counted(total);
    list(
        leads,
        total,
        page,
        (&format!("{counted} since your last mail"), "You get this mail because you asked for one a day. Without new leads there is none."),
    )
}

fn list(leads: &[LeadFacts], total: i64, page: &Page<'_>, (heading, why): (&str, &str)) -> Letter {
    let listed = i64::try_from(leads.len()).unwrap_or_default();
    let more = (total > listed).then(|| format!("The newest {} are named here.", format::number(listed)));
    Letter {
        language: "en".into(),
        subject: heading.to_owned(),
        heading: heading.to_owned(),
        paragraphs: more.into_iter().collect(),
        sections: leads
            .iter()
            .map(|lead| Section {
                title: lead.name.clone(),
                url: Some(page.lead_url(lead)),
                facts: [facts(lead), vec![("Received".into(), page.times().exact(lead.received_at).text)]].concat(),
                quote: None,
            })
            .collect(),
        action: Some(Action { label: "Open all leads".into(), url: format!("{}/leads", page.public_url) }),
        footer: page.footer(why),
    }
}

fn counted(total: i64) -> String {
    let number = format::capped(total, super::model::COUNTED_MAX);
    if total == 1 { "1 new lead".into() } else { format!("{number} new leads") }
}

fn came(lead: &LeadFacts, page: &Page<'_>) -> String {
    let way = match lead.kind {
        LeadKind::Quote => "through a form",
        LeadKind::Chatbot => "through the chatbot",
    };
    let zone = if page.zone == Tz::UTC { "UTC".to_owned() } else { page.zone.name().replace('_', " ") };
    format!("It came {way} (source: {}) at {} {zone}.", lead.source, page.times().exact(lead.received_at).text)
}

fn facts(lead: &LeadFacts) -> Vec<(String, String)> {
    let items: Vec<String> = lead.items.iter().take(20).map(|item| format!("{} × {}", item.quantity, item.sku)).collect();
    [
        ("Mail", lead.email.clone()),
        ("Phone", lead.phone.clone()),
        ("Company", lead.company.clone()),
        ("Asked for", (!items.is_empty()).then(|| items.join(", "))),
    ]
    .into_iter()
    .filter_map(|(label, value)| Some((label.to_owned(), value?)))
    .collect()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= QUOTE_MAX_CHARS {
        return text.to_owned();
    }
    let start: String = text.chars().take(QUOTE_MAX_CHARS).collect();
    format!("{}…\n(The lead's page has all of it.)", start.trim_end())
}
