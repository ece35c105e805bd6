//! Who is told of new leads: users who asked for it, and the seller's staff addresses.

use std::collections::BTreeSet;

use diesel::QueryResult;

use super::model::{Reader, When, time_of_day};
use crate::accounts::{self, NewLeadMails};
use crate::db::Conn;
use crate::mail::Party;

/// Everybody who is told, each address once: a user's own choice goes before a staff address.
pub fn all(conn: &mut Conn, staff_addresses: &[String]) -> QueryResult<Vec<Reader>> {
    let mut seen = BTreeSet::new();
    let mut readers = Vec::new();
    for choice in accounts::mail_choices(conn)? {
        // Somebody who wants none gets none by way of the seller's list either.
        if !seen.insert(choice.email.to_lowercase()) {
            continue;
        }
        let when = match choice.new_leads {
            NewLeadMails::Off => continue,
            NewLeadMails::AtOnce => When::AtOnce,
            NewLeadMails::Daily => When::Daily(time_of_day(&choice.daily_at)),
        };
        readers.push(Reader {
            key: format!("user:{}", choice.user),
            party: Party { name: Some(choice.name), address: choice.email },
            when,
            since: Some(choice.since),
        });
    }
    for address in staff_addresses {
        if seen.insert(address.to_lowercase()) {
            let key = format!("address:{}", address.to_lowercase());
            readers.push(Reader { key, party: Party { name: None, address: address.clone() }, when: When::AtOnce, since: None });
        }
    }
    Ok(readers)
}

/// The one of this key, if they are told at all.
pub fn find(conn: &mut Conn, staff_addresses: &[String], key: &str) -> QueryResult<Option<Reader>> {
    Ok(all(conn, staff_addresses)?.into_iter().find(|reader| reader.key == key))
}
