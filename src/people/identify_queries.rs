//! Whose something is. Addresses that identify belong to one contact each: a unique index decides between two that come at once.

use diesel::prelude::*;

use super::model::{AddressKind, CompanyId, CompanyRule, Contact, ContactId, Facts, Identified, Rule, name_key};
use crate::clock::UtcTime;
use crate::db::schema::{companies, contact_addresses, contacts};
use crate::db::{Conn, Tx};
use crate::on_backend;

/// Another may take an address between our look and our write; then theirs is found at the next look.
const LOOKS_MAX: usize = 3;

/// Finds the contact that these facts speak of, or makes one. None: they name nobody, or too little to make one of.
///
/// A provider's id counts before a mail address, that before a phone number; the first that identifies somebody decides. A phone
/// number alone does not bring together people with mail addresses and names of their own: colleagues share one. Whatever else the facts
/// state is noted beside it; typed into a form it matches nobody later, so that a stranger's form cannot make a contact's future theirs.
pub fn identify(tx: &mut Tx<'_>, now: UtcTime, facts: &Facts) -> QueryResult<Option<Identified>> {
    let keys = facts.keys();
    for _ in 0..LOOKS_MAX {
        if let Some(found) = find(tx.conn(), facts, &keys)? {
            note(tx, now, found.contact, facts, &keys)?;
            return Ok(Some(found));
        }
        if !facts.may_make_one() {
            return Ok(None);
        }
        if let Some(contact) = make(tx, now, facts, &keys)? {
            return Ok(Some(Identified { contact, rule: Rule::New }));
        }
    }
    Ok(None)
}

/// Notes what is known by now of a contact whose something is already: addresses that were merely stated identify from then on, where
/// the facts are vouched for and nobody else is identified by them.
pub fn learn(tx: &mut Tx<'_>, now: UtcTime, contact: ContactId, facts: &Facts) -> QueryResult<()> {
    note(tx, now, contact, facts, &facts.keys())
}

fn find(conn: &mut Conn, facts: &Facts, keys: &[(AddressKind, String)]) -> QueryResult<Option<Identified>> {
    for (kind, value) in keys {
        let owner: Option<ContactId> = contact_addresses::table
            .filter(contact_addresses::kind.eq(kind))
            .filter(contact_addresses::value.eq(value))
            .filter(contact_addresses::is_identifying.eq(true))
            .select(contact_addresses::contact_id)
            .first(conn)
            .optional()?;
        let Some(contact) = owner else { continue };
        let rule = match kind {
            AddressKind::StripeCustomer => Rule::StripeCustomer,
            AddressKind::Email => Rule::Email,
            AddressKind::Phone if is_shared_phone(conn, facts, contact)? => continue,
            AddressKind::Phone => Rule::Phone,
        };
        return Ok(Some(Identified { contact, rule }));
    }
    Ok(None)
}

/// The facts bring a mail address, the contact has another, and their names differ: two people at one telephone.
fn is_shared_phone(conn: &mut Conn, facts: &Facts, contact: ContactId) -> QueryResult<bool> {
    if !facts.keys().iter().any(|(kind, _)| *kind == AddressKind::Email) {
        return Ok(false);
    }
    let mail: Option<i64> = contact_addresses::table
        .filter(contact_addresses::contact_id.eq(contact))
        .filter(contact_addresses::kind.eq(AddressKind::Email))
        .filter(contact_addresses::is_identifying.eq(true))
        .select(contact_addresses::id)
        .first(conn)
        .optional()?;
    let name: Option<String> = contacts::table.find(contact.0).select(contacts::name_key).first(conn)?;
    Ok(mail.is_some() && name != facts.name.as_deref().and_then(name_key))
}

/// Makes a contact. None: another took its surest address in the meantime.
fn make(tx: &mut Tx<'_>, now: UtcTime, facts: &Facts, keys: &[(AddressKind, String)]) -> QueryResult<Option<ContactId>> {
    let name = facts.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let row = (
        contacts::name.eq(name),
        contacts::name_key.eq(name.and_then(name_key)),
        contacts::is_name_vouched.eq(facts.is_vouched && name.is_some()),
        contacts::created_at.eq(now),
        contacts::updated_at.eq(now),
    );
    let contact: ContactId = diesel::insert_into(contacts::table).values(row).returning(contacts::id).get_result(tx.conn())?;
    for (place, key) in keys.iter().enumerate() {
        let is_ours = add(tx, now, (contact, key), facts, true)?;
        // Everybody takes addresses in this order, the surest first: nobody waits for one who waits for them.
        if !is_ours && place == 0 {
            diesel::delete(contacts::table.find(contact.0)).execute(tx.conn())?;
            return Ok(None);
        }
        if !is_ours {
            add(tx, now, (contact, key), facts, false)?;
        }
    }
    join_company(tx, now, contact, facts)?;
    Ok(Some(contact))
}

/// Notes what the facts state of a contact that was found.
fn note(tx: &mut Tx<'_>, now: UtcTime, contact: ContactId, facts: &Facts, keys: &[(AddressKind, String)]) -> QueryResult<()> {
    let values: Vec<&str> = keys.iter().map(|(_, value)| value.as_str()).collect();
    let known: Vec<(AddressKind, String)> = on_backend!(tx.conn(), |c| contact_addresses::table
        .filter(contact_addresses::contact_id.eq(contact))
        .filter(contact_addresses::value.eq_any(&values))
        .select((contact_addresses::kind, contact_addresses::value))
        .load(c))?;
    for key in keys.iter().filter(|key| !known.contains(key)) {
        let is_sure = facts.is_vouched && add(tx, now, (contact, key), facts, true)?;
        if !is_sure {
            add(tx, now, (contact, key), facts, false)?;
        }
    }
    if facts.is_vouched {
        for key in keys.iter().filter(|key| known.contains(key)) {
            vouch(tx, now, (contact, key), facts)?;
        }
    }
    let row: Contact = contacts::table.find(contact.0).select(Contact::as_select()).first(tx.conn())?;
    if let Some(name) = facts.name.as_deref().map(str::trim).filter(|name| !name.is_empty())
        && (row.name.is_none() || facts.is_vouched && !row.is_name_vouched)
    {
        let told = (
            contacts::name.eq(name),
            contacts::name_key.eq(name_key(name)),
            contacts::is_name_vouched.eq(facts.is_vouched),
            contacts::updated_at.eq(now),
        );
        diesel::update(contacts::table.find(contact.0)).set(told).execute(tx.conn())?;
    }
    // A domain that was merely stated beside another address says nothing about where the contact works.
    let domain_counts = facts.is_vouched
        || known.iter().any(|(kind, value)| keys.iter().any(|key| key.0 == AddressKind::Email && (*kind, value) == (key.0, &key.1)));
    if row.company_id.is_none() && domain_counts {
        join_company(tx, now, contact, facts)?;
    }
    Ok(())
}

/// Raises an address that was merely stated. Somebody else's stays theirs.
fn vouch(tx: &mut Tx<'_>, now: UtcTime, (contact, (kind, value)): (ContactId, &(AddressKind, String)), facts: &Facts) -> QueryResult<()> {
    let owner: Option<ContactId> = contact_addresses::table
        .filter(contact_addresses::kind.eq(kind))
        .filter(contact_addresses::value.eq(value))
        .filter(contact_addresses::is_identifying.eq(true))
        .select(contact_addresses::contact_id)
        .first(tx.conn())
        .optional()?;
    if owner.is_some_and(|owner| owner != contact) {
        return Ok(());
    }
    let stated = contact_addresses::table
        .filter(contact_addresses::contact_id.eq(contact))
        .filter(contact_addresses::kind.eq(kind))
        .filter(contact_addresses::value.eq(value))
        .filter(contact_addresses::is_vouched.eq(false));
    diesel::update(stated)
        .set((
            contact_addresses::is_identifying.eq(true),
            contact_addresses::is_vouched.eq(true),
            contact_addresses::told_by.eq(&facts.told_by),
            contact_addresses::told_at.eq(now),
        ))
        .execute(tx.conn())
        .map(drop)
}

/// False: it is there, with this contact or, where it identifies, with another.
fn add(
    tx: &mut Tx<'_>,
    now: UtcTime,
    (contact, (kind, value)): (ContactId, &(AddressKind, String)),
    facts: &Facts,
    is_identifying: bool,
) -> QueryResult<bool> {
    let row = (
        contact_addresses::contact_id.eq(contact),
        contact_addresses::kind.eq(kind),
        contact_addresses::value.eq(value),
        contact_addresses::is_identifying.eq(is_identifying),
        contact_addresses::is_vouched.eq(facts.is_vouched),
        contact_addresses::told_by.eq(&facts.told_by),
        contact_addresses::told_at.eq(now),
    );
    let added = on_backend!(tx.conn(), |c| diesel::insert_into(contact_addresses::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(added == 1)
}

/// Joins the company by the mail domain, else by its name as told.
pub fn join_company(tx: &mut Tx<'_>, now: UtcTime, contact: ContactId, facts: &Facts) -> QueryResult<()> {
    let domain = facts.company_domain();
    let told = facts.company.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let Some(name) = told.or(domain.as_deref()) else { return Ok(()) };
    let Some(key) = name_key(name) else { return Ok(()) };
    let row = (companies::name.eq(name), companies::name_key.eq(&key), companies::domain.eq(&domain), companies::created_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(companies::table).values(row).on_conflict_do_nothing().execute(c))?;
    let company: CompanyId = match &domain {
        Some(domain) => companies::table.filter(companies::domain.eq(domain)).select(companies::id).first(tx.conn())?,
        None => companies::table
            .filter(companies::name_key.eq(&key))
            .filter(companies::domain.is_null())
            .select(companies::id)
            .first(tx.conn())?,
    };
    let rule = if domain.is_some() { CompanyRule::Domain } else { CompanyRule::Name };
    diesel::update(contacts::table.find(contact.0))
        .set((contacts::company_id.eq(company), contacts::company_rule.eq(rule), contacts::updated_at.eq(now)))
        .execute(tx.conn())
        .map(drop)
}
