//! What people may do to a list of prices: add one, change it. A list is never removed, since orders name it; it is switched off.

use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use serde_json::json;

use super::model::{PRICE_LISTS_MAX, PriceListFacts, PriceListId, Source};
use super::{price_list_queries as queries, tell};
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::outbox::admin::Request;

/// What came of saving a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    Done(PriceListId),
    /// Another list has this name.
    NameTaken,
    /// Another list is the default one of this currency: this one.
    DefaultTaken(String),
}

/// Adds a list.
pub fn create(tx: &mut Tx<'_>, facts: &PriceListFacts, source: Source, by: &Request) -> Result<Saved> {
    if queries::count(tx.conn())? >= PRICE_LISTS_MAX {
        return Err(Error::Conflict(format!("There are {PRICE_LISTS_MAX} price lists, which is the most. Use one that is switched off")));
    }
    if let Some(taken) = taken(tx, None, facts)? {
        return Ok(taken);
    }
    let id = queries::insert(tx, by.now, facts, source).map_err(taken_meanwhile)?;
    tx.touch(Topic::Catalog);
    tell(tx, ("catalog.create_price_list", &id.subject()), (None, Some(json!(facts))), by)?;
    Ok(Saved::Done(id))
}

/// Changes a list, if `version` is still the one that was shown. Its currency stays: its prices are amounts in it.
pub fn edit(tx: &mut Tx<'_>, (id, version): (PriceListId, i64), facts: &PriceListFacts, by: &Request) -> Result<Saved> {
    let list = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("price list"))?;
    if list.version != version {
        return Err(moved_on());
    }
    let (before, facts) = (PriceListFacts::of(&list), PriceListFacts { currency: list.currency, ..facts.clone() });
    if let Some(taken) = taken(tx, Some(id), &facts)? {
        return Ok(taken);
    }
    if before == facts {
        tx.wrote_nothing();
        return Ok(Saved::Done(id));
    }
    if !queries::replace(tx, by.now, (id, version), &facts).map_err(taken_meanwhile)? {
        return Err(moved_on());
    }
    tx.touch(Topic::Catalog);
    tell(tx, ("catalog.edit_price_list", &id.subject()), (Some(json!(before)), Some(json!(facts))), by)?;
    Ok(Saved::Done(id))
}

fn taken(tx: &mut Tx<'_>, own: Option<PriceListId>, facts: &PriceListFacts) -> Result<Option<Saved>> {
    if queries::of_name(tx.conn(), &facts.name)?.is_some_and(|holder| Some(holder) != own) {
        return Ok(Some(Saved::NameTaken));
    }
    if !facts.is_default {
        return Ok(None);
    }
    let default = queries::default_of(tx.conn(), facts.currency)?.filter(|default| Some(default.id) != own);
    Ok(default.map(|default| Saved::DefaultTaken(default.name)))
}

fn moved_on() -> Error {
    Error::Conflict("Somebody else has changed this price list since you opened it".into())
}

/// Two who save at the same time: the second hears of the first by the unique indexes alone.
fn taken_meanwhile(cause: DatabaseError) -> Error {
    match cause {
        DatabaseError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            Error::Conflict("Somebody else has just taken this name, or made another list the default one".into())
        }
        other => other.into(),
    }
}
