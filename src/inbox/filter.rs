//! Which receipts a list shows: read from an address, written back into one, and said in words.

use super::model::{ReceiptState, Verdict};
use crate::db::keyset::Place;
use crate::web::Fields;
use crate::web::parts::href;

/// The longest id that is looked for; providers' own are shorter.
const TEXT_MAX: usize = 255;

/// Which receipts a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiptFilter {
    pub state: Option<ReceiptState>,
    pub provider: Option<String>,
    pub event_type: Option<String>,
    pub verdict: Option<Verdict>,
    /// The provider's id of the event or of what it is about, whole.
    pub about: Option<String>,
}

impl ReceiptFilter {
    /// From the query of an address; what is not understood there narrows nothing.
    pub fn of(query: &Fields) -> Self {
        let given = |name: &str| Some(query.text(name).chars().take(TEXT_MAX).collect::<String>()).filter(|text| !text.is_empty());
        Self {
            state: ReceiptState::parse(query.text("state")),
            provider: given("provider"),
            event_type: given("type"),
            verdict: Verdict::parse(query.text("verdict")),
            about: given("about"),
        }
    }

    /// Whether it shows everything there is.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// The same in another state.
    pub fn in_state(&self, state: Option<ReceiptState>) -> Self {
        Self { state, ..self.clone() }
    }

    /// The address of a page of its list, in a format if one is named.
    pub fn href(&self, place: Option<Place>, format: &str) -> String {
        let place = place.filter(|place| *place != Place::Newest).map(|place| place.to_string()).unwrap_or_default();
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let pairs = [
            ("state", self.state.map_or("", ReceiptState::as_str)),
            ("provider", &text(&self.provider)),
            ("type", &text(&self.event_type)),
            ("verdict", self.verdict.map_or("", Verdict::as_str)),
            ("about", &text(&self.about)),
            ("place", &place),
            ("format", format),
        ];
        href("/inbox", &pairs)
    }

    /// Each narrowing in words: `No receipt …`.
    pub fn in_words(&self) -> Vec<String> {
        [
            self.state.map(|state| format!("has the state {}", state.label())),
            self.provider.as_ref().map(|provider| format!("came from {provider}")),
            self.event_type.as_ref().map(|event_type| format!("has the type {event_type}")),
            self.verdict.map(|verdict| format!("has the verdict {}", verdict.label())),
            self.about.as_ref().map(|about| format!("is or is about {about}")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_and_what_is_not_understood_narrows_nothing() {
        let filter = |query: &str| ReceiptFilter::of(&Fields::parse(query.as_bytes()).expect("a query"));
        let query = "state=failed&provider=stripe&type=charge.refunded&verdict=verified&about=ch_1";
        let one = filter(query);
        assert_eq!(one.href(None, ""), format!("/inbox?{query}"));
        assert_eq!(one.in_words().len(), 5);
        assert!(filter("state=lost&verdict=x&type=").is_everything());
        assert_eq!(filter("").href(Some(Place::Newest), "csv"), "/inbox?format=csv");
    }
}
