//! The parts of a lead that a CRM's field can get, and the mapping. No database in here.

use std::collections::BTreeMap;

use crate::config::ZohoConfig;
use crate::db::text_enum;

text_enum! {
    /// A part of a lead, by the name it has in the settings.
    pub enum LeadField {
        Name => "name",
        FirstName => "first_name",
        LastName => "last_name",
        Email => "email",
        Phone => "phone",
        Company => "company",
        Source => "source",
        Description => "description",
        PageUrl => "page_url",
    }
}

impl LeadField {
    /// As pages name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Name => "the whole name",
            Self::FirstName => "the first name",
            Self::LastName => "the last name",
            Self::Email => "the mail address",
            Self::Phone => "the phone number",
            Self::Company => "the company",
            Self::Source => "where the lead came from",
            Self::Description => "everything else, with our id",
            Self::PageUrl => "the address of the page",
        }
    }

    /// Longer texts are cut to this (Zoho's single-line fields hold 255 characters at most, its multi-line ones 32,000; docs read
    /// 2026-11), or left out where half of one is worth nothing.
    pub fn length_max(self) -> usize {
        match self {
            Self::FirstName => 40,
            Self::LastName => 80,
            Self::Email => 100,
            Self::Phone => 30,
            Self::Company => 200,
            // As long as an entry of a picklist may be: Lead_Source is one.
            Self::Source => 120,
            Self::Name | Self::PageUrl => 255,
            Self::Description => 32_000,
        }
    }

    /// The CRM's types that take it.
    pub fn fits(self) -> &'static [&'static str] {
        match self {
            Self::Email => &["email", "text"],
            Self::Phone => &["phone", "text"],
            Self::PageUrl => &["website", "text", "textarea"],
            Self::Source => &["picklist", "text", "textarea"],
            Self::Name | Self::FirstName | Self::LastName | Self::Company => &["text", "textarea"],
            Self::Description => &["textarea", "text"],
        }
    }

    /// A lead may come without it.
    pub fn may_be_missing(self) -> bool {
        matches!(self, Self::FirstName | Self::Email | Self::Phone | Self::Company | Self::PageUrl)
    }
}

/// CRM field -> part of the lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Mapping(pub BTreeMap<String, LeadField>);

impl Mapping {
    /// The one of the settings, which were checked when they were read.
    pub fn of_settings(config: &ZohoConfig) -> Self {
        Self(config.field_mapping.iter().filter_map(|(crm, part)| Some((crm.clone(), LeadField::parse(part)?))).collect())
    }

    /// The CRM's field that gets this part; the first by name.
    pub fn crm_field(&self, part: LeadField) -> Option<&str> {
        self.0.iter().find(|(_, of)| **of == part).map(|(crm, _)| crm.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LEAD_FIELDS;

    #[test]
    fn the_settings_name_the_same_parts() {
        assert_eq!(LeadField::ALL.iter().map(|field| field.as_str()).collect::<Vec<_>>().len(), LEAD_FIELDS.len());
        assert!(LEAD_FIELDS.iter().all(|name| LeadField::parse(name).is_some()));
    }
}
