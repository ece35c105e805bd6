//! What the page of the mapping shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::check::{Checked, Row};
use super::model::{LeadField, Mapping};
use super::queries::Saved;
use crate::clock::UtcTime;
use crate::connections::CrmFields;
use crate::leads::{Lead, crm_record};
use crate::timeline::story::who;
use crate::web::parts::Choice;
use crate::web::{Shell, Times};

/// Empty rows below those that are filled.
const SPARE_ROWS: usize = 3;

/// The mapping, to look at or to edit.
#[derive(Template, WebTemplate)]
#[template(path = "leads/mapping.html")]
pub struct MappingPage {
    pub shell: Shell,
    pub may_administer: bool,
    /// Whose mapping it is and since when.
    pub origin: String,
    pub is_saved: bool,
    /// Of the saved mapping: what a form must have seen. Empty: the settings hold.
    pub seen: String,
    pub notice: Option<Notice>,
    pub rows: Vec<RowPart>,
    pub known: Vec<Known>,
    /// When the CRM's fields were read; empty: never.
    pub read: String,
    pub sample: Sample,
    /// This mapping was checked and may be saved.
    pub is_checked: bool,
}

/// What a check or a save came to.
pub struct Notice {
    /// `ok`, `warn` or `bad`.
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub lines: Vec<String>,
}

/// One row of the form.
pub struct RowPart {
    pub place: usize,
    pub crm_field: String,
    pub parts: Vec<Choice>,
    pub mistake: String,
    /// In words, for those who may only look.
    pub told: &'static str,
}

/// A field of the CRM that can be chosen.
pub struct Known {
    pub api_name: String,
    pub label: String,
}

/// A lead as it would be sent.
pub struct Sample {
    pub title: String,
    pub href: Option<String>,
    /// Field of the CRM and value, in the order in which they are sent.
    pub values: Vec<(String, String)>,
}

/// What was read for the page.
pub struct Read {
    pub saved: Option<Saved>,
    pub saved_by: String,
    pub of_settings: Mapping,
    pub known: Option<CrmFields>,
    pub newest: Option<Lead>,
    pub external_field: Option<String>,
}

impl Read {
    /// The mapping that holds.
    pub fn current(&self) -> &Mapping {
        self.saved.as_ref().map_or(&self.of_settings, |saved| &saved.mapping)
    }
}

/// The rows of a mapping, as a form would send them.
pub fn rows_of(mapping: &Mapping) -> Vec<Row> {
    mapping.0.iter().map(|(crm_field, part)| Row { crm_field: crm_field.clone(), part: part.as_str().into() }).collect()
}

impl MappingPage {
    /// Puts the page together around these rows.
    pub fn new(shell: Shell, may_administer: bool, read: &Read, rows: &[Row], checked: Option<&Checked>) -> Self {
        let times = shell.frame.times;
        let shown = checked.map_or_else(|| read.current().clone(), |checked| checked.mapping.clone());
        let spare = if may_administer { SPARE_ROWS } else { 0 };
        let mistake = |place: usize| checked.and_then(|checked| checked.mistakes.get(&place)).cloned().unwrap_or_default();
        let blank = (0..spare).map(|_| Row::default());
        Self {
            origin: origin(read, times),
            is_saved: read.saved.is_some(),
            seen: read.saved.as_ref().map(|saved| stamp(saved.at)).unwrap_or_default(),
            notice: checked.map(notice),
            rows: rows.iter().cloned().chain(blank).enumerate().map(|(place, row)| row_part(place, &row, mistake(place))).collect(),
            known: read.known.as_ref().map(choices).unwrap_or_default(),
            read: read.known.as_ref().map(|known| times.stamp(known.read_at).text).unwrap_or_default(),
            sample: sample(read, &shown, times.now),
            is_checked: checked.is_some_and(Checked::is_fine),
            may_administer,
            shell,
        }
    }
}

/// A moment as a hidden field carries it, to the microsecond.
pub fn stamp(at: UtcTime) -> String {
    at.and_utc().timestamp_micros().to_string()
}

fn origin(read: &Read, times: Times) -> String {
    match &read.saved {
        None => "This is the mapping of the settings. It holds until an admin saves another one here.".into(),
        Some(saved) => {
            let by = if read.saved_by.is_empty() { who(&saved.by, &std::collections::BTreeMap::new()) } else { read.saved_by.clone() };
            format!("Saved {} ({}) by {by}. It holds in place of the settings.", times.stamp(saved.at).text, times.relative(saved.at))
        }
    }
}

fn notice(checked: &Checked) -> Notice {
    let doubts = checked.doubts.clone();
    if checked.is_fine() {
        let (tone, icon) = if doubts.is_empty() { ("ok", "circle-check") } else { ("warn", "triangle-alert") };
        return Notice { tone, icon, title: "The CRM takes this mapping. Nothing is saved yet".into(), lines: doubts };
    }
    let lines = checked.mistakes.values().chain(&checked.lacking).cloned().chain(doubts).collect();
    Notice { tone: "bad", icon: "circle-alert", title: "Nothing was saved: the CRM would not take this mapping".into(), lines }
}

fn row_part(place: usize, row: &Row, mistake: String) -> RowPart {
    let choice = |part: &LeadField| Choice { value: part.as_str().into(), label: part.label().into(), selected: row.part == part.as_str() };
    RowPart {
        place,
        crm_field: row.crm_field.clone(),
        parts: LeadField::ALL.iter().map(choice).collect(),
        mistake,
        told: LeadField::parse(&row.part).map_or("nothing", LeadField::label),
    }
}

fn choices(known: &CrmFields) -> Vec<Known> {
    let writable = known.fields.iter().filter(|field| !field.is_read_only);
    writable.map(|field| Known { api_name: field.api_name.clone(), label: format!("{} ({})", field.label, field.data_type) }).collect()
}

fn sample(read: &Read, mapping: &Mapping, now: UtcTime) -> Sample {
    let invented = || super::sample::invented(now);
    let (lead, title, href) = match &read.newest {
        Some(lead) => (lead.clone(), format!("Lead {}, the newest, as it would be sent", lead.id), Some(format!("/leads/{}", lead.id))),
        None => (invented(), "An invented lead, as it would be sent".to_owned(), None),
    };
    let record = crm_record::record(&lead, mapping, read.external_field.as_deref());
    let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Sample { title, href, values: record.into_iter().map(|(field, value)| (field, text(value))).collect() }
}
