//! Zoho CRM v8: whose it is, the fields of leads, leads (upsert and insert, up to 100 a call), their notes, and looking for
//! them. Automation runs as the CRM has it set up: `trigger` is left out.

mod answers;
mod coql;
mod fields;
mod words;

pub use coql::{FOUND_MAX, FoundLead, FoundLeads, LeadSearch};
pub use fields::Field;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};

use self::answers::{BatchReader, read_one};
use super::{Called, Sent, send};
use crate::http::{Exchange, Method, Outgoing, Transport};
use crate::integrations::Failure;

/// As many records as one call may carry.
pub const RECORDS_MAX: usize = 100;
/// As many notes as one answer may bring.
const NOTES_MAX: u32 = 200;

/// A record by the CRM's field names.
pub type Record = Map<String, Value>;

/// Zoho's id of a record: digits, kept as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ZohoLeadId(pub String);

/// What became of a record that the CRM has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub id: ZohoLeadId,
    pub how: How,
}

/// How the CRM came to have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    Inserted,
    Updated,
    /// It was there already under the same value of this unique field (DUPLICATE_DATA); nothing was written.
    Adopted {
        field: String,
    },
}

/// One record's part of a batch call.
#[derive(Debug)]
pub struct MemberAnswer {
    pub result: Result<Written, Failure>,
    /// The call with this record's part of the request and of the answer only.
    pub exchange: Exchange,
}

/// What came of a batch: one answer for each record, in their order.
#[derive(Debug)]
pub struct BatchAnswer {
    pub members: Vec<MemberAnswer>,
    /// The call failed as a whole, and every member with it.
    pub whole: Option<Failure>,
    /// The token itself was refused: another one may be accepted.
    pub credentials_refused: bool,
}

/// The account's organisation: whose CRM it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    pub id: String,
    pub name: String,
}

/// A note on a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub title: String,
    pub content: String,
}

/// A client for one account, with the token of the moment.
pub struct Crm<'a> {
    transport: &'a dyn Transport,
    api_url: &'a str,
    token: &'a SecretString,
}

impl<'a> Crm<'a> {
    /// A client that calls `{api_url}/crm/v8`.
    pub fn new(transport: &'a dyn Transport, api_url: &'a str, token: &'a SecretString) -> Self {
        Self { transport, api_url, token }
    }

    /// The fields of leads, unique ones marked.
    pub async fn lead_fields(&self) -> Called<Vec<Field>> {
        let sent = self.send(Method::Get, "/settings/fields?module=Leads", None).await;
        read_one(sent, |body| Some(body["fields"].as_array()?.iter().filter_map(Field::read).collect()))
    }

    /// Whose CRM this is.
    pub async fn organisation(&self) -> Called<Organisation> {
        let sent = self.send(Method::Get, "/org", None).await;
        read_one(sent, |body| {
            let told = &body["org"][0];
            let name = told["company_name"].as_str().unwrap_or_default().to_owned();
            id_text(&told["id"]).map(|id| Organisation { id, name })
        })
    }

    /// Writes up to 100 leads: one that has the same value in `unique_field` is updated, else it is inserted. Safe to repeat.
    pub async fn upsert_leads(&self, leads: &[Record], unique_field: &str) -> BatchAnswer {
        let body = json!({ "data": leads, "duplicate_check_fields": [unique_field] });
        self.write_leads("/Leads/upsert", leads, &body).await
    }

    /// Inserts up to 100 leads. Not safe to repeat after a lost answer.
    pub async fn insert_leads(&self, leads: &[Record]) -> BatchAnswer {
        self.write_leads("/Leads", leads, &json!({ "data": leads })).await
    }

    /// The newest notes of a lead, at most 200: after a lost answer the caller looks for its own among them.
    pub async fn lead_notes(&self, lead: &ZohoLeadId) -> Called<Vec<Note>> {
        let path = format!(
            "/Leads/{}/Notes?fields=Note_Title,Note_Content,Created_Time&sort_by=Created_Time&sort_order=desc&per_page={NOTES_MAX}",
            digits(lead)
        );
        let sent = self.send(Method::Get, &path, None).await;
        read_one(sent, |body| match body {
            Value::Null => Some(Vec::new()),
            _ => Some(body["data"].as_array()?.iter().map(note).collect()),
        })
    }

    /// Adds a note to a lead and answers its id. Not safe to repeat after a lost answer.
    pub async fn add_lead_note(&self, lead: &ZohoLeadId, note: &Note) -> Called<String> {
        let parent = json!({ "module": { "api_name": "Leads" }, "id": lead.0 });
        let body = json!({ "data": [{ "Note_Title": note.title, "Note_Content": note.content, "Parent_Id": parent }] });
        let sent = self.send(Method::Post, "/Notes", Some(&body)).await;
        read_one(sent, |body| {
            let result = &body["data"][0];
            (result["status"] == "success").then(|| id_text(&result["details"]["id"])).flatten()
        })
    }

    async fn write_leads(&self, path: &str, leads: &[Record], body: &Value) -> BatchAnswer {
        let sent = self.send(Method::Post, path, Some(body)).await;
        BatchReader { leads, exchange: &sent.exchange }.read(&sent.answer)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Sent {
        let mut headers =
            vec![("authorization", format!("Zoho-oauthtoken {}", self.token.expose_secret())), ("accept", "application/json".to_owned())];
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        let url = format!("{}/crm/v8{path}", self.api_url.trim_end_matches('/'));
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        send(self.transport, &Outgoing { method, url, headers, body }).await
    }
}

/// An id goes into a path: only what belongs in one.
fn digits(lead: &ZohoLeadId) -> String {
    lead.0.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Ids come as text or as numbers.
fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn note(value: &Value) -> Note {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Note { title: text("Note_Title"), content: text("Note_Content") }
}
