//! A lead as the CRM's record: the mapping applied, long texts cut to what a CRM field holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::mapping::{LeadField, Mapping};
use super::model::Lead;

/// Builds the record. Fields without a value are left out, so that an update never empties what staff filled in.
pub fn record(lead: &Lead, mapping: &Mapping, external_field: Option<&str>) -> Map<String, Value> {
    let values = mapping.0.iter().filter_map(|(crm_field, part)| Some((crm_field.clone(), Value::String(value(lead, *part)?))));
    let mut record: Map<String, Value> = values.collect();
    if let Some(field) = external_field {
        record.insert(field.to_owned(), Value::String(lead.line_id.clone()));
    }
    record
}

fn value(lead: &Lead, part: LeadField) -> Option<String> {
    let (first, last) = split_name(&lead.name);
    let most = part.length_max();
    let text = match part {
        LeadField::Name => cut(&lead.name, most),
        LeadField::FirstName => cut(first?, most),
        LeadField::LastName => cut(last, most),
        LeadField::Email => lead.email.as_deref().filter(|email| email.chars().count() <= most)?.to_owned(),
        LeadField::Phone => cut(lead.phone_e164.as_deref().or(lead.phone.as_deref())?, most),
        LeadField::Company => cut(lead.company.as_deref()?, most),
        LeadField::Source => cut(&lead.source, most),
        LeadField::PageUrl => cut(lead.page_url.as_deref()?, most),
        LeadField::Description => description(lead),
    };
    (!text.is_empty()).then_some(text)
}

/// The last word is the family name, as Zoho's own web forms split it.
fn split_name(name: &str) -> (Option<&str>, &str) {
    match name.trim().rsplit_once(char::is_whitespace) {
        Some((first, last)) => (Some(first.trim()), last),
        None => (None, name.trim()),
    }
}

/// Everything the lead said that has no field of its own, and our line id, by which a person finds it here and a look-up finds
/// it there: it stays, however long the rest is.
pub fn description(lead: &Lead) -> String {
    let id = id_line(lead);
    format!("{}\n{id}", cut(&told(lead), LeadField::Description.length_max() - 1 - id.chars().count())).trim_start().to_owned()
}

/// The line of the description that no other lead's has.
pub fn id_line(lead: &Lead) -> String {
    format!("Throughline: {}", lead.line_id)
}

fn told(lead: &Lead) -> String {
    let mut parts = Vec::new();
    if let Some(message) = &lead.message {
        parts.push(message.clone());
    }
    parts.extend(items(&lead.items));
    parts.extend(lead.transcript.as_deref().and_then(transcript));
    for (label, text) in [("Email", long_email(lead)), ("Phone as typed", lead.phone.clone()), ("Page", lead.page_url.clone())] {
        parts.extend(text.map(|text| format!("{label}: {text}")));
    }
    parts.extend(tags(&lead.utm));
    if let Some(given) = lead.consent_given {
        let wording = lead.consent_wording.as_deref().unwrap_or("no wording kept");
        parts.push(format!("Consent: {} ({wording})", if given { "given" } else { "not given" }));
    }
    parts.join("\n")
}

/// An address too long for the CRM's field is told in the description rather than lost.
fn long_email(lead: &Lead) -> Option<String> {
    lead.email.clone().filter(|email| email.chars().count() > LeadField::Email.length_max())
}

fn items(json: &str) -> Option<String> {
    let items: Vec<super::model::Item> = serde_json::from_str(json).ok()?;
    let lines: Vec<String> = items.iter().map(|item| format!("{} × {}", item.quantity, item.sku)).collect();
    (!lines.is_empty()).then(|| format!("Asked for: {}", lines.join(", ")))
}

fn transcript(json: &str) -> Option<String> {
    let turns: Vec<super::model::Utterance> = serde_json::from_str(json).ok()?;
    let lines: Vec<String> = turns.iter().map(|turn| format!("{}: {}", turn.role, turn.text)).collect();
    Some(format!("Conversation:\n{}", lines.join("\n")))
}

fn tags(json: &str) -> Option<String> {
    let tags: BTreeMap<String, String> = serde_json::from_str(json).ok()?;
    let pairs: Vec<String> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    (!pairs.is_empty()).then(|| format!("Campaign: {}", pairs.join(", ")))
}

/// Cut by characters, never inside one.
fn cut(text: &str, most: usize) -> String {
    text.trim().chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_family_name() {
        assert_eq!(split_name("Ada King Lovelace"), (Some("Ada King"), "Lovelace"));
        assert_eq!(split_name(" Prince "), (None, "Prince"));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("äöü", 2), "äö");
    }
}
