//! What is asked of contacts, companies and their links, and how links are written.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::model::{Address, AddressKind, Company, CompanyId, Contact, ContactId, Identified, Owner, Rule};
use crate::clock::UtcTime;
use crate::db::schema::{companies, contact_addresses, contact_links, contacts};
use crate::db::{Conn, Topic, Tx};
use crate::error::{Error, Result};
use crate::on_backend;

/// Addresses of one contact that its page shows.
const ADDRESSES_MAX: i64 = 50;

/// A contact.
pub fn find(conn: &mut Conn, id: ContactId) -> QueryResult<Option<Contact>> {
    contacts::table.find(id.0).select(Contact::as_select()).first(conn).optional()
}

/// A company.
pub fn find_company(conn: &mut Conn, id: CompanyId) -> QueryResult<Option<Company>> {
    companies::table.find(id.0).select(Company::as_select()).first(conn).optional()
}

/// Refuses where there is no such contact or company.
pub fn require(conn: &mut Conn, owner: Owner) -> Result<()> {
    let (is_there, what) = match owner {
        Owner::Contact(id) => (find(conn, id)?.is_some(), "contact"),
        Owner::Company(id) => (find_company(conn, id)?.is_some(), "company"),
    };
    if is_there { Ok(()) } else { Err(Error::NotFound(what)) }
}

/// The addresses of a contact, those that identify it first.
pub fn addresses(conn: &mut Conn, id: ContactId) -> QueryResult<Vec<Address>> {
    contact_addresses::table
        .filter(contact_addresses::contact_id.eq(id))
        .order((contact_addresses::is_identifying.desc(), contact_addresses::id))
        .limit(ADDRESSES_MAX)
        .select(Address::as_select())
        .load(conn)
}

/// Contacts by their ids.
pub fn by_ids(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<BTreeMap<ContactId, Contact>> {
    let found: Vec<Contact> = on_backend!(conn, |c| contacts::table.filter(contacts::id.eq_any(ids)).select(Contact::as_select()).load(c))?;
    Ok(found.into_iter().map(|contact| (contact.id, contact)).collect())
}

/// Companies by their ids.
pub fn companies_by_ids(conn: &mut Conn, ids: &[CompanyId]) -> QueryResult<BTreeMap<CompanyId, Company>> {
    let found: Vec<Company> =
        on_backend!(conn, |c| companies::table.filter(companies::id.eq_any(ids)).select(Company::as_select()).load(c))?;
    Ok(found.into_iter().map(|company| (company.id, company)).collect())
}

/// What identifies these contacts, for lists.
pub fn identifying(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<Vec<Address>> {
    on_backend!(conn, |c| contact_addresses::table
        .filter(contact_addresses::contact_id.eq_any(ids))
        .filter(contact_addresses::is_identifying.eq(true))
        .order((contact_addresses::contact_id, contact_addresses::id))
        .limit(2_000)
        .select(Address::as_select())
        .load(c))
}

/// The mail address by which each of these contacts is known.
pub fn mails_of(conn: &mut Conn, ids: &[ContactId]) -> QueryResult<BTreeMap<ContactId, String>> {
    let addresses = identifying(conn, ids)?.into_iter().rev().filter(|address| address.kind == AddressKind::Email);
    Ok(addresses.map(|address| (address.contact_id, address.value)).collect())
}

/// Others who have one of these values too: the same person perhaps, or somebody who stated another's address.
pub fn sharing(conn: &mut Conn, id: ContactId, values: &[String]) -> QueryResult<Vec<(String, ContactId)>> {
    on_backend!(conn, |c| contact_addresses::table
        .filter(contact_addresses::value.eq_any(values))
        .filter(contact_addresses::contact_id.ne(id))
        .order((contact_addresses::value, contact_addresses::contact_id))
        .limit(ADDRESSES_MAX)
        .select((contact_addresses::value, contact_addresses::contact_id))
        .load(c))
}

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = contact_links)]
pub struct Link {
    pub id: i64,
    pub subject: String,
    pub line_id: Option<String>,
    pub contact_id: ContactId,
    pub rule: Rule,
    pub linked_at: UtcTime,
}

/// Whose these subjects are.
pub fn links(conn: &mut Conn, subjects: &[String]) -> QueryResult<Vec<Link>> {
    on_backend!(conn, |c| contact_links::table.filter(contact_links::subject.eq_any(subjects)).select(Link::as_select()).load(c))
}

/// Whose a subject is, for its page.
pub fn whose(conn: &mut Conn, subject: &str) -> QueryResult<Option<(Contact, Rule)>> {
    let Some(link) = links(conn, &[subject.to_owned()])?.pop() else { return Ok(None) };
    Ok(find(conn, link.contact_id)?.map(|contact| (contact, link.rule)))
}

/// Whose these lines are.
pub fn links_of_lines(conn: &mut Conn, lines: &[String]) -> QueryResult<Vec<Link>> {
    on_backend!(conn, |c| contact_links::table.filter(contact_links::line_id.eq_any(lines)).select(Link::as_select()).load(c))
}

/// The latest links of a contact.
pub fn links_of(conn: &mut Conn, contact: ContactId, most: i64) -> QueryResult<Vec<Link>> {
    contact_links::table
        .filter(contact_links::contact_id.eq(contact))
        .order(contact_links::id.desc())
        .limit(most)
        .select(Link::as_select())
        .load(conn)
}

/// Links a subject, unless it is linked.
pub fn link(tx: &mut Tx<'_>, now: UtcTime, (subject, line): (&str, Option<&str>), whose: Identified) -> QueryResult<()> {
    tx.touch(Topic::People);
    let row = (
        contact_links::subject.eq(subject),
        contact_links::line_id.eq(line),
        contact_links::contact_id.eq(whose.contact),
        contact_links::rule.eq(whose.rule),
        contact_links::linked_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(contact_links::table).values(row).on_conflict_do_nothing().execute(c)).map(drop)
}

/// The contacts of a company, the newest first.
pub fn members(conn: &mut Conn, company: CompanyId, most: i64) -> QueryResult<Vec<Contact>> {
    contacts::table
        .filter(contacts::company_id.eq(company))
        .order((contacts::created_at.desc(), contacts::id.desc()))
        .limit(most)
        .select(Contact::as_select())
        .load(conn)
}
