//! From a submission's fields to a checked lead: every mistake is named with its field, everything unknown is kept.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::model::{Consent, Contact, Item, LeadKind, NewLead, Utterance};
use crate::mail;

const NAME_MAX: usize = 200;
const EMAIL_MAX: usize = mail::ADDRESS_MAX;
const PHONE_MAX: usize = 60;
const COMPANY_MAX: usize = 200;
const SOURCE_MAX: usize = 100;
const TAG_MAX: usize = 500;
const URL_MAX: usize = 2_000;
const TEXT_MAX: usize = 20_000;
const SKU_MAX: usize = 100;
const ITEMS_MAX: usize = 200;
const TURNS_MAX: usize = 500;
const VERSION_MAX: usize = 100;
const QUANTITY_MAX: i64 = 1_000_000;

/// A field's name and what is wrong with it.
pub type Mistake = (String, String);

/// Checks a submission's fields.
pub fn check(kind: LeadKind, fields: Map<String, Value>, phone_region: Option<&str>) -> Result<NewLead, Vec<Mistake>> {
    let mut form = Form { fields, mistakes: Vec::new() };
    form.refuse_nul();
    let contact = form.contact(phone_region);
    let default_source = if kind == LeadKind::Chatbot { "chatbot" } else { "website" };
    let lead = NewLead {
        kind,
        source: form.line("source", SOURCE_MAX).unwrap_or_else(|| default_source.into()),
        contact,
        message: form.text("message", TEXT_MAX),
        items: form.items(),
        utm: form.utm(),
        page_url: form.line("page_url", URL_MAX),
        consent: form.consent(),
        language: form.language(),
        conversation_id: if kind == LeadKind::Chatbot { form.line("conversation_id", SKU_MAX * 2) } else { None },
        transcript: if kind == LeadKind::Chatbot { form.transcript() } else { Vec::new() },
        extra: std::mem::take(&mut form.fields),
    };
    form.finished(lead)
}

/// Checks the contact fields alone, as staff correct them.
pub fn check_contact(fields: Map<String, Value>, phone_region: Option<&str>) -> Result<Contact, Vec<Mistake>> {
    let mut form = Form { fields, mistakes: Vec::new() };
    form.refuse_nul();
    let contact = form.contact(phone_region);
    form.finished(contact)
}

/// The fields not looked at yet, and the mistakes so far. What is left at the end was unknown.
struct Form {
    fields: Map<String, Value>,
    mistakes: Vec<Mistake>,
}

impl Form {
    /// The value, or the first mistake of each field.
    fn finished<T>(self, value: T) -> Result<T, Vec<Mistake>> {
        let mut named = BTreeSet::new();
        let mistakes: Vec<Mistake> = self.mistakes.into_iter().filter(|(field, _)| named.insert(field.clone())).collect();
        if mistakes.is_empty() { Ok(value) } else { Err(mistakes) }
    }

    fn mistake(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.mistakes.push((field.into(), message.into()));
    }

    /// NUL cannot be stored in PostgreSQL text.
    fn refuse_nul(&mut self) {
        let with_nul: Vec<String> = self
            .fields
            .iter()
            .filter(|(name, value)| name.contains('\0') || has_nul(value))
            .map(|(name, _)| name.replace('\0', ""))
            .collect();
        for name in with_nul {
            self.mistake(name, "must not contain the NUL character");
        }
    }

    fn contact(&mut self, phone_region: Option<&str>) -> Contact {
        let mistakes_before = self.mistakes.len();
        let name = self.line("name", NAME_MAX);
        if name.is_none() && self.mistakes.len() == mistakes_before {
            self.mistake("name", "is required");
        }
        let mistakes_before = self.mistakes.len();
        let email = self.email();
        let phone = self.line("phone", PHONE_MAX);
        if phone.as_deref().is_some_and(|phone| !phone.chars().any(char::is_numeric)) && email.is_none() {
            self.mistake("phone", "holds no number; give one, or an email address");
        } else if email.is_none() && phone.is_none() && self.mistakes.len() == mistakes_before {
            self.mistake("email", "is required where there is no phone number");
        }
        let phone_e164 = phone.as_deref().and_then(|phone| normalised(phone, phone_region));
        Contact { name: name.unwrap_or_default(), email, phone, phone_e164, company: self.line("company", COMPANY_MAX) }
    }

    fn email(&mut self) -> Option<String> {
        let email = self.line("email", EMAIL_MAX)?;
        if !mail::is_address(&email) {
            self.mistake("email", "is not an email address, such as name@example.com");
            return None;
        }
        Some(email)
    }

    fn items(&mut self) -> Vec<Item> {
        let places = self.list("items", ITEMS_MAX);
        let mut items = Vec::with_capacity(places.len());
        for (index, place) in places.into_iter().enumerate() {
            let Value::Object(fields) = place else {
                self.mistake(format!("items.{index}"), "must be an object with sku and quantity");
                continue;
            };
            let mut item = Form { fields, mistakes: Vec::new() };
            let sku = item.line("sku", SKU_MAX);
            if sku.is_none() && item.mistakes.is_empty() {
                item.mistake("sku", "is required");
            }
            let quantity = item.quantity();
            self.mistakes.extend(item.mistakes.into_iter().map(|(field, why)| (format!("items.{index}.{field}"), why)));
            items.push(Item { sku: sku.unwrap_or_default(), quantity });
        }
        items
    }

    /// One where none is given.
    fn quantity(&mut self) -> i64 {
        let quantity = match self.fields.remove("quantity") {
            None | Some(Value::Null) => Some(1),
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(text)) if text.trim().is_empty() => Some(1),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => None,
        };
        quantity.filter(|n| (1..=QUANTITY_MAX).contains(n)).unwrap_or_else(|| {
            self.mistake("quantity", format!("must be a whole number from 1 to {QUANTITY_MAX}"));
            1
        })
    }

    fn transcript(&mut self) -> Vec<Utterance> {
        let places = self.list("transcript", TURNS_MAX);
        let mut turns = Vec::with_capacity(places.len());
        for (index, place) in places.into_iter().enumerate() {
            let Value::Object(fields) = place else {
                self.mistake(format!("transcript.{index}"), "must be an object with role and text");
                continue;
            };
            let mut turn = Form { fields, mistakes: Vec::new() };
            let role = turn.line("role", SOURCE_MAX);
            let text = turn.text("text", TEXT_MAX);
            if role.is_none() && turn.mistakes.is_empty() {
                turn.mistake("role", "is required");
            }
            self.mistakes.extend(turn.mistakes.into_iter().map(|(field, why)| (format!("transcript.{index}.{field}"), why)));
            turns.push(Utterance { role: role.unwrap_or_default(), text: text.unwrap_or_default() });
        }
        turns
    }

    fn utm(&mut self) -> Map<String, Value> {
        let names: Vec<String> = self.fields.keys().filter(|name| name.starts_with("utm_")).cloned().collect();
        names.into_iter().filter_map(|name| self.line(&name, TAG_MAX).map(|value| (name, Value::String(value)))).collect()
    }

    fn consent(&mut self) -> Option<Consent> {
        match self.fields.remove("consent")? {
            Value::Null => None,
            Value::Object(fields) => {
                let mut inner = Form { fields, mistakes: Vec::new() };
                let given = inner.yes_or_no("given");
                let wording = inner.text("wording", TEXT_MAX);
                let version = inner.line("version", VERSION_MAX);
                self.mistakes.extend(inner.mistakes.into_iter().map(|(field, why)| (format!("consent.{field}"), why)));
                Some(Consent { given: given.unwrap_or(false), wording, version })
            }
            _ => {
                self.mistake("consent", "must be an object with given and wording");
                None
            }
        }
    }

    /// A language tag (RFC 5646) in a field of that name; anything else is kept as a field we do not know.
    fn language(&mut self) -> Option<String> {
        let is_tag = |text: &str| (2..=35).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        self.fields.get("language").and_then(Value::as_str).filter(|text| is_tag(text))?;
        self.line("language", 35)
    }

    fn yes_or_no(&mut self, field: &str) -> Option<bool> {
        match self.fields.remove(field)? {
            Value::Null => None,
            Value::Bool(given) => Some(given),
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => Some(true),
                "false" | "off" | "no" | "0" | "" => Some(false),
                _ => {
                    self.mistake(field, "must be true or false");
                    None
                }
            },
            _ => {
                self.mistake(field, "must be true or false");
                None
            }
        }
    }

    fn list(&mut self, field: &str, most: usize) -> Vec<Value> {
        match self.fields.remove(field) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(places)) if places.len() <= most => places,
            Some(Value::Array(_)) => {
                self.mistake(field, format!("must have at most {most} entries"));
                Vec::new()
            }
            Some(_) => {
                self.mistake(field, "must be a list");
                Vec::new()
            }
        }
    }

    /// Text on one line: it may reach a mail header or a table cell.
    fn line(&mut self, field: &str, most: usize) -> Option<String> {
        let text = self.text(field, most)?;
        if text.chars().any(|c| c.is_control() && c != '\t') {
            self.mistake(field, "must be on one line, without control characters");
            return None;
        }
        Some(text)
    }

    /// Text, trimmed; empty counts as not given. Numbers are taken as text: `"phone": 971501234567`.
    fn text(&mut self, field: &str, most: usize) -> Option<String> {
        let text = match self.fields.remove(field)? {
            Value::Null => return None,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => {
                self.mistake(field, "must be text");
                return None;
            }
        };
        let text = text.trim();
        if text.chars().count() > most {
            self.mistake(field, format!("must have at most {most} characters"));
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(places) => places.iter().any(has_nul),
        Value::Object(members) => members.iter().any(|(name, member)| name.contains('\0') || has_nul(member)),
        _ => false,
    }
}

/// The number as phones read it, or None where it cannot be read.
fn normalised(phone: &str, region: Option<&str>) -> Option<String> {
    let region = region.and_then(|code| phonenumber::country::Id::from_str(code).ok());
    // The library has met inputs it could not bear; a lead is not lost to that.
    let number = catch_unwind(|| phonenumber::parse(region, phone).ok().filter(phonenumber::PhoneNumber::is_valid)).ok().flatten()?;
    Some(number.format().mode(phonenumber::Mode::E164).to_string())
}

#[cfg(test)]
#[path = "submission_tests.rs"]
mod tests;
