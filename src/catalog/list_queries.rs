//! What the list of products asks: one page, the search, the counts of the tabs, the categories there are. Each costs the same
//! over ten products and over a million.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::filter::{Needle, ProductFilter, Tab};
use super::model::{Names, Offered, Product, ProductId, key};
use super::queries;
use crate::db::Conn;
use crate::db::keyset::{Key, Page, Place};
use crate::db::literal_condition;
use crate::db::schema::products;
use crate::{keyset_page, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Products that one search looks through; older ones take another click.
pub const SEARCHED_MAX: usize = 20_000;
/// Products that a search reads at a time.
const CHUNK: usize = 1_000;
/// Beyond this a count says "at least".
pub const COUNT_MAX: i64 = 10_000;
/// Categories offered in the filter.
const CATEGORIES_MAX: usize = 100;

// In the words of the partial indexes.
literal_condition! {
    /// Has no price in any list.
    IsUnpriced = "NOT products.has_price"
}
literal_condition! {
    /// Is switched off.
    IsInactive = "NOT products.is_active"
}

/// A product as lists show it.
#[derive(Clone, Debug)]
pub struct ProductSummary {
    pub product: Product,
    pub names: Names,
    pub offered: Vec<Offered>,
}

/// A page of products; a search also says how it looked.
#[derive(Debug)]
pub struct Found {
    pub page: Page<ProductSummary>,
    pub searched: Option<Searched>,
}

/// How a search by text has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Searched {
    /// SKUs begin with the text; names were not looked at.
    BySku,
    /// SKUs and names were looked through, as far as this place; None: to the oldest product.
    Through(Option<Place>),
}

/// One page of the list or of the search, newest first.
pub fn page(conn: &mut Conn, filter: &ProductFilter, place: Place, rows_max: usize) -> QueryResult<Found> {
    let Some(text) = &filter.text else {
        let page = narrowed(conn, filter, None, (place, rows_max))?;
        return Ok(Found { page: with_prices(conn, page)?, searched: None });
    };
    let beginning = key(text);
    if !filter.in_names && begins_a_sku(conn, &beginning)? {
        let page = narrowed(conn, filter, Some(&beginning), (place, rows_max))?;
        return Ok(Found { page: with_prices(conn, page)?, searched: Some(Searched::BySku) });
    }
    search(conn, filter, &Needle::new(text), (place, rows_max))
}

/// Keys from `beginning` on to before this one begin with it: both engines keep keys in the order of their bytes.
fn end_of(beginning: &str) -> String {
    format!("{beginning}{}", char::MAX)
}

fn begins_a_sku(conn: &mut Conn, beginning: &str) -> QueryResult<bool> {
    let first = products::table
        .filter(products::sku_key.ge(beginning).and(products::sku_key.lt(end_of(beginning))))
        .order(products::sku_key)
        .select(products::id)
        .first::<ProductId>(conn)
        .optional()?;
    Ok(first.is_some())
}

fn narrowed(
    conn: &mut Conn,
    filter: &ProductFilter,
    beginning: Option<&str>,
    (place, rows_max): (Place, usize),
) -> QueryResult<Page<Product>> {
    let mut query = products::table.select(Product::as_select()).into_boxed();
    query = match filter.tab {
        Some(Tab::Active) => query.filter(products::is_active.eq(true)),
        Some(Tab::Inactive) => query.filter(IsInactive),
        Some(Tab::Unpriced) => query.filter(IsUnpriced),
        None => query,
    };
    if let Some(category) = &filter.category {
        query = query.filter(products::category.eq(category.clone()));
    }
    if let Some(beginning) = beginning {
        query = query.filter(products::sku_key.ge(beginning.to_owned())).filter(products::sku_key.lt(end_of(beginning)));
    }
    keyset_page!(conn, query, products::created_at, products::id, place, rows_max, place_of)
}

fn place_of(product: &Product) -> Key {
    Key { at: product.created_at, id: product.id.0 }
}

/// Looks through the rows here rather than in SQL: both engines then agree on upper and lower case in every script.
fn search(conn: &mut Conn, filter: &ProductFilter, needle: &Needle, (place, rows_max): (Place, usize)) -> QueryResult<Found> {
    let (mut rows, mut looked_at, mut place) = (Vec::new(), 0, place);
    while looked_at < SEARCHED_MAX {
        let chunk = narrowed(conn, filter, None, (place, CHUNK))?;
        let chunk = with_names(conn, chunk)?;
        looked_at += chunk.rows.len();
        for row in chunk.rows {
            if needle.is_in(&row) {
                let older = Place::Older(place_of(&row.product));
                rows.push(row);
                if rows.len() == rows_max {
                    return found(conn, rows, Some(older), None);
                }
            }
        }
        match chunk.older {
            Some(older) => place = older,
            None => return found(conn, rows, None, Some(Searched::Through(None))),
        }
    }
    found(conn, rows, None, Some(Searched::Through(Some(place))))
}

fn found(conn: &mut Conn, rows: Vec<ProductSummary>, older: Option<Place>, searched: Option<Searched>) -> QueryResult<Found> {
    Ok(Found { page: priced(conn, Page { rows, newer: None, older })?, searched })
}

fn with_names(conn: &mut Conn, page: Page<Product>) -> QueryResult<Page<ProductSummary>> {
    let ids: Vec<ProductId> = page.rows.iter().map(|product| product.id).collect();
    let mut names = queries::names_of(conn, &ids)?;
    Ok(page.map(|product| {
        let names = names.remove(&product.id).unwrap_or_default();
        ProductSummary { product, names, offered: Vec::new() }
    }))
}

fn priced(conn: &mut Conn, mut page: Page<ProductSummary>) -> QueryResult<Page<ProductSummary>> {
    let ids: Vec<ProductId> = page.rows.iter().map(|row| row.product.id).collect();
    let mut offered: HashMap<ProductId, Vec<Offered>> = queries::offered_to(conn, &ids)?;
    for row in &mut page.rows {
        row.offered = offered.remove(&row.product.id).unwrap_or_default();
    }
    Ok(page)
}

fn with_prices(conn: &mut Conn, page: Page<Product>) -> QueryResult<Page<ProductSummary>> {
    let page = with_names(conn, page)?;
    priced(conn, page)
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many products a tab has, counted up to [`COUNT_MAX`]. That of the active ones is the whole catalogue on most days and says
/// nothing: it has none.
pub fn counts(conn: &mut Conn) -> QueryResult<Vec<(Tab, i64)>> {
    let mut counts = Vec::new();
    for (tab, condition) in [(Tab::Unpriced, "NOT products.has_price"), (Tab::Inactive, "NOT products.is_active")] {
        // In the FROM clause, where the query builder cannot put it: the limit ends the walk over the index.
        let sql = format!("SELECT COUNT(*) AS total FROM (SELECT 1 AS one FROM products WHERE {condition} LIMIT {COUNT_MAX}) AS first");
        let counted: Counted = on_backend!(conn, |c| diesel::sql_query(sql).get_result(c))?;
        counts.push((tab, counted.total));
    }
    Ok(counts)
}

/// The categories there are, found by hopping along the index instead of reading it.
pub fn categories(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut categories: Vec<String> = Vec::new();
    while categories.len() < CATEGORIES_MAX {
        let after = categories.last().cloned().unwrap_or_default();
        let next: Option<Option<String>> = products::table
            .filter(products::category.gt(after))
            .order(products::category)
            .select(products::category)
            .first(conn)
            .optional()?;
        match next.flatten() {
            Some(category) => categories.push(category),
            None => break,
        }
    }
    Ok(categories)
}
