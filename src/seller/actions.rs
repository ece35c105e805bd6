//! What admins may do: save the profile, set or remove the logo. Each leaves an audit row with what was before and after.

use serde_json::{Value, json};

use super::model::{Logo, Picture, Profile};
use super::queries;
use crate::audit::{self, Act};
use crate::config::Config;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::outbox::admin::Request;

const SUBJECT: &str = "seller";

/// Saves the profile, if `version` is still the one that was shown.
pub fn save(tx: &mut Tx<'_>, config: &Config, new: &Profile, version: i64, by: &Request) -> Result<()> {
    let before = queries::current(tx.conn(), config)?;
    if !queries::replace(tx, by.now, new, version)? {
        return Err(Error::Conflict("Somebody else has saved these settings since you opened them".into()));
    }
    note(tx, "seller.edit", (told(&before.profile), told(new)), by)
}

/// Sets the logo.
pub fn set_logo(tx: &mut Tx<'_>, config: &Config, picture: &Picture, by: &Request) -> Result<()> {
    let before = queries::current(tx.conn(), config)?;
    queries::replace_logo(tx, by.now, picture)?;
    note(tx, "seller.set_logo", (told_of_logo(before.logo.as_ref()), told_of_logo(Some(&picture.logo))), by)
}

/// Removes the logo.
pub fn remove_logo(tx: &mut Tx<'_>, config: &Config, by: &Request) -> Result<()> {
    let before = queries::current(tx.conn(), config)?;
    if !queries::remove_logo(tx)? {
        return Err(Error::Conflict("There is no logo; somebody else was faster".into()));
    }
    note(tx, "seller.remove_logo", (told_of_logo(before.logo.as_ref()), told_of_logo(None)), by)
}

fn note(tx: &mut Tx<'_>, action: &'static str, (before, after): (Value, Value), by: &Request) -> Result<()> {
    let act = Act {
        actor: &by.actor,
        action,
        subject: SUBJECT,
        line: None,
        reason: by.reason.as_deref(),
        before: Some(before),
        after: Some(after),
        address: by.address.as_deref(),
    };
    Ok(audit::record(tx, by.now, &act)?)
}

fn told(profile: &Profile) -> Value {
    json!({
        "name": profile.name, "zone": profile.zone.name(), "currency": profile.currency.code(), "languages": profile.languages,
        "privacy_url": profile.privacy_url, "staff_emails": profile.staff_emails, "email": profile.email, "phone": profile.phone,
        "postal_address": profile.postal_address,
    })
}

fn told_of_logo(logo: Option<&Logo>) -> Value {
    json!({ "logo": logo.map(|logo| json!({ "kind": logo.kind, "width_px": logo.width_px, "height_px": logo.height_px, "digest": logo.digest })) })
}
