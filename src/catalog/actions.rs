//! What people may do to a product: add it, change it, set and remove prices. Each is one transaction, counts as a change of the
//! product, and leaves an audit row with what was before and after.

use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use serde_json::{Value, json};

use super::model::{Offered, PRICES_MAX, PriceId, PriceListId, Product, ProductFacts, ProductId, Source};
use super::queries::{self, NewPrice, Whole};
use super::{price_list_queries, tell};
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::outbox::admin::Request;

/// What came of saving a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    Done(ProductId),
    /// Another product has this SKU.
    SkuTaken(ProductId),
}

/// Adds a product.
pub fn create(tx: &mut Tx<'_>, facts: &ProductFacts, source: Source, by: &Request) -> Result<Saved> {
    match queries::insert(tx, by.now, facts, source)? {
        Some(id) => {
            tx.touch(Topic::Catalog);
            tell(tx, ("catalog.create_product", &id.subject()), (None, Some(json!(facts))), by)?;
            Ok(Saved::Done(id))
        }
        None => Ok(Saved::SkuTaken(holder(tx, &facts.sku)?.ok_or_else(moved_on)?.id)),
    }
}

/// Changes a product, if `version` is still the one that was shown. Saving what is there already changes nothing.
pub fn edit(tx: &mut Tx<'_>, (id, version): (ProductId, i64), facts: &ProductFacts, by: &Request) -> Result<Saved> {
    let Whole { product, names, .. } = shown(tx, id, version)?;
    if let Some(other) = holder(tx, &facts.sku)?.filter(|other| other.id != id) {
        return Ok(Saved::SkuTaken(other.id));
    }
    let before = ProductFacts::of(&product, &names);
    if before == *facts {
        tx.wrote_nothing();
        return Ok(Saved::Done(id));
    }
    if !queries::replace(tx, by.now, (id, version), facts).map_err(taken_meanwhile)? {
        return Err(moved_on());
    }
    tx.touch(Topic::Catalog);
    tell(tx, ("catalog.edit_product", &id.subject()), (Some(json!(before)), Some(json!(facts))), by)?;
    Ok(Saved::Done(id))
}

/// Sets the price of a product in a list, for those who take at least so many.
pub fn set_price(tx: &mut Tx<'_>, (id, version): (ProductId, i64), new: NewPrice, by: &Request) -> Result<()> {
    let Whole { offered, .. } = shown(tx, id, version)?;
    let list = price_list_queries::find(tx.conn(), new.list)?.ok_or(Error::NotFound("price list"))?;
    let before = offered.iter().find(|offered| is_at(offered, new.list, new.min_quantity));
    if before.is_some_and(|before| before.price.amount_minor == new.amount_minor) {
        tx.wrote_nothing();
        return Ok(());
    }
    if before.is_none() && offered.len() >= usize::try_from(PRICES_MAX).unwrap_or(usize::MAX) {
        return Err(Error::Conflict(format!("This product has {PRICES_MAX} prices, which is the most. Remove one of them first")));
    }
    // The version first: of two who change the product at once, one waits here and is then refused.
    if !queries::touch(tx, by.now, (id, version), true)? {
        return Err(moved_on());
    }
    queries::set_price(tx, by.now, id, new)?;
    tx.touch(Topic::Catalog);
    let told = |amount_minor: i64| told(&list.name, list.currency.code(), (new.min_quantity, amount_minor));
    let before = before.map(|before| told(before.price.amount_minor));
    tell(tx, ("catalog.set_price", &id.subject()), (before, Some(told(new.amount_minor))), by)
}

/// Removes a price of a product.
pub fn remove_price(tx: &mut Tx<'_>, (id, version): (ProductId, i64), price: PriceId, by: &Request) -> Result<()> {
    let Whole { offered, .. } = shown(tx, id, version)?;
    let gone = offered.iter().find(|offered| offered.price.id == price).ok_or_else(moved_on)?;
    if !queries::touch(tx, by.now, (id, version), offered.len() > 1)? || !queries::remove_price(tx, id, price)? {
        return Err(moved_on());
    }
    tx.touch(Topic::Catalog);
    let before = told(&gone.list.name, gone.list.currency.code(), (gone.price.min_quantity, gone.price.amount_minor));
    tell(tx, ("catalog.remove_price", &id.subject()), (Some(before), None), by)
}

/// The product as the person saw it, or a conflict.
fn shown(tx: &mut Tx<'_>, id: ProductId, version: i64) -> Result<Whole> {
    let whole = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("product"))?;
    if whole.product.version == version { Ok(whole) } else { Err(moved_on()) }
}

/// The product that has this SKU.
fn holder(tx: &mut Tx<'_>, sku: &str) -> Result<Option<Product>> {
    let key = super::model::key(sku);
    Ok(queries::by_keys(tx.conn(), std::slice::from_ref(&key))?.remove(&key))
}

fn is_at(offered: &Offered, list: PriceListId, min_quantity: i64) -> bool {
    offered.price.price_list_id == list && offered.price.min_quantity == min_quantity
}

fn told(list: &str, currency: &str, (min_quantity, amount_minor): (i64, i64)) -> Value {
    json!({ "price_list": list, "currency": currency, "min_quantity": min_quantity, "amount_minor": amount_minor })
}

fn moved_on() -> Error {
    Error::Conflict("Somebody else has changed this product since you opened it".into())
}

/// Two who want one SKU at the same time: the second hears of the first by the unique index alone.
fn taken_meanwhile(cause: DatabaseError) -> Error {
    match cause {
        DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            Error::Conflict("Somebody else has just given this SKU to another product".into())
        }
        other => other.into(),
    }
}
