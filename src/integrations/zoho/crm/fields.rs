//! The fields of the module Leads, as the fields API tells them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A field of the module Leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub api_name: String,
    pub label: String,
    /// `text`, `email`, `picklist`, `lookup`, …
    pub data_type: String,
    /// No two records may have the same value.
    pub is_unique: bool,
    pub is_mandatory: bool,
    /// Only the CRM itself writes it.
    pub is_read_only: bool,
    /// Characters.
    pub length: Option<i64>,
}

impl Field {
    /// Reads one element of the fields API's answer; None: it has no name.
    pub(super) fn read(value: &Value) -> Option<Self> {
        let is = |key: &str| value[key].as_bool().unwrap_or_default();
        Some(Self {
            api_name: value["api_name"].as_str()?.to_owned(),
            label: value["field_label"].as_str().unwrap_or_default().to_owned(),
            data_type: value["data_type"].as_str().unwrap_or_default().to_owned(),
            // `unique` is `{}` for ordinary fields and `{"casesensitive": …}` for unique ones.
            is_unique: value["unique"].as_object().is_some_and(|unique| !unique.is_empty()),
            is_mandatory: is("system_mandatory"),
            // Absent in older answers: then nothing forbids it.
            is_read_only: is("read_only") || is("field_read_only") || value["operation_type"]["api_create"] == false,
            length: value["length"].as_i64(),
        })
    }
}
