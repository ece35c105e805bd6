//! The one thing that can be done with a wording: replacing it by another version.

use serde_json::json;

use super::{Wording, queries};
use crate::audit::{self, Act};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::outbox::admin::Request;
use crate::seller::Language;

/// Makes a new version, if `seen` is still the newest; the earlier ones stay.
pub fn replace(tx: &mut Tx<'_>, language: Language, text: &str, seen: i64, by: &Request) -> Result<Wording> {
    let before = queries::current(tx.conn(), language)?;
    let new = Wording { language, version: seen + 1, text: text.to_owned(), created_at: by.now, created_by: by.actor.clone() };
    if before.version != seen || !queries::insert(tx, &new)? {
        return Err(Error::Conflict(
            "Somebody else has changed this wording since you opened it. Theirs is shown now; yours was not saved".into(),
        ));
    }
    let act = Act {
        actor: &by.actor,
        action: "consent.replace",
        subject: &format!("consent:{}", new.name()),
        line: None,
        reason: by.reason.as_deref(),
        before: Some(json!({ "name": before.name(), "wording": before.text })),
        after: Some(json!({ "name": new.name(), "wording": new.text })),
        address: by.address.as_deref(),
    };
    audit::record(tx, by.now, &act)?;
    Ok(new)
}
