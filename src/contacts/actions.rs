//! What staff do about a contact or a company: leave a note, confirm an address. The event, its place in the timeline and the audit row
//! are one transaction.

use serde_json::{Value, json};

use crate::audit::{self, Act};
use crate::db::Tx;
use crate::error::Result;
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::people::{ContactId, Owner, confirm_queries, queries};
use crate::timeline::links::{self, Linked};
use crate::timeline::{self, Event};

/// The longest note, in characters.
pub const NOTE_MAX: usize = 4_000;

/// A note as typed; Err: what is wrong with it.
pub fn parse_note(text: &str) -> std::result::Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("Write something: the note is empty.".into()),
        count if count > NOTE_MAX => Err(format!("The note has {count} characters; {NOTE_MAX} are the limit. Make two of it.")),
        _ => Ok(text.to_owned()),
    }
}

/// Adds a note to a contact or a company.
pub fn add_note(tx: &mut Tx<'_>, owner: Owner, line: &LineId, text: &str, by: &Request) -> Result<()> {
    queries::require(tx.conn(), owner)?;
    let told = Told { kind: "note.added", action: "contacts.note", data: json!({ "text": text, "by": by.actor }), before: None };
    tell(tx, owner, line, told, by)
}

/// Has an address that was merely stated identify its contact.
pub fn confirm_address(tx: &mut Tx<'_>, contact: ContactId, address: i64, line: &LineId, by: &Request) -> Result<()> {
    let confirmed = confirm_queries::confirm(tx, by.now, contact, address, &by.actor)?;
    let told = Told {
        kind: "address.confirmed",
        action: "contacts.confirm_address",
        data: json!({ "text": confirmed.value, "address": address, "address_kind": confirmed.kind, "by": by.actor }),
        before: Some(json!({ "is_identifying": false, "told_by": confirmed.told_by })),
    };
    tell(tx, Owner::Contact(contact), line, told, by)
}

/// An act in the timeline and in the audit.
struct Told {
    kind: &'static str,
    action: &'static str,
    data: Value,
    before: Option<Value>,
}

fn tell(tx: &mut Tx<'_>, owner: Owner, line: &LineId, told: Told, by: &Request) -> Result<()> {
    let owner = &owner.subject();
    let event = Event {
        line,
        source: "staff",
        source_event_id: line.as_str(),
        kind: told.kind,
        subject: owner,
        occurred_at: by.now,
        data: told.data.clone(),
    };
    let event_id = timeline::record_now(tx, by.now, &event)?;
    links::link(tx, owner, Linked { event_id, occurred_at: by.now, source: "staff", kind: told.kind })?;
    let act = Act {
        actor: &by.actor,
        action: told.action,
        subject: owner,
        line: Some(line),
        reason: None,
        before: told.before,
        after: Some(told.data),
        address: by.address.as_deref(),
    };
    Ok(audit::record(tx, by.now, &act)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_neither_empty_nor_endless() {
        assert_eq!(parse_note("  Prefers calls \n"), Ok("Prefers calls".into()));
        assert!(parse_note(" \n ").is_err() && parse_note(&"x".repeat(NOTE_MAX + 1)).is_err());
        assert!(parse_note(&"é".repeat(NOTE_MAX)).is_ok(), "characters, not bytes");
    }
}
