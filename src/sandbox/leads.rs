//! The records themselves: insert, upsert, duplicates, and the ledger.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::coql::Query;
use super::fields;
use crate::clock::UtcTime;

/// Ids are 19 digits, as Zoho's are, and count up.
const FIRST_ID: u64 = 5_725_767_000_000_000_001;

/// All leads of the CRM.
pub(super) struct Leads {
    /// The field that the account has added for the ids of others.
    own_field: Option<String>,
    is_unique: bool,
    records: Vec<Lead>,
    /// (field, value in lower case) -> place in `records`.
    by_value: HashMap<(&'static str, String), usize>,
}

struct Lead {
    id: String,
    fields: Map<String, Value>,
    accepted: u64,
    created_at: UtcTime,
    modified_at: UtcTime,
}

impl Lead {
    /// The id always comes along.
    fn columns(&self, wanted: &[String]) -> Value {
        let mut told = Map::from_iter([("id".to_owned(), json!(self.id))]);
        for column in wanted.iter().filter(|column| *column != "id") {
            let value = match column.as_str() {
                "Created_Time" => json!(stamp(self.created_at)),
                "Modified_Time" => json!(stamp(self.modified_at)),
                field => self.fields.get(field).cloned().unwrap_or_default(),
            };
            told.insert(column.clone(), value);
        }
        Value::Object(told)
    }
}

/// Fields by which a record can be found.
const EMAIL: &str = "Email";
const EXTERNAL: &str = "external";

impl Leads {
    pub(super) fn new(external_field: Option<String>) -> Self {
        Self { own_field: external_field, is_unique: true, records: Vec::new(), by_value: HashMap::new() }
    }

    /// The unique field's name, if the CRM has one.
    pub(super) fn external_field(&self) -> Option<&str> {
        self.own_field().filter(|_| self.is_unique)
    }

    /// The same field, whether or not it is unique.
    pub(super) fn own_field(&self) -> Option<&str> {
        self.own_field.as_deref()
    }

    /// Adds, changes or removes that field. Values that are there are looked at from now on only.
    pub(super) fn set_own_field(&mut self, name: Option<&str>, is_unique: bool) {
        self.own_field = name.map(str::to_owned);
        self.is_unique = is_unique;
    }

    /// Whether a field may stand in `duplicate_check_fields`: Email is the system's, the other is the account's own.
    pub(super) fn may_check(&self, field: &str) -> bool {
        field == EMAIL || self.external_field() == Some(field)
    }

    /// Whether a lead with this id exists.
    pub(super) fn exists(&self, id: &str) -> bool {
        id.parse::<u64>().ok().and_then(|id| id.checked_sub(FIRST_ID)).is_some_and(|at| (at as usize) < self.records.len())
    }

    /// Writes one record and answers its result; `check` is empty for a plain insert.
    pub(super) fn write(&mut self, record: &Map<String, Value>, check: &[String], at: usize, now: UtcTime) -> Value {
        if let Some(mistake) = fields::mistake(record, self.own_field(), at) {
            return mistake;
        }
        let found = check.iter().find_map(|field| Some((field, self.place_of(self.key(field)?, record.get(field)?.as_str()?)?)));
        if let Some((field, place)) = found {
            return self.update(place, record, field, at, now);
        }
        if let Some(missing) = fields::missing(record, at) {
            return missing;
        }
        if let Some(duplicate) = self.duplicate(record, None, at) {
            return duplicate;
        }
        self.insert(record, !check.is_empty(), now)
    }

    /// One element for each record: its id, its fields, and how often it was written.
    pub(super) fn ledger(&self) -> Vec<Value> {
        self.records
            .iter()
            .map(|lead| {
                let mut told = lead.fields.clone();
                told.insert("id".into(), json!(lead.id));
                told.insert("accepted".into(), json!(lead.accepted));
                told.insert("Created_Time".into(), json!(stamp(lead.created_at)));
                told.insert("Modified_Time".into(), json!(stamp(lead.modified_at)));
                Value::Object(told)
            })
            .collect()
    }

    /// The records that fit a query, each with the columns it asks for. Search follows the records with a delay.
    pub(super) fn find(&self, query: &Query, searchable_until: UtcTime) -> Vec<Value> {
        let found = self.records.iter().filter(|lead| lead.created_at <= searchable_until && query.fits(&lead.fields, lead.created_at));
        found.map(|lead| lead.columns(&query.columns)).collect()
    }

    fn insert(&mut self, record: &Map<String, Value>, is_upsert: bool, now: UtcTime) -> Value {
        let place = self.records.len();
        let id = (FIRST_ID + place as u64).to_string();
        let lead = Lead { id, fields: Map::new(), accepted: 0, created_at: now, modified_at: now };
        self.records.push(lead);
        self.store(place, record, now);
        let mut result = success(&self.records[place], "record added");
        if is_upsert {
            result["action"] = json!("insert");
            result["duplicate_field"] = Value::Null;
        }
        result
    }

    fn update(&mut self, place: usize, record: &Map<String, Value>, field: &str, at: usize, now: UtcTime) -> Value {
        if let Some(duplicate) = self.duplicate(record, Some(place), at) {
            return duplicate;
        }
        self.store(place, record, now);
        let mut result = success(&self.records[place], "record updated");
        result["action"] = json!("update");
        result["duplicate_field"] = json!(field);
        result
    }

    fn store(&mut self, place: usize, record: &Map<String, Value>, now: UtcTime) {
        let external_field = self.external_field().map(str::to_owned);
        let lead = &mut self.records[place];
        lead.fields.extend(record.iter().filter(|(name, _)| !name.starts_with('$')).map(|(name, value)| (name.clone(), value.clone())));
        lead.accepted += 1;
        lead.modified_at = now;
        for (key, field) in [(EMAIL, Some(EMAIL)), (EXTERNAL, external_field.as_deref())] {
            if let Some(value) = field.and_then(|field| record.get(field)).and_then(Value::as_str).filter(|value| !value.is_empty()) {
                self.by_value.entry((key, value.to_lowercase())).or_insert(place);
            }
        }
    }

    /// The unique field's value belongs to another record.
    fn duplicate(&self, record: &Map<String, Value>, own: Option<usize>, at: usize) -> Option<Value> {
        let field = self.external_field()?;
        let place = self.place_of(EXTERNAL, record.get(field)?.as_str()?).filter(|place| Some(*place) != own)?;
        let id = &self.records[place].id;
        let owner = json!({ "name": "Sandbox", "id": "5725767000000411001", "zuid": "75092197" });
        let details = json!({
            "api_name": field,
            "json_path": format!("$.data[{at}].{field}"),
            "id": id,
            "duplicate_record": { "Owner": owner, "id": id },
            "more_records": false,
        });
        Some(json!({ "code": "DUPLICATE_DATA", "details": details, "message": "duplicate data", "status": "error" }))
    }

    fn key(&self, field: &str) -> Option<&'static str> {
        match field {
            EMAIL => Some(EMAIL),
            _ if self.external_field() == Some(field) => Some(EXTERNAL),
            _ => None,
        }
    }

    fn place_of(&self, key: &'static str, value: &str) -> Option<usize> {
        self.by_value.get(&(key, value.to_lowercase())).copied()
    }
}

fn success(lead: &Lead, message: &str) -> Value {
    let user = json!({ "name": "Sandbox", "id": "5725767000000411001" });
    let details = json!({
        "id": lead.id,
        "Created_Time": stamp(lead.created_at),
        "Modified_Time": stamp(lead.modified_at),
        "Created_By": user,
        "Modified_By": user,
        "$approval_state": "approved",
    });
    json!({ "code": "SUCCESS", "details": details, "message": message, "status": "success" })
}

/// The CRM's times carry an offset and no fractions.
pub(super) fn stamp(at: UtcTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
