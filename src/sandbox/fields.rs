//! The module Leads as the sandbox's CRM has it: its fields, and what they accept.

use serde_json::{Map, Value, json};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Textarea,
    Email,
    Phone,
    Website,
    Picklist,
    Boolean,
    Integer,
    Datetime,
    Owner,
}

impl Kind {
    fn data_type(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Textarea => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Website => "website",
            Self::Picklist => "picklist",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Datetime => "datetime",
            Self::Owner => "ownerlookup",
        }
    }

    /// The CRM alone writes it.
    fn is_read_only(self) -> bool {
        self == Self::Datetime
    }
}

/// Name, kind, characters at most: as a new account has them.
const FIELDS: &[(&str, Kind, usize)] = &[
    ("First_Name", Kind::Text, 40),
    ("Last_Name", Kind::Text, 80),
    ("Company", Kind::Text, 200),
    ("Email", Kind::Email, 100),
    ("Secondary_Email", Kind::Email, 100),
    ("Phone", Kind::Phone, 30),
    ("Mobile", Kind::Phone, 30),
    ("Fax", Kind::Phone, 30),
    ("Website", Kind::Website, 255),
    ("Designation", Kind::Text, 100),
    ("Lead_Source", Kind::Picklist, 120),
    ("Lead_Status", Kind::Picklist, 120),
    ("Industry", Kind::Picklist, 120),
    ("Street", Kind::Text, 250),
    ("City", Kind::Text, 100),
    ("State", Kind::Text, 100),
    ("Zip_Code", Kind::Text, 30),
    ("Country", Kind::Text, 100),
    ("Description", Kind::Textarea, 32_000),
    ("Skype_ID", Kind::Text, 50),
    ("Twitter", Kind::Text, 50),
    ("Email_Opt_Out", Kind::Boolean, 5),
    ("No_of_Employees", Kind::Integer, 9),
    ("Owner", Kind::Owner, 120),
    ("Created_Time", Kind::Datetime, 120),
];
/// The unique field's length: a single line.
const EXTERNAL_LENGTH: usize = 255;

/// The answer of the fields API.
pub(super) fn listing(own_field: Option<&str>, is_unique: bool) -> Value {
    let external = own_field.map(|name| (name, Kind::Text, EXTERNAL_LENGTH));
    let fields: Vec<_> = FIELDS
        .iter()
        .copied()
        .chain(external)
        .map(|(name, kind, length)| {
            let unique = if is_unique && Some(name) == own_field { json!({ "casesensitive": "" }) } else { json!({}) };
            json!({
                "api_name": name,
                "field_label": name.replace('_', " "),
                "data_type": kind.data_type(),
                "length": length,
                "unique": unique,
                "system_mandatory": name == "Last_Name",
                "custom_field": Some(name) == own_field,
                "read_only": kind.is_read_only(),
            })
        })
        .collect();
    json!({ "fields": fields })
}

/// Whether leads have this field.
pub(super) fn is_known(name: &str, own_field: Option<&str>) -> bool {
    FIELDS.iter().any(|(field, ..)| *field == name) || own_field == Some(name)
}

/// The first thing that is wrong with a record's values, as the CRM's per-record error.
pub(super) fn mistake(record: &Map<String, Value>, own_field: Option<&str>, at: usize) -> Option<Value> {
    record.iter().filter(|(name, _)| !name.starts_with('$')).find_map(|(name, value)| {
        let external = own_field.filter(|own| own == name).map(|_| (Kind::Text, EXTERNAL_LENGTH));
        let known = FIELDS.iter().find(|(field, ..)| field == name).map(|(_, kind, length)| (*kind, *length));
        match known.or(external) {
            None => Some(invalid(name, at, "the field api name given seems to be invalid", &json!({}))),
            Some((kind, length)) => wrong_value(name, value, kind, length).map(|details| invalid(name, at, "invalid data", &details)),
        }
    })
}

/// A record without a last name cannot be inserted.
pub(super) fn missing(record: &Map<String, Value>, at: usize) -> Option<Value> {
    let has_last_name = record.get("Last_Name").and_then(Value::as_str).is_some_and(|name| !name.trim().is_empty());
    (!has_last_name).then(|| {
        let details = json!({ "api_name": "Last_Name", "json_path": format!("$.data[{at}].Last_Name") });
        json!({ "code": "MANDATORY_NOT_FOUND", "details": details, "message": "required field not found", "status": "error" })
    })
}

fn wrong_value(name: &str, value: &Value, kind: Kind, length: usize) -> Option<Value> {
    let expected = || json!({ "expected_data_type": kind.data_type() });
    let text = match (value, kind) {
        (Value::Null, _) if name != "Last_Name" => return None,
        (Value::Bool(_), Kind::Boolean) => return None,
        (Value::Number(_), Kind::Integer) => return None,
        (Value::String(text), kind) if !matches!(kind, Kind::Boolean | Kind::Integer | Kind::Datetime | Kind::Owner) => text,
        _ => return Some(expected()),
    };
    if text.chars().count() > length {
        return Some(json!({ "maximum_length": length }));
    }
    let fits = match kind {
        Kind::Email => text.is_empty() || is_email(text),
        Kind::Phone => text.is_empty() || is_phone(text),
        Kind::Website => text.is_empty() || (text.contains('.') && !text.contains(char::is_whitespace)),
        Kind::Text | Kind::Textarea | Kind::Picklist | Kind::Boolean | Kind::Integer | Kind::Datetime | Kind::Owner => true,
    };
    (!fits).then(expected)
}

fn invalid(name: &str, at: usize, message: &str, more: &Value) -> Value {
    let mut details = json!({ "api_name": name, "json_path": format!("$.data[{at}].{name}") });
    if let (Some(details), Some(more)) = (details.as_object_mut(), more.as_object()) {
        details.extend(more.clone());
    }
    json!({ "code": "INVALID_DATA", "details": details, "message": message, "status": "error" })
}

/// After the pattern Zoho publishes for its mail fields: letters of any script, no quoted local parts, no bare hosts.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let starts_well = local.starts_with(|c: char| c.is_alphanumeric() || "+-_".contains(c));
    let local_fits = local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
    let Some((host, top)) = domain.rsplit_once('.') else { return false };
    let label_fits = |label: &str| {
        !label.is_empty() && label.starts_with(char::is_alphanumeric) && label.chars().all(|c| c.is_alphanumeric() || "-_".contains(c))
    };
    let top_fits = (2..=22).contains(&top.chars().count()) && top.chars().all(|c| c.is_alphanumeric() || c == '-');
    starts_well && local_fits && host.split('.').all(label_fits) && top_fits
}

/// Zoho takes digits, letters and the usual separators.
fn is_phone(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_digit())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric() || "+(".contains(c))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " .-+(),;".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_addresses_are_judged_as_zoho_does() {
        for good in ["ada@example.com", "o'neil+tag@sub.example.co.uk", "محمد@مثال.إختبار", "_x@a-b.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["ada", "@example.com", "ada@example", "a b@example.com", "ada@@example.com", "\"a b\"@example.com", ".a@example.com"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn the_first_mistake_is_named_with_its_place() {
        let record = json!({ "Last_Name": "x".repeat(81) });
        let told = mistake(record.as_object().expect("an object"), None, 4).expect("too long");
        assert_eq!(told["details"], json!({ "api_name": "Last_Name", "json_path": "$.data[4].Last_Name", "maximum_length": 80 }));
        let unknown = json!({ "Shoe_Size": "44" });
        assert!(mistake(unknown.as_object().expect("an object"), None, 0).is_some());
        let fine = json!({ "Last_Name": "Łukasz 🎈", "Phone": "+48 (12) 345-67", "Description": null });
        assert_eq!(mistake(fine.as_object().expect("an object"), None, 0), None);
    }
}
