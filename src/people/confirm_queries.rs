//! An address that was merely stated, confirmed by somebody who knows: from then on it identifies its contact. What was linked before
//! stays where it is.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DbError};

use super::identify_queries::join_company;
use super::model::{Address, AddressKind, Contact, ContactId, Facts};
use crate::clock::UtcTime;
use crate::db::schema::{contact_addresses, contacts};
use crate::db::{Conn, Topic, Tx};
use crate::error::{Error, Result};

/// Has an address identify the contact that stated it. Refused where it identifies another: the unique index decides between two who
/// confirm it at once.
pub fn confirm(tx: &mut Tx<'_>, now: UtcTime, contact: ContactId, address: i64, by: &str) -> Result<Address> {
    let found = address_of(tx.conn(), contact, address)?.ok_or(Error::NotFound("address"))?;
    if found.is_identifying {
        return Err(Error::Conflict(format!("{} identifies this contact already.", found.value)));
    }
    if let Some(owner) = owner_of(tx.conn(), &found)? {
        let name = name(tx.conn(), owner)?;
        return Err(Error::Conflict(format!(
            "{} identifies {name} already, and can identify one contact only. Two contacts cannot be made one yet: write to them there.",
            found.value
        )));
    }
    let confirmed =
        (contact_addresses::is_identifying.eq(true), contact_addresses::confirmed_by.eq(by), contact_addresses::confirmed_at.eq(now));
    match diesel::update(contact_addresses::table.find(address)).set(confirmed).execute(tx.conn()) {
        Err(DbError::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            return Err(Error::Conflict(format!("{} was just found to be another contact's.", found.value)));
        }
        other => other?,
    };
    // The domain of an address that is surely theirs says where they work.
    let row: Contact = contacts::table.find(contact.0).select(Contact::as_select()).first(tx.conn())?;
    if found.kind == AddressKind::Email && row.company_id.is_none() {
        join_company(tx, now, contact, &Facts { email: Some(found.value.clone()), ..Facts::default() })?;
    }
    tx.touch(Topic::People);
    Ok(found)
}

fn address_of(conn: &mut Conn, contact: ContactId, address: i64) -> QueryResult<Option<Address>> {
    let this = contact_addresses::table.find(address).filter(contact_addresses::contact_id.eq(contact));
    this.select(Address::as_select()).first(conn).optional()
}

/// Whom the same address identifies.
fn owner_of(conn: &mut Conn, address: &Address) -> QueryResult<Option<ContactId>> {
    contact_addresses::table
        .filter(contact_addresses::kind.eq(address.kind))
        .filter(contact_addresses::value.eq(&address.value))
        .filter(contact_addresses::is_identifying.eq(true))
        .select(contact_addresses::contact_id)
        .first(conn)
        .optional()
}

/// `Ada Lovelace (contact 7)`
fn name(conn: &mut Conn, id: ContactId) -> QueryResult<String> {
    let name: Option<String> = contacts::table.find(id.0).select(contacts::name).first(conn)?;
    Ok(name.map_or_else(|| format!("contact {id}"), |name| format!("{name} (contact {id})")))
}
