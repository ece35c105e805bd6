//! Which leads a list, a file or a bulk operation is about: read from an address, written back into one, and said in words.

use super::list_queries::LeadSummary;
use super::model::LeadStatus;
use super::views::label;
use crate::db::keyset::Place;
use crate::web::Fields;
use crate::web::parts::href;

/// The longest text that is searched for.
const TEXT_MAX: usize = 200;

/// Which leads a list shows.
#[derive(Clone, Debug, Default)]
pub struct LeadFilter {
    pub status: Option<LeadStatus>,
    pub source: Option<String>,
    /// With an @: the beginning of a mail address. Else: part of a name, company, address or phone number.
    pub text: Option<String>,
}

impl LeadFilter {
    /// From the query of an address; what is not understood there narrows nothing.
    pub fn of(query: &Fields) -> Self {
        let given = |name: &str| Some(query.text(name).to_owned()).filter(|text| !text.is_empty());
        let text = given("text").map(|text| text.chars().take(TEXT_MAX).collect());
        Self { status: LeadStatus::parse(query.text("status")), source: given("source"), text }
    }

    /// The address of a page of its list, in a format if one is named.
    pub fn href(&self, place: Option<Place>, format: &str) -> String {
        let place = place.map(|place| place.to_string()).unwrap_or_default();
        let place = if place == "newest" { "" } else { place.as_str() };
        let (status, source) = (self.status.map_or("", LeadStatus::as_str), self.source.as_deref().unwrap_or_default());
        let text = self.text.as_deref().unwrap_or_default();
        href("/leads", &[("status", status), ("source", source), ("text", text), ("place", place), ("format", format)])
    }

    /// Each narrowing in words: `No lead …`.
    pub fn in_words(&self) -> Vec<String> {
        [
            self.status.map(|status| format!("has the state {}", label(status))),
            self.source.as_ref().map(|source| format!("came from {source}")),
            self.text.as_ref().map(|text| format!("contains “{text}”")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Whether a lead of the right status fits in everything else, as the list has it.
    pub fn fits(&self, lead: &LeadSummary) -> bool {
        let has_text = self.text.as_deref().is_none_or(|text| match text.contains('@') && !text.starts_with('@') {
            true => lead.email.as_ref().is_some_and(|email| email.to_lowercase().starts_with(&text.to_lowercase())),
            false => Needle::new(text).is_in(lead),
        });
        has_text && self.source.as_ref().is_none_or(|source| lead.source == *source)
    }
}

/// What is searched for, prepared once.
pub struct Needle {
    folded: String,
    /// Of a phone number, where it looks like one.
    digits: Option<String>,
}

impl Needle {
    /// Prepares it.
    pub fn new(text: &str) -> Self {
        let is_number = text.chars().all(|c| c.is_numeric() || "+-() ./".contains(c));
        let digits: String = text.chars().filter(|c| c.is_numeric()).collect();
        Self { folded: text.to_lowercase(), digits: (is_number && digits.len() >= 4).then_some(digits) }
    }

    /// Whether a lead has it.
    pub fn is_in(&self, row: &LeadSummary) -> bool {
        let texts = [Some(&row.name), row.company.as_ref(), row.email.as_ref(), row.phone.as_ref()];
        if texts.into_iter().flatten().any(|text| text.to_lowercase().contains(&self.folded)) {
            return true;
        }
        let phone_digits = || row.phone.iter().flat_map(|phone| phone.chars()).filter(|c| c.is_numeric()).collect::<String>();
        self.digits.as_ref().is_some_and(|digits| phone_digits().contains(digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UtcTime;
    use crate::leads::{LeadId, LeadKind};

    fn lead(name: &str, phone: &str) -> LeadSummary {
        LeadSummary {
            id: LeadId(1),
            line_id: String::new(),
            kind: LeadKind::Quote,
            source: "website".into(),
            name: name.into(),
            email: None,
            phone: Some(phone.into()),
            company: None,
            status: LeadStatus::Sent,
            retry_count: 0,
            last_error: None,
            zoho_lead_id: None,
            received_at: UtcTime::default(),
            processed_at: None,
        }
    }

    #[test]
    fn a_search_ignores_case_in_every_script_and_the_spaces_of_phone_numbers() {
        let lead = lead("Ärztehaus ΩMEGA سارة", "+971 50 123 4567");
        for text in ["ärzte", "ωmega", "سارة", "0501234567".trim_start_matches('0'), "50-123"] {
            assert!(Needle::new(text).is_in(&lead), "{text}");
        }
        for text in ["zebra", "999", "12x4"] {
            assert!(!Needle::new(text).is_in(&lead), "{text}");
        }
    }
}
