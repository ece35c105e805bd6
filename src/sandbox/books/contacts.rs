//! Contacts: each name once in an organisation.

use serde_json::{Value, json};

use super::{Books, CURRENCIES, Call, error, ok};
use crate::clock::UtcTime;
use crate::sandbox::answer::SandboxAnswer;

/// Those that exist, with the organisation and the time of each.
#[derive(Default)]
pub(super) struct Contacts(Vec<(String, UtcTime, Value)>);

impl Contacts {
    pub(super) fn all(&self) -> Vec<&Value> {
        self.0.iter().map(|(_, _, contact)| contact).collect()
    }

    pub(super) fn get(&self, organisation: &str, id: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _, contact)| own == organisation && contact["contact_id"] == id).map(|(_, _, contact)| contact)
    }

    /// One that was made there by hand.
    pub(super) fn add(&mut self, organisation: &str, at: UtcTime, contact: Value) {
        self.0.push((organisation.to_owned(), at, contact));
    }

    /// It is gone; false: there was none.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(_, _, contact)| contact["contact_id"] != id);
        self.0.len() < before
    }

    /// A search: what was made a moment ago is not found yet.
    pub(super) fn list(&self, call: &Call<'_>) -> SandboxAnswer {
        let fits = |contact: &Value, field: &str, by: &str| {
            call.param(by).is_none_or(|wanted| contact[field].as_str().is_some_and(|value| value.eq_ignore_ascii_case(wanted)))
        };
        let found: Vec<&Value> = self
            .0
            .iter()
            .filter(|(own, at, _)| *own == call.organisation && *at <= call.found_until)
            .map(|(_, _, contact)| contact)
            .filter(|contact| fits(contact, "email", "email") && fits(contact, "contact_name", "contact_name"))
            .filter(|contact| fits(contact, "contact_type", "contact_type"))
            .collect();
        ok(200, "contacts", &json!(found))
    }
}

pub(super) fn create(books: &mut Books, call: &Call<'_>) -> SandboxAnswer {
    let body = call.body();
    let Some(name) = body["contact_name"].as_str().filter(|name| !name.is_empty()) else {
        return error(400, 4, "Invalid value passed for contact_name");
    };
    if name.chars().count() > 200 {
        return error(400, 15, "Please ensure that the contact_name has less than 200 characters.");
    }
    let is_taken = |(own, _, contact): &(String, UtcTime, Value)| {
        *own == call.organisation && contact["contact_name"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(name))
    };
    if books.contacts.0.iter().any(is_taken) {
        return error(400, 3062, &format!("The customer \"{name}\" already exists. Please specify a different name."));
    }
    let currency = match body["currency_id"].as_str() {
        None => CURRENCIES[0],
        Some(wanted) => match CURRENCIES.iter().find(|(id, _)| *id == wanted) {
            Some(found) => *found,
            None => return error(400, 1002, "Currency does not exist."),
        },
    };
    let persons = body["contact_persons"].as_array().cloned().unwrap_or_default();
    let mail = persons.first().and_then(|person| person["email"].as_str()).unwrap_or_default();
    let contact = json!({
        "contact_id": books.id(), "contact_name": name, "contact_type": body["contact_type"].as_str().unwrap_or("customer"),
        "currency_id": currency.0, "currency_code": currency.1, "email": mail, "contact_persons": persons, "status": "active",
    });
    books.contacts.0.push((call.organisation.clone(), call.now, contact.clone()));
    ok(201, "contact", &contact)
}
