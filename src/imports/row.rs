//! From one record of an older system to a lead, by the same checks as intake. An old lead that today's form would refuse only
//! for something optional is kept with a note: nobody can ask its sender any more.

use serde_json::{Map, Value, json};

use super::plan::{Field, Plan};
use super::values;
use crate::clock::UtcTime;
use crate::digest::sha256_hex;
use crate::leads::model::NewLead;
use crate::leads::old_leads::OldLead;
use crate::leads::{LeadKind, LeadStatus, submission};
use crate::records::Content;
use crate::web::csv::bare;

/// What is kept of a text that explains a failure.
const ERROR_MAX: usize = 2_000;
const ID_MAX: usize = 200;

/// What the rows of one file are read by.
#[derive(Clone, Debug)]
pub struct Rules {
    pub plan: Plan,
    /// Of moments without an offset: the seller's.
    pub zone: chrono_tz::Tz,
    pub phone_region: Option<String>,
    pub now: UtcTime,
}

/// A row that can be taken over.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Tells it from every other row of its source.
    pub key: String,
    /// The older system's id.
    pub old_id: Option<String>,
    pub lead: OldLead,
    /// What was not as it should be and did no harm.
    pub notes: Vec<String>,
}

/// The columns of a record, sorted by what they hold.
#[derive(Default)]
struct Sorted {
    /// What intake knows.
    submission: Map<String, Value>,
    /// What only an older system has.
    old: Vec<(Field, String)>,
    /// Kept as it is.
    kept: Map<String, Value>,
    notes: Vec<String>,
    mistakes: Vec<String>,
}

impl Sorted {
    /// The value, or its mistake among the others.
    fn keep<T>(&mut self, read: Result<T, String>) -> Option<T> {
        read.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn held(&self, field: Field) -> Option<&str> {
        self.old.iter().find(|(held, _)| *held == field).map(|(_, text)| text.as_str())
    }

    fn take(&mut self, field: Field) -> Option<String> {
        let place = self.old.iter().position(|(held, _)| *held == field)?;
        Some(self.old.swap_remove(place).1)
    }

    /// Puts a value aside that could not be used as what it was meant to be.
    fn put_aside(&mut self, field: &str, value: Value, why: &str) {
        self.notes.push(format!("{field} {why}; it is kept as it came"));
        self.kept.insert(format!("imported_{field}"), value);
    }
}

/// What only an older system tells of a lead.
struct Past {
    status: LeadStatus,
    received_at: Option<UtcTime>,
    processed_at: Option<UtcTime>,
    zoho_lead_id: Option<String>,
    retry_count: i64,
    error: Option<String>,
}

/// Reads a record. Err: what is wrong with it, in words.
pub fn read(rules: &Rules, header: &[String], content: Content) -> Result<Row, Vec<String>> {
    let mut sorted = sort(&rules.plan, named(header, content)?);
    // As it is written: read in another zone it would be another moment, and the row another row.
    let dated = sorted.held(Field::ReceivedAt).map(str::to_owned);
    let past = past(&mut sorted, rules);
    let old_id = sorted.take(Field::Id).map(|id| cut(&id, ID_MAX));
    let kind = read_kind(&mut sorted);
    name_them(&mut sorted);
    let key = key(old_id.as_deref(), kind, &sorted.submission, dated.as_deref());
    let mut new = match checked(&mut sorted, kind, past.status, rules.phone_region.as_deref()) {
        Ok(new) if sorted.mistakes.is_empty() => new,
        Ok(_) => return Err(sorted.mistakes),
        Err(found) => return Err(sorted.mistakes.into_iter().chain(found).collect()),
    };
    new.extra.append(&mut sorted.kept);
    let is_sent = past.status == LeadStatus::Sent;
    let unexplained = || "It failed in the older system, which does not say why.".to_owned();
    let lead = OldLead {
        new,
        status: past.status,
        retry_count: if past.status == LeadStatus::Pending { 0 } else { past.retry_count },
        last_error: (past.status == LeadStatus::Failed).then(|| past.error.unwrap_or_else(unexplained)),
        processed_at: past.processed_at.filter(|_| is_sent),
        zoho_lead_id: past.zoho_lead_id.filter(|_| is_sent),
        received_at: past.received_at.unwrap_or(rules.now),
    };
    Ok(Row { key, old_id, lead, notes: sorted.notes })
}

fn past(sorted: &mut Sorted, rules: &Rules) -> Past {
    let zoho_lead_id = sorted.take(Field::ZohoLeadId).filter(|id| id.len() <= 50 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let status = read_status(sorted, zoho_lead_id.is_some());
    let status = sorted.keep(status).unwrap_or(LeadStatus::Pending);
    let mut at = |field: Field| {
        let read = sorted.take(field).map(|text| moment(field.as_str(), &text, rules)).transpose();
        sorted.keep(read).flatten()
    };
    let (received_at, processed_at) = (at(Field::ReceivedAt), at(Field::ProcessedAt));
    if received_at.is_none() {
        sorted.notes.push("it has no date; it counts as received now".into());
    }
    if status == LeadStatus::Sent && zoho_lead_id.is_none() {
        sorted.notes.push("it was sent, but its id in Zoho CRM is not known".into());
    }
    let error = sorted.take(Field::LastError).map(|text| cut(&text, ERROR_MAX));
    let retries = sorted.take(Field::RetryCount).and_then(|text| text.parse().ok()).filter(|count| (0..1_000_000).contains(count));
    Past { status, received_at, processed_at, zoho_lead_id, retry_count: retries.unwrap_or_default(), error }
}

fn named(header: &[String], content: Content) -> Result<Vec<(String, Value)>, Vec<String>> {
    match content {
        Content::Broken { why, .. } => Err(vec![why]),
        Content::Object(members) => Ok(members.into_iter().collect()),
        Content::Cells(cells) if cells.len() > header.len() => Err(vec![format!(
            "has {} columns where the first line has {}: a separator or a quotation mark is out of place",
            cells.len(),
            header.len()
        )]),
        Content::Cells(cells) => Ok(header.iter().cloned().zip(cells.into_iter().map(|cell| Value::String(bare(cell)))).collect()),
    }
}

fn sort(plan: &Plan, named: Vec<(String, Value)>) -> Sorted {
    let mut sorted = Sorted::default();
    for (column, value) in named {
        let is_empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        if is_empty {
            continue;
        }
        match plan.field(&column) {
            Field::Drop => {}
            Field::Keep => {
                sorted.kept.insert(column.replace('\0', ""), without_nul(value));
            }
            Field::Items => match values::items(value.clone()) {
                Some(items) => drop(sorted.submission.insert("items".into(), items)),
                None => sorted.put_aside("items", without_nul(value), "cannot be read"),
            },
            Field::Transcript => drop(sorted.submission.insert("transcript".into(), values::transcript(value))),
            field @ (Field::Id
            | Field::Kind
            | Field::Status
            | Field::ReceivedAt
            | Field::ProcessedAt
            | Field::RetryCount
            | Field::LastError
            | Field::ZohoLeadId
            | Field::FirstName
            | Field::LastName
            | Field::Consent
            | Field::ConsentWording) => sorted.old.push((field, text(value))),
            field => drop(sorted.submission.insert(field.as_str().to_owned(), value)),
        }
    }
    consent(&mut sorted);
    sorted
}

/// What was agreed to counts only with the words that were agreed to: an import must not make consent out of a tick.
fn consent(sorted: &mut Sorted) {
    let (given, wording) = (sorted.take(Field::Consent), sorted.take(Field::ConsentWording));
    match (given, wording) {
        (Some(given), Some(wording)) => {
            sorted.submission.insert("consent".into(), json!({ "given": given, "wording": wording }));
        }
        (Some(given), None) => sorted.put_aside("consent", given.into(), "came without its wording and does not count"),
        (None, _) => {}
    }
}

fn read_status(sorted: &mut Sorted, is_in_crm: bool) -> Result<LeadStatus, String> {
    let Some(text) = sorted.take(Field::Status) else {
        return Ok(if is_in_crm { LeadStatus::Sent } else { LeadStatus::Pending });
    };
    let Some(status) = values::status(&text) else {
        let told = cut(&text, 40);
        return Err(format!("status “{told}” is not known: use pending, processing, retry, sent, failed or cancelled"));
    };
    if status == LeadStatus::Pending && is_in_crm {
        sorted.notes.push(format!("it was {} and has an id in Zoho CRM: it counts as sent", cut(&text, 40)));
        return Ok(LeadStatus::Sent);
    }
    if values::was_under_way(&text) {
        sorted.notes.push("it was being sent: if it had arrived, Zoho CRM will have it twice".into());
    }
    Ok(status)
}

fn read_kind(sorted: &mut Sorted) -> LeadKind {
    let is_talk = ["transcript", "conversation_id"].iter().any(|field| sorted.submission.contains_key(*field));
    let guess = if is_talk { LeadKind::Chatbot } else { LeadKind::Quote };
    let Some(text) = sorted.take(Field::Kind) else { return guess };
    values::kind(&text).unwrap_or_else(|| {
        sorted.put_aside("kind", cut(&text, 200).into(), "is none of ours");
        guess
    })
}

fn moment(field: &str, text: &str, rules: &Rules) -> Result<UtcTime, String> {
    let at = values::moment(text, rules.zone).ok_or_else(|| {
        let told = cut(text, 40);
        format!("{field} “{told}” is not a moment: write it like 2024-03-01 10:00:00 or 2024-03-01T10:00:00+04:00")
    })?;
    if at > rules.now + chrono::TimeDelta::days(1) || at.and_utc().timestamp() < 0 {
        return Err(format!("{field} “{}” lies in the future or before 1970", cut(text, 40)));
    }
    Ok(at)
}

/// A name out of its parts; without any, what else the lead is called by.
fn name_them(sorted: &mut Sorted) {
    let parts: Vec<String> = [Field::FirstName, Field::LastName].iter().filter_map(|part| sorted.take(*part)).collect();
    if sorted.submission.contains_key("name") {
        return;
    }
    let given = Some(parts.join(" ")).filter(|name| !name.is_empty());
    let stand_in = || ["company", "email", "phone"].iter().find_map(|field| sorted.submission.get(*field)).map(|value| text(value.clone()));
    let name = given.clone().or_else(stand_in);
    if let Some(name) = name {
        sorted.submission.insert("name".into(), name.into());
        if given.is_none() {
            sorted.notes.push("it has no name; what it can be reached by stands in its place".into());
        }
    }
}

/// Checks as intake does. What is optional and wrong is put aside; for what was sent or has failed long ago, so is a contact.
fn checked(sorted: &mut Sorted, kind: LeadKind, status: LeadStatus, region: Option<&str>) -> Result<NewLead, Vec<String>> {
    let first = match submission::check(kind, sorted.submission.clone(), region) {
        Ok(lead) => return Ok(lead),
        Err(mistakes) => mistakes,
    };
    for (field, why) in &first {
        let root = field.split('.').next().unwrap_or(field);
        if root != "name"
            && let Some(value) = sorted.submission.remove(root)
        {
            sorted.put_aside(root, without_nul(value), why);
        }
    }
    let again = match submission::check(kind, sorted.submission.clone(), region) {
        Ok(lead) => return Ok(lead),
        Err(mistakes) => mistakes,
    };
    // Nobody has to reach them any more.
    let is_over = matches!(status, LeadStatus::Sent | LeadStatus::Failed | LeadStatus::Cancelled);
    if is_over && again.iter().all(|(field, _)| field == "email" || field == "phone") {
        let mut with_stand_in = sorted.submission.clone();
        with_stand_in.insert("phone".into(), "0".into());
        if let Ok(mut lead) = submission::check(kind, with_stand_in, region) {
            (lead.contact.phone, lead.contact.phone_e164) = (None, None);
            sorted.notes.push("it has neither a mail address nor a phone number that can be used".into());
            return Ok(lead);
        }
    }
    let named = again.into_iter().map(|(field, why)| {
        // What was put aside is the reason, not that it is missing now.
        let reason = first.iter().find(|(name, _)| *name == field).map_or(why, |(_, first)| first.clone());
        format!("{field} {reason}")
    });
    Err(named.collect())
}

/// What tells a row from the others of its source: its old id, else what does not change while it is worked on.
fn key(old_id: Option<&str>, kind: LeadKind, submission: &Map<String, Value>, dated: Option<&str>) -> String {
    let identity = match old_id {
        Some(id) => json!({ "id": id }),
        None => {
            let of = |field: &str| submission.get(field);
            let who = (of("name"), of("email"), of("phone"), of("company"));
            json!([kind, who, of("message"), of("items"), of("conversation_id"), of("transcript"), dated])
        }
    };
    sha256_hex(identity.to_string())[..32].to_owned()
}

fn text(value: Value) -> String {
    let text = match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    text.trim().replace('\0', "")
}

fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "")),
        Value::Array(places) => places.into_iter().map(without_nul).collect(),
        Value::Object(members) => members.into_iter().map(|(name, member)| (name.replace('\0', ""), without_nul(member))).collect(),
        other => other,
    }
}

fn cut(text: &str, most: usize) -> String {
    text.trim().chars().take(most).collect()
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
