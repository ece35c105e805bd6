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

/// A range, not LIKE: both engines use the index, and no character is special.
fn beyond(start: &str) -> String {
    format!("{start}{}", char::MAX)
}

/// Contacts whose name or one of whose addresses begins so; None: everybody.
fn contacts_like(conn: &mut Conn, text: Option<&str>) -> QueryResult<Option<Vec<ContactId>>> {
    let Some(key) = text.and_then(name_key) else { return Ok(None) };
    let mut ids: Vec<ContactId> = contact_addresses::table
        .filter(contact_addresses::value.ge(&key).and(contact_addresses::value.lt(beyond(&key))))
        .order(contact_addresses::value)
        .limit(FOUND_MAX)
        .select(contact_addresses::contact_id)
        .load(conn)?;
    let named: Vec<ContactId> = contacts::table
        .filter(contacts::name_key.ge(&key).and(contacts::name_key.lt(beyond(&key))))
        .order((contacts::name_key, contacts::id))
        .limit(FOUND_MAX)
        .select(contacts::id)
        .load(conn)?;
    ids.extend(named);
    Ok(Some(ids))
}

/// One page of contacts, newest first.
pub fn page(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<Contact>> {
    let found = contacts_like(conn, text)?;
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

fn companies_like(conn: &mut Conn, text: Option<&str>) -> QueryResult<Option<Vec<CompanyId>>> {
    let Some(key) = text.and_then(name_key) else { return Ok(None) };
    let mut ids: Vec<CompanyId> = companies::table
        .filter(companies::name_key.ge(&key).and(companies::name_key.lt(beyond(&key))))
        .order((companies::name_key, companies::id))
        .limit(FOUND_MAX)
        .select(companies::id)
        .load(conn)?;
    let by_domain: Vec<CompanyId> = companies::table
        .filter(companies::domain.ge(&key).and(companies::domain.lt(beyond(&key))))
        .order(companies::domain)
        .limit(FOUND_MAX)
        .select(companies::id)
        .load(conn)?;
    ids.extend(by_domain);
    Ok(Some(ids))
}

/// One page of companies, newest first.
pub fn companies_page(conn: &mut Conn, text: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<Company>> {
    let found = companies_like(conn, text)?;
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
