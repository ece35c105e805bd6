//! What the columns of a file hold, by their names. Names that are not known are left out and told.

use serde::{Deserialize, Serialize};

use crate::catalog::model::{PriceList, PriceListId, key};
use crate::money::Currency;
use crate::seller::Language;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Column {
    Sku,
    Kind,
    Category,
    TaxClass,
    IsActive,
    ImageUrl,
    Name(Language),
    /// The price of one in a list, whose currency never changes.
    Price(PriceListId, Currency),
    LeftOut,
}

/// The columns of one file, in its order, with their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub columns: Vec<(String, Column)>,
}

impl Plan {
    /// What the names say. Which list a currency means is decided here, once for the whole file. Err: every mistake, in words.
    pub fn of(header: &[String], lists: &[PriceList], main_language: Language) -> Result<Self, String> {
        let (mut columns, mut mistakes): (Vec<(String, Column)>, Vec<String>) = (Vec::new(), Vec::new());
        for name in header {
            let column = match recognise(name, lists, main_language) {
                Ok(column) => column,
                Err(why) => {
                    mistakes.push(why);
                    Column::LeftOut
                }
            };
            if let Some((other, _)) = columns.iter().find(|(_, held)| *held == column && column != Column::LeftOut) {
                mistakes.push(format!("“{other}” and “{name}” hold the same"));
            }
            columns.push((name.clone(), column));
        }
        if !columns.iter().any(|(_, column)| *column == Column::Sku) {
            mistakes.push("no column is called “sku”".into());
        }
        if mistakes.is_empty() { Ok(Self { columns }) } else { Err(mistakes.join("; ")) }
    }

    /// The names of columns that nothing is taken from.
    pub fn left_out(&self) -> Vec<&str> {
        self.columns.iter().filter(|(_, column)| *column == Column::LeftOut).map(|(name, _)| name.as_str()).collect()
    }
}

fn recognise(name: &str, lists: &[PriceList], main_language: Language) -> Result<Column, String> {
    let lower = name.trim().to_lowercase();
    if let Some(list) = lower.strip_prefix("price:") {
        let found = lists.iter().find(|known| key(&known.name) == key(list));
        return found.map(|list| Column::Price(list.id, list.currency)).ok_or_else(|| format!("“{name}” names no price list"));
    }
    let plain = lower.replace([' ', '-', '(', ')'], "_").trim_matches('_').replace("__", "_");
    if let Some(currency) = plain.strip_prefix("price_") {
        let Ok(currency) = Currency::parse(currency) else { return Err(format!("“{name}” names no currency")) };
        let default = lists.iter().find(|list| list.is_default && list.currency == currency);
        return default
            .map(|list| Column::Price(list.id, currency))
            .ok_or_else(|| format!("“{name}” means the default price list in {currency}, which there is not"));
    }
    if let Some(language) = plain.strip_prefix("name_").and_then(Language::parse) {
        return Ok(Column::Name(language));
    }
    Ok(match plain.as_str() {
        "sku" | "item_code" | "product_code" => Column::Sku,
        "name" | "product" | "product_name" | "item_name" => Column::Name(main_language),
        "kind" | "type" => Column::Kind,
        "category" => Column::Category,
        "tax_class" | "tax" => Column::TaxClass,
        "is_active" | "active" | "sold" => Column::IsActive,
        "image_url" | "image" | "picture" => Column::ImageUrl,
        _ => Column::LeftOut,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::model::Source;
    use crate::clock::UtcTime;

    fn list(id: i64, name: &str, currency: Currency, is_default: bool) -> PriceList {
        let now = UtcTime::default();
        PriceList {
            id: PriceListId(id),
            name: name.into(),
            currency,
            priority: 0,
            valid_from: None,
            valid_until: None,
            is_active: true,
            is_default,
            source: Source::Manual,
            zoho_pricebook_id: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    fn plan(header: &[&str]) -> Result<Vec<Column>, String> {
        let lists = [list(1, "Retail", Currency::EUR, true), list(2, "Wholesale 2026", Currency::EUR, false)];
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        Plan::of(&header, &lists, Language::German).map(|plan| plan.columns.into_iter().map(|(_, column)| column).collect())
    }

    #[test]
    fn columns_are_known_by_their_names() {
        assert_eq!(
            plan(&[" SKU", "Name", "name_ar", "Price (EUR)", "price: wholesale  2026", "colour", "Tax class", "active"]),
            Ok(vec![
                Column::Sku,
                Column::Name(Language::German),
                Column::Name(Language::Arabic),
                Column::Price(PriceListId(1), Currency::EUR),
                Column::Price(PriceListId(2), Currency::EUR),
                Column::LeftOut,
                Column::TaxClass,
                Column::IsActive,
            ])
        );
    }

    #[test]
    fn every_mistake_of_the_header_is_named() {
        let why = plan(&["name", "name_de", "price_usd", "price_xyz", "price:Summer"]).expect_err("nothing fits");
        assert_eq!(
            why,
            "“name” and “name_de” hold the same; “price_usd” means the default price list in USD, which there is not; \
             “price_xyz” names no currency; “price:Summer” names no price list; no column is called “sku”"
        );
    }
}
