//! Which products a list or a file is about: read from an address, written back into one, and said in words.

use super::list_queries::ProductSummary;
use crate::db::keyset::Place;
use crate::db::text_enum;
use crate::web::Fields;
use crate::web::parts::href;

/// The longest text that is searched for.
const TEXT_MAX: usize = 200;

text_enum! {
    /// A tab of the list.
    pub enum Tab {
        Active => "active",
        Inactive => "inactive",
        /// Without a price in any list.
        Unpriced => "unpriced",
    }
}

impl Tab {
    /// On the list.
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Switched off",
            Self::Unpriced => "No price",
        }
    }
}

/// Which products a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductFilter {
    pub tab: Option<Tab>,
    pub category: Option<String>,
    /// The beginning of a SKU; if there is none that begins so, part of a SKU or name.
    pub text: Option<String>,
    /// Search names even if a SKU begins with the text.
    pub in_names: bool,
}

impl ProductFilter {
    /// From the query of an address; what is not understood there narrows nothing.
    pub fn of(query: &Fields) -> Self {
        let given = |name: &str| Some(query.text(name).chars().take(TEXT_MAX).collect::<String>()).filter(|text| !text.is_empty());
        Self {
            tab: Tab::parse(query.text("show")),
            category: given("category"),
            text: given("text"),
            in_names: query.text("in") == "names",
        }
    }

    /// The address of a page of its list, in a format if one is named.
    pub fn href(&self, place: Option<Place>, format: &str) -> String {
        let place = place.filter(|place| *place != Place::Newest).map(|place| place.to_string()).unwrap_or_default();
        let (category, text) = (self.category.as_deref().unwrap_or_default(), self.text.as_deref().unwrap_or_default());
        let pairs = [
            ("show", self.tab.map_or("", Tab::as_str)),
            ("category", category),
            ("text", text),
            ("in", if self.in_names { "names" } else { "" }),
            ("place", place.as_str()),
            ("format", format),
        ];
        href("/products", &pairs)
    }

    /// Each narrowing in words: `No product …`.
    pub fn in_words(&self) -> Vec<String> {
        let tab = self.tab.map(|tab| match tab {
            Tab::Active => "is active",
            Tab::Inactive => "is switched off",
            Tab::Unpriced => "is without a price",
        });
        let words = [
            tab.map(str::to_owned),
            self.category.as_ref().map(|category| format!("is in “{category}”")),
            self.text.as_ref().map(|text| format!("has “{text}” in its SKU or name")),
        ];
        words.into_iter().flatten().collect()
    }
}

/// What is searched for, prepared once. Every word must be there, in any order.
pub struct Needle(Vec<String>);

impl Needle {
    /// Prepares it.
    pub fn new(text: &str) -> Self {
        Self(text.to_lowercase().split_whitespace().map(str::to_owned).collect())
    }

    /// Whether a product has it in its SKU or its names.
    pub fn is_in(&self, row: &ProductSummary) -> bool {
        let texts: Vec<String> = std::iter::once(&row.product.sku).chain(row.names.0.values()).map(|text| text.to_lowercase()).collect();
        self.0.iter().all(|word| texts.iter().any(|text| text.contains(word)))
    }
}
