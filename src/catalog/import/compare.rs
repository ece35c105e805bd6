//! What a row would change, beside what is there. Pure: the preview and the import itself ask the same.

use super::rows::WantedRow;
use crate::catalog::model::{Kind, Names, ProductFacts, ProductId, TaxClass};
use crate::catalog::queries::{NewPrice, Whole};
use crate::seller::Language;

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    New { facts: ProductFacts, prices: Vec<NewPrice> },
    Changed(Box<Changed>),
    Unchanged,
}

/// A product that would be different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub id: ProductId,
    pub version: i64,
    pub before: ProductFacts,
    pub after: ProductFacts,
    /// Those that differ, with the amount that is there now.
    pub prices: Vec<(NewPrice, Option<i64>)>,
}

/// Compares a row with the product that has its SKU. Err: it cannot be taken over, in words.
pub fn compare(row: &WantedRow, there: Option<&Whole>) -> Result<Change, String> {
    let Some(whole) = there else {
        let facts = over(row, &nothing());
        if facts.names.0.is_empty() {
            return Err("the product is new, and has no name.".into());
        }
        return Ok(Change::New { facts, prices: row.prices.clone() });
    };
    let before = ProductFacts::of(&whole.product, &whole.names);
    let after = over(row, &before);
    let amount_now = |price: &NewPrice| {
        let place = (price.list, price.min_quantity);
        let at_place = whole.offered.iter().find(|offered| (offered.price.price_list_id, offered.price.min_quantity) == place);
        at_place.map(|offered| offered.price.amount_minor)
    };
    let prices: Vec<_> = row.prices.iter().map(|price| (*price, amount_now(price))).collect();
    let prices: Vec<_> = prices.into_iter().filter(|(price, now)| Some(price.amount_minor) != *now).collect();
    if before == after && prices.is_empty() {
        return Ok(Change::Unchanged);
    }
    Ok(Change::Changed(Box::new(Changed { id: whole.product.id, version: whole.product.version, before, after, prices })))
}

/// A product of which nothing was said yet.
fn nothing() -> ProductFacts {
    ProductFacts {
        sku: String::new(),
        kind: Kind::Goods,
        category: None,
        image_url: None,
        is_active: true,
        tax_class: TaxClass::Standard,
        names: Names::default(),
    }
}

fn over(row: &WantedRow, there: &ProductFacts) -> ProductFacts {
    let mut names = there.names.clone();
    names.0.extend(row.names.iter().cloned());
    ProductFacts {
        // As it is written there: a file in lower case renames nothing.
        sku: if there.sku.is_empty() { row.sku.clone() } else { there.sku.clone() },
        kind: row.kind.unwrap_or(there.kind),
        category: row.category.clone().or_else(|| there.category.clone()),
        image_url: row.image_url.clone().or_else(|| there.image_url.clone()),
        is_active: row.is_active.unwrap_or(there.is_active),
        tax_class: row.tax_class.unwrap_or(there.tax_class),
        names,
    }
}

impl Changed {
    /// Each difference in words: `Name in English: “House blend” → “House blend, 1 kg”`. Prices are told by whoever knows the lists.
    pub fn in_words(&self) -> Vec<String> {
        let (before, after) = (&self.before, &self.after);
        let sold = |is_active: bool| if is_active { "sold" } else { "switched off" };
        let mut told = Vec::new();
        let mut note = |what: &str, from: &str, to: &str| {
            if from != to {
                told.push(format!("{what}: {} → {}", quoted(from), quoted(to)));
            }
        };
        for language in Language::ALL {
            let name = |facts: &ProductFacts| facts.names.0.get(language).cloned().unwrap_or_default();
            note(&format!("Name in {}", language.name()), &name(before), &name(after));
        }
        note("Kind", before.kind.label(), after.kind.label());
        note("Category", before.category.as_deref().unwrap_or_default(), after.category.as_deref().unwrap_or_default());
        note("Tax class", before.tax_class.label(), after.tax_class.label());
        note("Picture", before.image_url.as_deref().unwrap_or_default(), after.image_url.as_deref().unwrap_or_default());
        note("State", sold(before.is_active), sold(after.is_active));
        told
    }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "nothing".into() } else { format!("“{text}”") }
}
