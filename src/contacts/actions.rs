//! What staff do about a contact or a company: leave a note. The event, its place in the timeline and the audit row are one transaction.

use serde_json::json;

use crate::audit::{self, Act};
use crate::db::Tx;
use crate::error::Result;
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::people::{Owner, queries};
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
    let owner = &owner.subject();
    let event = Event {
        line,
        source: "staff",
        source_event_id: line.as_str(),
        kind: "note.added",
        subject: owner,
        occurred_at: by.now,
        data: json!({ "text": text, "by": by.actor }),
    };
    let event_id = timeline::record_now(tx, by.now, &event)?;
    links::link(tx, owner, Linked { event_id, occurred_at: by.now, source: "staff", kind: "note.added" })?;
    let act = Act {
        actor: &by.actor,
        action: "contacts.note",
        subject: owner,
        line: Some(line),
        reason: None,
        before: None,
        after: Some(json!({ "text": text })),
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
