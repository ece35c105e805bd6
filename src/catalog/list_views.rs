//! What the list of products shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::export::{in_words, prices_now};
use super::filter::{ProductFilter, Tab};
use super::list_queries::{COUNT_MAX, Found, ProductSummary, Searched};
use crate::clock::UtcTime;
use crate::db::keyset::Place;
use crate::saved_filters::FilterStrip;
use crate::seller::Direction;
use crate::web::parts::{self, Choice, Exports, Pager, Pill};
use crate::web::{Shell, format};

/// The list of products.
#[derive(Template, WebTemplate)]
#[template(path = "catalog/list.html")]
pub struct ProductList {
    pub shell: Shell,
    pub tabs: Vec<parts::Tab>,
    pub categories: Vec<Choice>,
    pub show: &'static str,
    pub text: String,
    pub rows: Vec<ProductRow>,
    pub pager: Pager,
    /// What the list is narrowed to, in words; empty where it is not.
    pub narrowed: String,
    /// Nothing is without a price: that is said as what it is.
    pub all_priced: bool,
    /// How a search has looked; empty without one.
    pub searched: String,
    /// Goes on with the search, in names or among older products, with what the link says.
    pub search_on: Option<(String, &'static str)>,
    pub exports: Exports,
    pub may_edit: bool,
    pub saved: FilterStrip,
}

/// A row of the list.
pub struct ProductRow {
    pub id: i64,
    pub sku: String,
    pub name: TextIn,
    /// In the second of its languages; empty where it has one only.
    pub second: TextIn,
    pub category: String,
    pub pill: Pill,
    /// What one costs now.
    pub prices: String,
    /// What is to be done about it; empty where nothing is.
    pub to_fix: &'static str,
}

/// A text with its language, as HTML names it.
#[derive(Clone, Debug, Default)]
pub struct TextIn {
    pub text: String,
    pub lang: &'static str,
    pub dir: &'static str,
}

impl TextIn {
    /// A text in a language.
    pub fn of((language, text): (crate::seller::Language, &str)) -> Self {
        Self { text: text.to_owned(), lang: language.as_str(), dir: language.direction().as_str() }
    }

    /// A text that is in none: a code.
    pub fn code(text: &str) -> Self {
        Self { text: text.to_owned(), lang: "", dir: Direction::LeftToRight.as_str() }
    }
}

/// Whether something is switched on, as a pill.
pub fn state(is_active: bool) -> Pill {
    Pill::of(if is_active { "Active" } else { "Switched off" })
}

/// What the list is made of.
pub struct Listing {
    pub filter: ProductFilter,
    pub found: Found,
    pub counts: Vec<(Tab, i64)>,
    pub categories: Vec<String>,
    pub saved: FilterStrip,
}

impl Listing {
    /// Where the list goes on.
    pub fn on(&self) -> Option<Place> {
        self.found.on()
    }
}

impl ProductRow {
    fn new(row: &ProductSummary, now: UtcTime) -> Self {
        let product = &row.product;
        let mut names = row.names.0.iter().map(|(language, name)| TextIn::of((*language, name)));
        let prices = prices_now(row, now);
        let to_fix = match (product.has_price, prices.is_empty() && product.is_active) {
            (false, _) => "No price",
            (true, true) => "No price at present",
            (true, false) => "",
        };
        Self {
            id: product.id.0,
            sku: product.sku.clone(),
            name: names.next().unwrap_or_else(|| TextIn::code(&product.sku)),
            second: names.next().unwrap_or_default(),
            category: product.category.clone().unwrap_or_default(),
            pill: state(product.is_active),
            prices: in_words(&prices),
            to_fix,
        }
    }
}

impl ProductList {
    /// Puts the page together.
    pub fn new(shell: Shell, listing: &Listing, place: Place, may_edit: bool) -> Self {
        let (now, filter, found) = (shell.frame.times.now, &listing.filter, &listing.found);
        let link = |place: Option<Place>| place.map(|place| filter.href(Some(place), ""));
        // A search through names only goes back in time; its way forward is its beginning.
        let is_walk = filter.text.is_some() && found.searched != Some(Searched::BySku);
        let back_to_start = (is_walk && place != Place::Newest).then_some(Place::Newest);
        let words = filter.in_words();
        Self {
            tabs: tabs(listing),
            categories: listing
                .categories
                .iter()
                .map(|name| Choice { value: name.clone(), label: name.clone(), selected: filter.category.as_ref() == Some(name) })
                .collect(),
            show: filter.tab.map_or("", Tab::as_str),
            text: filter.text.clone().unwrap_or_default(),
            rows: found.page.rows.iter().map(|row| ProductRow::new(row, now)).collect(),
            pager: Pager { newer: link(found.page.newer.or(back_to_start)), older: link(found.page.older) },
            narrowed: if words.is_empty() { String::new() } else { format!("No product {}.", words.join(" and ")) },
            all_priced: *filter == ProductFilter { tab: Some(Tab::Unpriced), ..ProductFilter::default() },
            searched: searched(filter, found),
            search_on: search_on(filter, found),
            exports: Exports::of(&filter.href(None, "")),
            may_edit,
            saved: listing.saved.clone(),
            shell,
        }
    }
}

fn searched(filter: &ProductFilter, found: &Found) -> String {
    match found.searched {
        None => String::new(),
        Some(Searched::BySku) => format!("SKUs that begin with “{}”.", filter.text.as_deref().unwrap_or_default()),
        Some(Searched::Through(None)) => "Searched to the oldest product.".into(),
        Some(Searched::Through(Some(_))) => "Searched 20,000 products.".into(),
    }
}

fn search_on(filter: &ProductFilter, found: &Found) -> Option<(String, &'static str)> {
    match found.searched? {
        Searched::BySku => Some((ProductFilter { in_names: true, ..filter.clone() }.href(None, ""), "Search names too")),
        Searched::Through(on) => on.map(|place| (filter.href(Some(place), ""), "Search older products")),
    }
}

fn tabs(listing: &Listing) -> Vec<parts::Tab> {
    let to = |tab| ProductFilter { tab, ..listing.filter.clone() }.href(None, "");
    let counted = |tab: Tab| listing.counts.iter().find(|(counted, _)| *counted == tab).map(|(_, count)| *count);
    let of = |tab: Option<Tab>| {
        let count = tab.and_then(counted);
        let is_trouble = tab == Some(Tab::Unpriced) && count.is_some_and(|count| count > 0);
        parts::Tab {
            label: tab.map_or("All", Tab::label),
            href: to(tab),
            count: count.map(|count| format::capped(count, COUNT_MAX)).unwrap_or_default(),
            tone: if is_trouble { "warn" } else { "" },
            current: listing.filter.tab == tab,
        }
    };
    [None, Some(Tab::Unpriced), Some(Tab::Active), Some(Tab::Inactive)].map(of).into()
}
