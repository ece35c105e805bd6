//! What is asked and written about the lists of prices. There are 200 at most, so they are read whole.

use diesel::prelude::*;

use super::model::{PriceList, PriceListFacts, PriceListId, Source, key};
use crate::clock::UtcTime;
use crate::db::schema::{price_lists, prices};
use crate::db::{Conn, Tx};
use crate::money::Currency;
use crate::on_backend;

/// The list with this id.
pub fn find(conn: &mut Conn, id: PriceListId) -> QueryResult<Option<PriceList>> {
    price_lists::table.filter(price_lists::id.eq(id)).select(PriceList::as_select()).first(conn).optional()
}

/// Every list, by currency, then as the rule of prices ranks them.
pub fn all(conn: &mut Conn) -> QueryResult<Vec<PriceList>> {
    let mut lists: Vec<PriceList> = price_lists::table.select(PriceList::as_select()).load(conn)?;
    lists.sort_by_key(|list| (list.currency, list.is_default, std::cmp::Reverse((list.priority, list.valid_from)), list.id));
    Ok(lists)
}

/// How many lists there are.
pub fn count(conn: &mut Conn) -> QueryResult<i64> {
    price_lists::table.count().get_result(conn)
}

/// Which other list has this name.
pub fn of_name(conn: &mut Conn, name: &str) -> QueryResult<Option<PriceListId>> {
    price_lists::table.filter(price_lists::name_key.eq(key(name))).select(price_lists::id).first(conn).optional()
}

/// The default list of a currency.
pub fn default_of(conn: &mut Conn, currency: Currency) -> QueryResult<Option<PriceList>> {
    let default = price_lists::table.filter(price_lists::currency.eq(currency).and(price_lists::is_default));
    default.select(PriceList::as_select()).first(conn).optional()
}

/// How many prices stand in a list; counted up to `most`.
pub fn count_prices(conn: &mut Conn, id: PriceListId, most: i64) -> QueryResult<i64> {
    let some: Vec<i64> = prices::table.filter(prices::price_list_id.eq(id)).limit(most).select(prices::price_list_id).load(conn)?;
    Ok(i64::try_from(some.len()).unwrap_or(i64::MAX))
}

#[derive(AsChangeset, Insertable)]
#[diesel(table_name = price_lists, treat_none_as_null = true)]
struct Values<'a> {
    name: &'a str,
    name_key: String,
    currency: Currency,
    priority: i64,
    valid_from: Option<UtcTime>,
    valid_until: Option<UtcTime>,
    is_active: bool,
    is_default: bool,
}

impl<'a> Values<'a> {
    fn of(facts: &'a PriceListFacts) -> Self {
        let PriceListFacts { name, currency, priority, valid_from, valid_until, is_active, is_default } = facts;
        Self {
            name,
            name_key: key(name),
            currency: *currency,
            priority: *priority,
            valid_from: *valid_from,
            valid_until: *valid_until,
            is_active: *is_active,
            is_default: *is_default,
        }
    }
}

/// Adds a list.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, facts: &PriceListFacts, source: Source) -> QueryResult<PriceListId> {
    let counters =
        (price_lists::source.eq(source), price_lists::version.eq(1), price_lists::created_at.eq(now), price_lists::updated_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(price_lists::table)
        .values((Values::of(facts), counters))
        .returning(price_lists::id)
        .get_result(c))
}

/// Writes a list over that version; false where another one is there.
pub fn replace(tx: &mut Tx<'_>, now: UtcTime, (id, version): (PriceListId, i64), facts: &PriceListFacts) -> QueryResult<bool> {
    let changed = diesel::update(price_lists::table.filter(price_lists::id.eq(id).and(price_lists::version.eq(version))))
        .set((Values::of(facts), price_lists::version.eq(version + 1), price_lists::updated_at.eq(now)))
        .execute(tx.conn())?;
    Ok(changed == 1)
}
