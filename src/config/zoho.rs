//! Zoho's settings: the client, the addresses, what its edition allows, and which CRM field gets what of a lead.

use std::collections::BTreeMap;

use super::ZohoConfig;
use super::load::{Reader, http_url, table};

/// What a lead offers to the field mapping.
pub const LEAD_FIELDS: [&str; 9] = ["name", "first_name", "last_name", "email", "phone", "company", "source", "description", "page_url"];

/// CRM field -> lead field, as far as a fresh CRM has them.
const DEFAULT_MAPPING: [(&str, &str); 7] = [
    ("First_Name", "first_name"),
    ("Last_Name", "last_name"),
    ("Email", "email"),
    ("Phone", "phone"),
    ("Company", "company"),
    ("Lead_Source", "source"),
    ("Description", "description"),
];

/// Zoho's part of the settings.
pub(super) fn read(read: &mut Reader<'_>) -> ZohoConfig {
    ZohoConfig {
        client_id: read.text("ZOHO_CLIENT_ID"),
        client_secret: read.secret("ZOHO_CLIENT_SECRET", 1),
        accounts_url: read.parsed("ZOHO_ACCOUNTS_URL", "https://accounts.zoho.com".into(), "https://accounts.zoho.eu", http_url),
        api_url: read.parsed("ZOHO_API_URL", None, "https://www.zohoapis.eu", |text| http_url(text).map(Some)),
        redirect_uri: read.text("ZOHO_REDIRECT_URI"),
        external_field: read.parsed("ZOHO_EXTERNAL_FIELD", "External_Lead_Id".into(), "External_Lead_Id", api_name),
        credits_per_day: read.parsed("ZOHO_CREDITS_PER_DAY", 5_000, "50000", at_least_100),
        calls_at_once: read.parsed("ZOHO_CALLS_AT_ONCE", 5, "10", at_least_1),
        field_mapping: field_mapping(read),
    }
}

fn at_least_100(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|number| *number >= 100).ok_or_else(|| "is not a number of 100 or more".into())
}

fn at_least_1(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|number| (1..=1_000).contains(number)).ok_or_else(|| "is not a number from 1 to 1000".into())
}

fn field_mapping(read: &mut Reader<'_>) -> BTreeMap<String, String> {
    let default = || DEFAULT_MAPPING.iter().map(|(crm, lead)| ((*crm).to_owned(), (*lead).to_owned())).collect();
    let file = read.file().clone();
    let Some(given) = table(&file, "zoho").and_then(|zoho| table(zoho, "lead_fields")) else { return default() };
    let mut mapping = BTreeMap::new();
    for (crm, value) in given {
        let lead = value.as_str().unwrap_or_default();
        if !LEAD_FIELDS.contains(&lead) {
            read.mistake(format!("zoho.lead_fields.{crm} names `{lead}`, which a lead does not have; it has {}", LEAD_FIELDS.join(", ")));
        }
        if let Err(problem) = api_name(crm) {
            read.mistake(format!("zoho.lead_fields.{crm} {problem}; for example Last_Name = \"last_name\""));
        }
        mapping.insert(crm.clone(), lead.to_owned());
    }
    if !mapping.contains_key("Last_Name") {
        read.mistake("zoho.lead_fields lacks Last_Name, which Zoho CRM requires; add Last_Name = \"last_name\"".into());
    }
    mapping
}

fn api_name(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 50 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if fits { Ok(text.into()) } else { Err("is not the API name of a CRM field".into()) }
}
