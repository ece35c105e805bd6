//! What a connection is, and the rules about its token. No database in here.

use chrono::TimeDelta;
use diesel::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use crate::clock::UtcTime;
use crate::db::schema::connections;
use crate::db::{id_type, text_enum};
use crate::integrations::zoho::crm::Organisation;
use crate::integrations::{Failure, FailureClass};
use crate::vault::Vault;

/// A token is renewed this long before it ends.
pub const RENEWED_BEFORE: TimeDelta = TimeDelta::minutes(5);

id_type! {
    /// A row of `connections`.
    pub struct ConnectionId;
}

text_enum! {
    /// Whether a connection can be used.
    pub enum ConnectionState {
        Connected => "connected",
        /// The provider no longer accepts it: a person must connect again, and its jobs wait for that.
        NeedsReconnect => "needs_reconnect",
        Disconnected => "disconnected",
    }
}

/// What a call to the provider needs.
#[derive(Clone, Debug)]
pub struct Access {
    pub token: SecretString,
    pub api_url: String,
    pub connection_id: ConnectionId,
    /// The CRM's unique field that holds our id; None: it has none, so a lost answer stays uncertain.
    pub external_field: Option<String>,
}

/// A connection for people: what the overview says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub provider: String,
    pub state: ConnectionState,
    /// Why it needs a person, in words.
    pub state_reason: Option<String>,
    pub connected_at: UtcTime,
    /// `user:3`, `cli`, `cron`.
    pub connected_by: String,
    pub external_field: Option<String>,
    /// When the present token was given out.
    pub token_refreshed_at: Option<UtcTime>,
    pub token_expires_at: Option<UtcTime>,
    pub last_success_at: Option<UtcTime>,
    /// The last failure, in words.
    pub last_error: Option<String>,
    pub last_error_at: Option<UtcTime>,
    /// Calls wait until then.
    pub blocked_until: Option<UtcTime>,
    pub blocked_reason: Option<String>,
}

/// The row, as far as its own page needs more than the summary.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = connections)]
pub(super) struct Detail {
    pub accounts_url: String,
    pub api_url: String,
    pub client_id: String,
    pub organisation_id: Option<String>,
    pub organisation_name: Option<String>,
    /// By spaces, as the provider told them; None: it does not say.
    pub scopes: Option<String>,
}

/// The row, as far as custody needs it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = connections)]
pub(super) struct Connection {
    pub id: ConnectionId,
    pub state: ConnectionState,
    pub state_reason: Option<String>,
    pub accounts_url: String,
    pub api_url: String,
    pub client_id: String,
    pub client_secret_sealed: String,
    pub refresh_token_sealed: String,
    pub access_token_sealed: Option<String>,
    pub access_expires_at: Option<UtcTime>,
    pub external_field: Option<String>,
    pub connected_at: UtcTime,
    pub organisation_id: Option<String>,
    pub organisation_name: Option<String>,
}

impl Connection {
    /// Whose account it is for, where that is known.
    pub(super) fn organisation(&self) -> Option<Organisation> {
        let id = self.organisation_id.clone()?;
        Some(Organisation { name: self.organisation_name.clone().unwrap_or_default(), id })
    }

    /// The stored token, where it lives long enough not to end during a call and was not refused before.
    pub(super) fn fresh_access(&self, vault: &Vault, now: UtcTime, rejected: Option<&SecretString>) -> Option<Access> {
        self.access_until(vault, now + RENEWED_BEFORE, rejected)
    }

    /// The stored token as long as it is valid at all: better than none while it cannot be renewed.
    pub(super) fn old_access(&self, vault: &Vault, now: UtcTime, rejected: Option<&SecretString>) -> Option<Access> {
        self.access_until(vault, now, rejected)
    }

    /// What a call needs, with this token.
    pub(super) fn access(&self, token: SecretString) -> Access {
        Access { token, api_url: self.api_url.clone(), connection_id: self.id, external_field: self.external_field.clone() }
    }

    fn access_until(&self, vault: &Vault, at: UtcTime, rejected: Option<&SecretString>) -> Option<Access> {
        self.access_expires_at.filter(|ends_at| *ends_at > at)?;
        let token = vault.open(self.access_token_sealed.as_deref()?).ok()?;
        let is_rejected = rejected.is_some_and(|rejected| rejected.expose_secret() == token.expose_secret());
        (!is_rejected).then(|| self.access(token))
    }
}

/// A failure of the connection as such: no record is at fault, and nothing was sent on its behalf.
pub(super) fn failure(class: FailureClass, message: String, retry_after_s: Option<u32>) -> Failure {
    Failure::of_call(class, message).waiting_s(retry_after_s)
}
