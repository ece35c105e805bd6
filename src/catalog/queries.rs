//! What is asked and written about products, their names and their prices, a few at a time. Lists are in `list_queries`, the
//! lists of prices in `price_list_queries`.

use std::collections::HashMap;

use diesel::prelude::*;

use super::model::{Kind, Names, Offered, Price, PriceId, PriceList, PriceListId, Product, ProductFacts, ProductId, Source, TaxClass, key};
use crate::clock::UtcTime;
use crate::db::schema::{price_lists, prices, product_names, products};
use crate::db::{Conn, Tx};
use crate::on_backend;
use crate::seller::Language;

/// A product with its names and every price it has.
#[derive(Clone, Debug)]
pub struct Whole {
    pub product: Product,
    pub names: Names,
    pub offered: Vec<Offered>,
}

/// A product with everything known about it.
pub fn find(conn: &mut Conn, id: ProductId) -> QueryResult<Option<Whole>> {
    let product: Option<Product> = products::table.filter(products::id.eq(id)).select(Product::as_select()).first(conn).optional()?;
    let Some(product) = product else { return Ok(None) };
    let (mut names, mut offered) = (names_of(conn, &[id])?, offered_to(conn, &[id])?);
    Ok(Some(Whole { product, names: names.remove(&id).unwrap_or_default(), offered: offered.remove(&id).unwrap_or_default() }))
}

/// The products with these keys, by their keys.
pub fn by_keys(conn: &mut Conn, keys: &[String]) -> QueryResult<HashMap<String, Product>> {
    let found: Vec<(String, Product)> = on_backend!(conn, |c| products::table
        .filter(products::sku_key.eq_any(keys))
        .select((products::sku_key, Product::as_select()))
        .load(c))?;
    Ok(found.into_iter().collect())
}

/// The products with these keys, with everything known about them, by their keys. Three questions, however many there are.
pub fn wholes(conn: &mut Conn, keys: &[String]) -> QueryResult<HashMap<String, Whole>> {
    let products = by_keys(conn, keys)?;
    let ids: Vec<ProductId> = products.values().map(|product| product.id).collect();
    let (mut names, mut offered) = (names_of(conn, &ids)?, offered_to(conn, &ids)?);
    let whole = |(key, product): (String, Product)| {
        let (names, offered) = (names.remove(&product.id).unwrap_or_default(), offered.remove(&product.id).unwrap_or_default());
        (key, Whole { product, names, offered })
    };
    Ok(products.into_iter().map(whole).collect())
}

/// The names of these products.
pub fn names_of(conn: &mut Conn, ids: &[ProductId]) -> QueryResult<HashMap<ProductId, Names>> {
    let rows: Vec<(ProductId, Language, String)> = on_backend!(conn, |c| product_names::table
        .filter(product_names::product_id.eq_any(ids))
        .select((product_names::product_id, product_names::language, product_names::name))
        .load(c))?;
    let mut names: HashMap<ProductId, Names> = HashMap::new();
    for (id, language, name) in rows {
        names.entry(id).or_default().0.insert(language, name);
    }
    Ok(names)
}

/// Every price of these products, with its list.
pub fn offered_to(conn: &mut Conn, ids: &[ProductId]) -> QueryResult<HashMap<ProductId, Vec<Offered>>> {
    let rows: Vec<(Price, PriceList)> = on_backend!(conn, |c| prices::table
        .inner_join(price_lists::table.on(prices::price_list_id.eq(price_lists::id)))
        .filter(prices::product_id.eq_any(ids))
        .select((Price::as_select(), PriceList::as_select()))
        .load(c))?;
    let mut offered: HashMap<ProductId, Vec<Offered>> = HashMap::new();
    for (price, list) in rows {
        offered.entry(price.product_id).or_default().push(Offered { price, list });
    }
    Ok(offered)
}

/// What stands in the row of a product besides its counters.
#[derive(AsChangeset, Insertable)]
#[diesel(table_name = products, treat_none_as_null = true)]
struct Values<'a> {
    sku: &'a str,
    sku_key: String,
    kind: Kind,
    category: Option<&'a str>,
    image_url: Option<&'a str>,
    is_active: bool,
    tax_class: TaxClass,
}

impl<'a> Values<'a> {
    fn of(facts: &'a ProductFacts) -> Self {
        Self {
            sku: &facts.sku,
            sku_key: key(&facts.sku),
            kind: facts.kind,
            category: facts.category.as_deref(),
            image_url: facts.image_url.as_deref(),
            is_active: facts.is_active,
            tax_class: facts.tax_class,
        }
    }
}

/// Adds a product without a price. None: there is one with this SKU.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, facts: &ProductFacts, source: Source) -> QueryResult<Option<ProductId>> {
    let counters = (
        products::source.eq(source),
        products::has_price.eq(false),
        products::version.eq(1),
        products::created_at.eq(now),
        products::updated_at.eq(now),
    );
    let id = on_backend!(tx.conn(), |c| diesel::insert_into(products::table)
        .values((Values::of(facts), counters))
        .on_conflict(products::sku_key)
        .do_nothing()
        .returning(products::id)
        .get_result::<ProductId>(c))
    .optional()?;
    if let Some(id) = id {
        insert_names(tx, id, &facts.names)?;
    }
    Ok(id)
}

/// Writes a product and its names over that version; false where another one is there.
pub fn replace(tx: &mut Tx<'_>, now: UtcTime, (id, version): (ProductId, i64), facts: &ProductFacts) -> QueryResult<bool> {
    let changed = diesel::update(products::table.filter(products::id.eq(id).and(products::version.eq(version))))
        .set((Values::of(facts), products::version.eq(version + 1), products::updated_at.eq(now)))
        .execute(tx.conn())?;
    if changed == 0 {
        return Ok(false);
    }
    diesel::delete(product_names::table.filter(product_names::product_id.eq(id))).execute(tx.conn())?;
    insert_names(tx, id, &facts.names)?;
    Ok(true)
}

fn insert_names(tx: &mut Tx<'_>, id: ProductId, names: &Names) -> QueryResult<()> {
    for (language, name) in &names.0 {
        diesel::insert_into(product_names::table)
            .values((product_names::product_id.eq(id), product_names::language.eq(language), product_names::name.eq(name)))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Counts a change of the product's prices, over that version; false where another one is there.
pub fn touch(tx: &mut Tx<'_>, now: UtcTime, (id, version): (ProductId, i64), has_price: bool) -> QueryResult<bool> {
    let changed = diesel::update(products::table.filter(products::id.eq(id).and(products::version.eq(version))))
        .set((products::has_price.eq(has_price), products::version.eq(version + 1), products::updated_at.eq(now)))
        .execute(tx.conn())?;
    Ok(changed == 1)
}

/// Where a price stands, and how much it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPrice {
    pub list: PriceListId,
    pub min_quantity: i64,
    pub amount_minor: i64,
}

/// Sets a price, in place of the one for that list and quantity if there is one.
pub fn set_price(tx: &mut Tx<'_>, now: UtcTime, product: ProductId, new: NewPrice) -> QueryResult<()> {
    let amount = (prices::amount_minor.eq(new.amount_minor), prices::updated_at.eq(now));
    let place = (prices::product_id.eq(product), prices::price_list_id.eq(new.list), prices::min_quantity.eq(new.min_quantity));
    on_backend!(tx.conn(), |c| diesel::insert_into(prices::table)
        .values((place, amount))
        .on_conflict((prices::product_id, prices::price_list_id, prices::min_quantity))
        .do_update()
        .set(amount)
        .execute(c))
    .map(drop)
}

/// Removes a price of a product; false where it is gone.
pub fn remove_price(tx: &mut Tx<'_>, product: ProductId, price: PriceId) -> QueryResult<bool> {
    Ok(diesel::delete(prices::table.filter(prices::id.eq(price).and(prices::product_id.eq(product)))).execute(tx.conn())? == 1)
}
