//! A lead as the CRM's record: the configured mapping applied, long texts cut to what a CRM field holds.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::model::Lead;

/// Zoho's single-line fields hold 255 characters at most, its multi-line ones 32,000 (docs read 2026-11).
const LINE_MAX: usize = 255;
const NAME_MAX: usize = 80;
const FIRST_NAME_MAX: usize = 40;
const PHONE_MAX: usize = 30;
const COMPANY_MAX: usize = 200;
const EMAIL_MAX: usize = 100;
const TEXT_MAX: usize = 32_000;

/// Builds the record. Fields without a value are left out, so that an update never empties what staff filled in.
pub fn record(lead: &Lead, mapping: &BTreeMap<String, String>, external_field: Option<&str>) -> Map<String, Value> {
    let mut record: Map<String, Value> = mapping
        .iter()
        .filter_map(|(crm_field, lead_field)| value(lead, lead_field).map(|text| (crm_field.clone(), Value::String(text))))
        .collect();
    if let Some(field) = external_field {
        record.insert(field.to_owned(), Value::String(lead.line_id.clone()));
    }
    record
}

fn value(lead: &Lead, field: &str) -> Option<String> {
    let (first, last) = split_name(&lead.name);
    let text = match field {
        "name" => cut(&lead.name, LINE_MAX),
        "first_name" => cut(first?, FIRST_NAME_MAX),
        "last_name" => cut(last, NAME_MAX),
        "email" => lead.email.as_deref().filter(|email| email.chars().count() <= EMAIL_MAX)?.to_owned(),
        "phone" => cut(lead.phone_e164.as_deref().or(lead.phone.as_deref())?, PHONE_MAX),
        "company" => cut(lead.company.as_deref()?, COMPANY_MAX),
        "source" => cut(&lead.source, LINE_MAX),
        "page_url" => cut(lead.page_url.as_deref()?, LINE_MAX),
        "description" => description(lead),
        _ => return None,
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
    format!("{}\n{id}", cut(&told(lead), TEXT_MAX - 1 - id.chars().count())).trim_start().to_owned()
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
    lead.email.clone().filter(|email| email.chars().count() > EMAIL_MAX)
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
