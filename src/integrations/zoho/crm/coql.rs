//! COQL, the CRM's query language: looking for leads that may have arrived. After Zoho's COQL page and Kaizen 171, both read
//! 2026-11-22. Search follows the records with a delay, so "not there" means "not there yet".

use serde_json::{Value, json};

use super::answers::read_one;
use super::{Crm, ZohoLeadId, id_text};
use crate::clock::UtcTime;
use crate::http::Method;
use crate::integrations::zoho::Called;

/// As many records as one answer may bring.
pub const FOUND_MAX: usize = 200;

/// Leads that were created within a time and have one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadSearch {
    condition: String,
    told: String,
}

/// A lead that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLead {
    pub id: ZohoLeadId,
    /// What the field holds that was asked for.
    pub told: String,
}

/// One page of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundLeads {
    pub leads: Vec<FoundLead>,
    pub has_more: bool,
}

impl LeadSearch {
    /// Leads whose `field` is `value`, created between two moments; brings the field `told` along. None where COQL has no
    /// documented way to write one of them.
    pub fn new(field: &str, value: &str, (from, until): (UtcTime, UtcTime), told: &str) -> Option<Self> {
        let (field, told, value) = (name(field)?, name(told)?, quoted(value)?);
        let (from, until) = (from.format("%Y-%m-%dT%H:%M:%S+00:00"), until.format("%Y-%m-%dT%H:%M:%S+00:00"));
        Some(Self { condition: format!("({field} = {value} and Created_Time between '{from}' and '{until}')"), told: told.to_owned() })
    }

    fn query(&self, offset: usize) -> String {
        // `limit offset, count`: the form that Zoho's own samples page with.
        format!("select id, {} from Leads where {} limit {offset}, {FOUND_MAX}", self.told, self.condition)
    }
}

impl Crm<'_> {
    /// One page of what the search finds.
    pub async fn find_leads(&self, search: &LeadSearch, offset: usize) -> Called<FoundLeads> {
        let sent = self.send(Method::Post, "/coql", Some(&json!({ "select_query": search.query(offset) }))).await;
        read_one(sent, |body| match body {
            // 204: none.
            Value::Null => Some(FoundLeads::default()),
            _ => {
                let leads = body["data"].as_array()?.iter().map(|record| found(record, &search.told)).collect::<Option<_>>()?;
                Some(FoundLeads { leads, has_more: body["info"]["more_records"] == true })
            }
        })
    }
}

fn found(record: &Value, told: &str) -> Option<FoundLead> {
    let id = ZohoLeadId(id_text(&record["id"])?);
    Some(FoundLead { id, told: record[told].as_str().unwrap_or_default().to_owned() })
}

/// A field's name stands bare in the query.
fn name(name: &str) -> Option<&str> {
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(name)
}

/// A value between quotes, a quote in it doubled. What a backslash or a control character would mean is nowhere said, and a
/// guess could end the text early: there is no such search.
fn quoted(value: &str) -> Option<String> {
    let is_plain = !value.is_empty() && !value.chars().any(|c| c == '\\' || c.is_control());
    is_plain.then(|| format!("'{}'", value.replace('\'', "''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(value: &str) -> Option<String> {
        let day = UtcTime::default();
        LeadSearch::new("Email", value, (day, day + chrono::TimeDelta::minutes(30)), "Description").map(|search| search.query(0))
    }

    #[test]
    fn a_value_cannot_leave_its_quotes() {
        assert_eq!(
            search("ada@example.com").expect("a query"),
            "select id, Description from Leads where (Email = 'ada@example.com' and Created_Time between \
             '1970-01-01T00:00:00+00:00' and '1970-01-01T00:30:00+00:00') limit 0, 200"
        );
        assert!(search("o'neil@example.com").expect("a query").contains("(Email = 'o''neil@example.com' and "));
        assert!(search("x' or Email is not null or '1'='1").expect("a query").contains("'x'' or Email is not null or ''1''=''1'"));
        for unwritable in ["", "a\\@example.com", "\\' or '", "a\nb", "a\0b"] {
            assert_eq!(search(unwritable), None, "{unwritable:?}");
        }
        assert_eq!(LeadSearch::new("Email = 'x' or id", "a", (UtcTime::default(), UtcTime::default()), "Description"), None);
    }
}
