//! The lists of contacts and companies: newest first, or those whose name or address begins so.

use diesel::prelude::*;

use super::model::{Company, CompanyId, Contact, ContactId, name_key};
use crate::db::Conn;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{companies, contact_addresses, contacts};
use crate::{keyset_page, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Names and addresses that begin so which a search takes into account: the first of each, as the page says.
pub const FOUND_MAX: i64 = 1_000;
/// Rows of one step of a walk over everybody, and its steps.
const STEP: usize = 500;
const STEPS_MAX: usize = 10;

/// A range, not LIKE: both engines use the index, and no character is special.
fn beyond(start: &str) -> String {
    format!("{start}{}", char::MAX)
}

/// What a search found by the indexes.
struct Found<I> {
    ids: Vec<I>,
    /// More begin so than it takes into account.
    is_cut: bool,
}

impl<I> Found<I> {
    fn of(one: Vec<I>, other: Vec<I>) -> Self {
        let is_full = |ids: &Vec<I>| i64::try_from(ids.len()).is_ok_and(|count| count >= FOUND_MAX);
        let is_cut = is_full(&one) || is_full(&other);
        Self { ids: one.into_iter().chain(other).collect(), is_cut }
    }
}

/// Contacts whose name or one of whose addresses begins so.
fn contacts_like(conn: &mut Conn, key: &str) -> QueryResult<Found<ContactId>> {
    let addressed: Vec<ContactId> = contact_addresses::table
        .filter(contact_addresses::value.ge(key).and(contact_addresses::value.lt(beyond(key))))
        .order(contact_addresses::value)
        .limit(FOUND_MAX)
        .select(contact_addresses::contact_id)
        .load(conn)?;
    let named: Vec<ContactId> = contacts::table
        .filter(contacts::name_key.ge(key).and(contacts::name_key.lt(beyond(key))))
        .order((contacts::name_key, contacts::id))
        .limit(FOUND_MAX)
        .select(contacts::id)
        .load(conn)?;
    Ok(Found::of(addressed, named))
}

/// One page of contacts, newest first.
pub fn page(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<Contact>> {
    let found = text.and_then(name_key).map(|key| contacts_like(conn, &key)).transpose()?.map(|found| found.ids);
    among(conn, found, place, rows_max)
}

/// The same for whoever takes the list along, with all that begin so: where a page takes only the first into account, everybody is
/// looked at here, back from the place. A piece may hold few rows then, and the next begins where it ended.
pub fn piece(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<Contact>> {
    let Some(key) = text.and_then(name_key) else { return page(conn, None, place, rows_max) };
    let found = contacts_like(conn, &key)?;
    if !found.is_cut {
        return among(conn, Some(found.ids), place, rows_max);
    }
    let step = |conn: &mut Conn, place: Place| -> QueryResult<_> {
        let Page { rows, older, .. } = among(conn, None, place, STEP)?;
        let ids: Vec<ContactId> = rows.iter().map(|contact| contact.id).collect();
        let addressed = with_address_like(conn, &key, &ids)?;
        let begins = |contact: &Contact| addressed.contains(&contact.id) || has_start(contact.name.as_deref(), &key);
        Ok((rows.into_iter().filter(begins).collect(), older))
    };
    walk(conn, place, rows_max, step, |row| Key { at: row.created_at, id: row.id.0 })
}

/// Which of these have an address that begins so.
fn with_address_like(conn: &mut Conn, key: &str, ids: &[ContactId]) -> QueryResult<Vec<ContactId>> {
    on_backend!(conn, |c| contact_addresses::table
        .filter(contact_addresses::contact_id.eq_any(ids))
        .filter(contact_addresses::value.ge(key).and(contact_addresses::value.lt(beyond(key))))
        .select(contact_addresses::contact_id)
        .load(c))
}

fn has_start(name: Option<&str>, key: &str) -> bool {
    name.and_then(name_key).is_some_and(|name| name.starts_with(key))
}

/// Walks back over everything until there are rows enough, or until enough was looked at.
fn walk<R>(
    conn: &mut Conn,
    place: Place,
    rows_max: usize,
    step: impl Fn(&mut Conn, Place) -> QueryResult<(Vec<R>, Option<Place>)>,
    key: impl Fn(&R) -> Key,
) -> QueryResult<Page<R>> {
    // What is taken along goes back in time only.
    let mut on = Some(if matches!(place, Place::Older(_)) { place } else { Place::Newest });
    let mut rows = Vec::new();
    for _ in 0..STEPS_MAX {
        let Some(place) = on else { break };
        let (fitting, older) = step(conn, place)?;
        rows.extend(fitting);
        on = older;
        if rows.len() >= rows_max {
            let is_over = rows.len() > rows_max;
            rows.truncate(rows_max);
            on = if is_over { rows.last().map(|row| Place::Older(key(row))) } else { older };
            break;
        }
    }
    Ok(Page { rows, newer: None, older: on })
}

fn among(conn: &mut Conn, found: Option<Vec<ContactId>>, place: Place, rows_max: usize) -> QueryResult<Page<Contact>> {
    on_backend!(conn, |c| {
        let mut query = contacts::table.select(Contact::as_select()).into_boxed();
        if let Some(ids) = found {
            query = query.filter(contacts::id.eq_any(ids));
        }
        keyset_page!(c, query, contacts::created_at, contacts::id, place, rows_max, |row: &Contact| Key {
            at: row.created_at,
            id: row.id.0
        })
    })
}

fn companies_like(conn: &mut Conn, key: &str) -> QueryResult<Found<CompanyId>> {
    let named: Vec<CompanyId> = companies::table
        .filter(companies::name_key.ge(key).and(companies::name_key.lt(beyond(key))))
        .order((companies::name_key, companies::id))
        .limit(FOUND_MAX)
        .select(companies::id)
        .load(conn)?;
    let by_domain: Vec<CompanyId> = companies::table
        .filter(companies::domain.ge(key).and(companies::domain.lt(beyond(key))))
        .order(companies::domain)
        .limit(FOUND_MAX)
        .select(companies::id)
        .load(conn)?;
    Ok(Found::of(named, by_domain))
}

/// One page of companies, newest first.
pub fn companies_page(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<Company>> {
    let found = text.and_then(name_key).map(|key| companies_like(conn, &key)).transpose()?.map(|found| found.ids);
    companies_among(conn, found, place, rows_max)
}

/// As [`piece`], of companies.
pub fn companies_piece(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<Company>> {
    let Some(key) = text.and_then(name_key) else { return companies_page(conn, None, place, rows_max) };
    let found = companies_like(conn, &key)?;
    if !found.is_cut {
        return companies_among(conn, Some(found.ids), place, rows_max);
    }
    let begins = |company: &Company| {
        has_start(Some(&company.name), &key) || company.domain.as_deref().is_some_and(|domain| domain.starts_with(&key))
    };
    let step = |conn: &mut Conn, place: Place| -> QueryResult<_> {
        let Page { rows, older, .. } = companies_among(conn, None, place, STEP)?;
        Ok((rows.into_iter().filter(begins).collect(), older))
    };
    walk(conn, place, rows_max, step, |row| Key { at: row.created_at, id: row.id.0 })
}

fn companies_among(conn: &mut Conn, found: Option<Vec<CompanyId>>, place: Place, rows_max: usize) -> QueryResult<Page<Company>> {
    on_backend!(conn, |c| {
        let mut query = companies::table.select(Company::as_select()).into_boxed();
        if let Some(ids) = found {
            query = query.filter(companies::id.eq_any(ids));
        }
        keyset_page!(c, query, companies::created_at, companies::id, place, rows_max, |row: &Company| Key {
            at: row.created_at,
            id: row.id.0
        })
    })
}
