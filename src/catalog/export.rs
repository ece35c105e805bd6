//! The list of products as a file or as data: all that fits the filter, of any length.

use serde_json::{Value, json};

use super::filter::ProductFilter;
use super::list_queries::{self as list, Found, ProductSummary, Searched};
use super::pricing::price_for;
use crate::Result;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::money::{Currency, Money};
use crate::seller::Language;
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm, format};

/// Rows read at a time.
const ROWS: usize = 500;

/// The names of the columns that an import knows too are the same there.
const HEADER: &[&str] = &[
    "id",
    "sku",
    "kind",
    "category",
    "tax_class",
    "is_active",
    "image_url",
    "name_en",
    "name_de",
    "name_fr",
    "name_es",
    "name_ar",
    "name_ja",
    "prices_now",
    "source",
    "zoho_item_id",
    "created_at",
    "updated_at",
];

/// The file, newest first.
pub async fn csv(app: &App, form: ListForm, (filter, place): (ProductFilter, Place), now: UtcTime) -> Result<CsvFile> {
    let read = move |conn: &mut Conn, place: Place| -> Result<_> {
        let found = list::page(conn, &filter, place, ROWS)?;
        Ok((found.page.rows.iter().map(|product| to_row(product, now)).collect(), found.on()))
    };
    CsvFile::of_pages(&app.store, Outline { name: "products".into(), header: HEADER, form }, place, read).await
}

impl Found {
    /// Where the list or the search goes on.
    pub fn on(&self) -> Option<Place> {
        let searched_to = if let Some(Searched::Through(on)) = self.searched { on } else { None };
        self.page.older.or(searched_to)
    }
}

/// What one costs now, in each currency that prices it.
pub fn prices_now(row: &ProductSummary, now: UtcTime) -> Vec<Money> {
    let mut currencies: Vec<Currency> = row.offered.iter().map(|offered| offered.list.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let price = |currency| price_for(row.product.is_active, &row.offered, currency, (1, now)).unit();
    currencies.into_iter().filter_map(price).collect()
}

/// `AED 24,900.00 · EUR 6,240.00`
pub fn in_words(prices: &[Money]) -> String {
    prices.iter().map(Money::to_string).collect::<Vec<_>>().join(" · ")
}

fn to_row(row: &ProductSummary, now: UtcTime) -> Row {
    let product = &row.product;
    let name = |language: Language| row.names.0.get(&language);
    row![
        product.id.0,
        &product.sku,
        product.kind.as_str(),
        product.category.as_ref(),
        product.tax_class.as_str(),
        product.is_active,
        product.image_url.as_ref(),
        name(Language::English),
        name(Language::German),
        name(Language::French),
        name(Language::Spanish),
        name(Language::Arabic),
        name(Language::Japanese),
        &in_words(&prices_now(row, now)),
        product.source.as_str(),
        product.zoho_item_id.as_ref(),
        product.created_at,
        product.updated_at,
    ]
}

/// A product as data; amounts are in minor units.
pub fn to_json(row: &ProductSummary, now: UtcTime) -> Value {
    let product = &row.product;
    json!({
        "id": product.id, "sku": product.sku, "kind": product.kind, "category": product.category, "tax_class": product.tax_class,
        "is_active": product.is_active, "image_url": product.image_url, "names": row.names, "prices_now": prices_now(row, now),
        "source": product.source, "zoho_item_id": product.zoho_item_id, "created_at": format::rfc3339(product.created_at),
        "updated_at": format::rfc3339(product.updated_at),
    })
}
