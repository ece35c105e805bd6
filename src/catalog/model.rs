//! Products, their names, the lists of prices and the prices.

use std::collections::BTreeMap;

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{price_lists, prices, products};
use crate::db::{id_type, text_enum};
use crate::money::{Currency, Money};
use crate::seller::Language;

/// The largest price of one piece, in minor units: what twelve digits hold.
pub const AMOUNT_MAX_MINOR: i64 = 999_999_999_999;
/// The largest quantity of one line.
pub const QUANTITY_MAX: i64 = 999_999;
/// Lists of prices there may be: the working of a price names each of them.
pub const PRICE_LISTS_MAX: i64 = 200;
/// Prices that one product may have, over all lists and quantities.
pub const PRICES_MAX: i64 = 500;
/// Characters of a SKU.
pub const SKU_MAX: usize = 64;

id_type! {
    /// A row of `products`.
    pub struct ProductId;
}

id_type! {
    /// A row of `price_lists`.
    pub struct PriceListId;
}

id_type! {
    /// A row of `prices`.
    pub struct PriceId;
}

impl ProductId {
    /// As ledgers name it.
    pub fn subject(self) -> String {
        format!("product:{self}")
    }
}

impl PriceListId {
    /// As ledgers name it.
    pub fn subject(self) -> String {
        format!("price_list:{self}")
    }
}

text_enum! {
    /// What kind of thing is sold.
    pub enum Kind {
        Goods => "goods",
        Service => "service",
        /// Carriage: it has a price, and no place in reports on what was sold.
        Shipping => "shipping",
    }
}

text_enum! {
    /// Which rate of tax it has; the rates themselves belong to whoever books.
    pub enum TaxClass {
        Standard => "standard",
        Reduced => "reduced",
        Zero => "zero",
        Exempt => "exempt",
    }
}

text_enum! {
    /// Where a row came from first.
    pub enum Source {
        Manual => "manual",
        Import => "import",
        Zoho => "zoho",
    }
}

impl Kind {
    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Goods => "Goods",
            Self::Service => "Service",
            Self::Shipping => "Shipping",
        }
    }
}

impl TaxClass {
    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Standard => "Standard rate",
            Self::Reduced => "Reduced rate",
            Self::Zero => "Zero rate",
            Self::Exempt => "Exempt",
        }
    }
}

impl Source {
    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Manual => "By hand",
            Self::Import => "Imported",
            Self::Zoho => "Zoho",
        }
    }
}

/// A SKU as it is written: without white space around it, each run of it within as one space; 1 to 64 characters.
pub fn sku(text: &str) -> Result<String, String> {
    let sku = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match sku.chars().count() {
        0 => Err("Enter the SKU: the code by which the product is ordered, such as EQ-E2.".into()),
        count if count > SKU_MAX => Err(format!("A SKU has at most {SKU_MAX} characters; this has {count}.")),
        _ if sku.chars().any(char::is_control) => Err("A SKU has no control characters.".into()),
        _ => Ok(sku),
    }
}

/// What a SKU, or the name of a list, is compared by: lower case, letter by letter and in every script. White space is that of
/// [`sku`]. Letters that merely look alike stay different.
pub fn key(text: &str) -> String {
    let written = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // Not `str::to_lowercase`, which writes a Greek sigma by its place in the word: the beginning of a key must be the key of
    // the beginning.
    written.chars().flat_map(char::to_lowercase).collect()
}

/// A product's names, in the order of the languages; the first is what staff pages show.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Names(pub BTreeMap<Language, String>);

impl Names {
    /// The name in a language, else in the first that has one; empty where none has.
    pub fn in_language(&self, language: Language) -> &str {
        self.0.get(&language).or_else(|| self.0.values().next()).map_or("", String::as_str)
    }

    /// The one that staff pages show, with its language.
    pub fn first(&self) -> Option<(Language, &str)> {
        self.0.iter().next().map(|(language, name)| (*language, name.as_str()))
    }
}

impl FromIterator<(Language, String)> for Names {
    fn from_iter<I: IntoIterator<Item = (Language, String)>>(pairs: I) -> Self {
        Self(BTreeMap::from_iter(pairs))
    }
}

/// A row of `products`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = products)]
pub struct Product {
    pub id: ProductId,
    pub sku: String,
    pub kind: Kind,
    pub category: Option<String>,
    pub image_url: Option<String>,
    pub is_active: bool,
    pub tax_class: TaxClass,
    pub source: Source,
    pub zoho_item_id: Option<String>,
    pub has_price: bool,
    /// Counts changes of the product, its names and its prices.
    pub version: i64,
    pub created_at: UtcTime,
    pub updated_at: UtcTime,
}

/// What people say of a product.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ProductFacts {
    pub sku: String,
    pub kind: Kind,
    pub category: Option<String>,
    pub image_url: Option<String>,
    pub is_active: bool,
    pub tax_class: TaxClass,
    pub names: Names,
}

impl ProductFacts {
    /// What is said of it now.
    pub fn of(product: &Product, names: &Names) -> Self {
        Self {
            sku: product.sku.clone(),
            kind: product.kind,
            category: product.category.clone(),
            image_url: product.image_url.clone(),
            is_active: product.is_active,
            tax_class: product.tax_class,
            names: names.clone(),
        }
    }
}

/// A row of `price_lists`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = price_lists)]
pub struct PriceList {
    pub id: PriceListId,
    pub name: String,
    pub currency: Currency,
    /// The higher wins.
    pub priority: i64,
    /// None: from ever.
    pub valid_from: Option<UtcTime>,
    /// The first moment after it. None: for ever.
    pub valid_until: Option<UtcTime>,
    pub is_active: bool,
    /// Prices whatever no other list does; one a currency.
    pub is_default: bool,
    pub source: Source,
    pub zoho_pricebook_id: Option<String>,
    pub version: i64,
    pub created_at: UtcTime,
    pub updated_at: UtcTime,
}

/// What people say of a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PriceListFacts {
    pub name: String,
    pub currency: Currency,
    pub priority: i64,
    pub valid_from: Option<UtcTime>,
    pub valid_until: Option<UtcTime>,
    pub is_active: bool,
    pub is_default: bool,
}

impl PriceListFacts {
    /// What is said of it now.
    pub fn of(list: &PriceList) -> Self {
        Self {
            name: list.name.clone(),
            currency: list.currency,
            priority: list.priority,
            valid_from: list.valid_from,
            valid_until: list.valid_until,
            is_active: list.is_active,
            is_default: list.is_default,
        }
    }
}

/// A row of `prices`.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = prices)]
pub struct Price {
    pub id: PriceId,
    pub product_id: ProductId,
    pub price_list_id: PriceListId,
    pub min_quantity: i64,
    pub amount_minor: i64,
}

/// A price with the list it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    pub price: Price,
    pub list: PriceList,
}

impl Offered {
    /// The price of one.
    pub fn unit(&self) -> Money {
        Money::new(self.price.amount_minor, self.list.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn skus_are_compared_without_case_in_every_script_and_without_extra_space() {
        for (one, other) in [("EQ-E2", "eq-e2"), ("  EQ   E2 ", "eq e2"), ("ÄÖ-1", "äö-1"), ("ΟΔΟΣ", "οδοσ"), ("KIT\u{a0}1", "kit 1")]
        {
            assert_eq!(key(one), key(other));
        }
        for (one, other) in [("EQ-E2", "EQ E2"), ("EQ-E2", "EQ-E20"), ("A", "А"), ("ß", "ss")] {
            assert_ne!(key(one), key(other));
        }
        assert_eq!(sku("  EQ   E2 ").as_deref(), Ok("EQ E2"));
        assert!(sku(" ").is_err() && sku(&"x".repeat(65)).is_err() && sku("a\u{7}b").is_err());
    }

    #[test]
    fn a_name_that_is_missing_is_taken_from_another_language() {
        let names = Names([(Language::Arabic, "ماكينة".to_owned()), (Language::German, "Maschine".to_owned())].into());
        assert_eq!(names.in_language(Language::Arabic), "ماكينة");
        assert_eq!(names.in_language(Language::Japanese), "Maschine");
        assert_eq!(Names::default().in_language(Language::English), "");
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key_and_begins_with_the_key_of_its_beginning(text in "[A-ZÄΣİß0-9 -]{0,20}", cut in 0usize..20) {
            prop_assert_eq!(key(&key(&text)), key(&text));
            let beginning: String = text.chars().take(cut).collect();
            prop_assert!(key(&text).starts_with(&key(&beginning)));
        }
    }
}
