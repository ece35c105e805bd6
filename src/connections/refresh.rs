//! One refresh of an access token: taken by one process at a time, not too often, and written down before it is made.

use chrono::TimeDelta;
use serde_json::json;

use super::model::{Access, Connection, failure};
use super::queries::{self, NewToken, REFRESH_WINDOW, RefreshTicket};
use crate::app::App;
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::integrations::zoho::oauth::{self, AccessToken, Grant};
use crate::integrations::zoho::{PROVIDER, data_centers};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::random;
use crate::timeline::{self, Event};
use crate::vault::VaultError;
use crate::web::format;

/// Zoho allows 10 refreshes in 10 minutes; we allow ourselves half.
pub const REFRESHES_MAX: usize = 5;
/// A person who tries the refresh out leaves so many of them to the jobs.
const LEFT_TO_JOBS: usize = 2;
/// After a failure nobody asks again for this long.
const COOL_DOWN: TimeDelta = TimeDelta::seconds(30);

/// What came of asking to be the one that refreshes.
pub(super) enum Turn {
    Ours(RefreshTicket),
    /// Somebody else is at it, or has just done it.
    Theirs,
    /// It may not be done now; says why and for how long.
    NotNow(Failure),
}

/// Asks to be the one that refreshes, before any call is made. A person who only tries it out is named, and audited.
pub(super) async fn take_turn(app: &App, provider: &str, seen: &Connection, tried_by: Option<&Request>) -> Result<Turn, Failure> {
    let (now, by) = (app.clock.now(), format!("{}:{}", app.process_id, random::token()));
    let (seen, tried_by) = (seen.clone(), tried_by.cloned());
    let ask = move |tx: &mut Tx<'_>| {
        if !queries::take_refresh(tx, &seen, &by, now)? {
            return Ok(Turn::Theirs);
        }
        let most = if tried_by.is_some() { REFRESHES_MAX - LEFT_TO_JOBS } else { REFRESHES_MAX };
        let recent = queries::refreshes_since(tx.conn(), seen.id, seen.connected_at.max(now - REFRESH_WINDOW))?;
        if let Some(refusal) = too_often(&recent, most, now) {
            queries::release_refresh(tx, &by)?;
            return Ok(Turn::NotNow(refusal));
        }
        let refresh_id = queries::note_refresh(tx, seen.id, now)?;
        if let Some(person) = &tried_by {
            audit::record(tx, now, &trial(person))?;
        }
        Ok(Turn::Ours(RefreshTicket { refresh_id, by: by.clone() }))
    };
    app.store.write::<_, diesel::result::Error>("connections.take_refresh", provider, ask).await.map_err(|cause| own_database(&cause))
}

fn trial(by: &Request) -> Act<'_> {
    Act {
        actor: &by.actor,
        action: "connections.test_refresh",
        subject: "connection:zoho",
        line: None,
        reason: by.reason.as_deref(),
        before: None,
        after: None,
        address: by.address.as_deref(),
    }
}

/// Refreshes and stores the token. A grant that is refused for good asks for a person.
pub(super) async fn refresh(app: &App, provider: &str, seen: &Connection, ticket: RefreshTicket) -> Result<Access, Failure> {
    let grant = match grant(app, seen) {
        Ok(grant) => grant,
        Err(cause) => return Err(fail(app, provider, seen, ticket, (unreadable(&cause), false)).await),
    };
    let called = oauth::refresh(&*app.transport, &seen.accounts_url, &grant).await;
    let checked = called.result.and_then(|token| {
        let api_url = data_centers::api_url(token.api_domain.as_deref(), &seen.accounts_url, app.config.zoho.api_url.as_deref())?;
        Ok((token, api_url))
    });
    match checked {
        Ok((token, api_url)) => Ok(keep(app, provider, seen, ticket, (token, api_url)).await),
        Err(failure) => Err(fail(app, provider, seen, ticket, (failure, called.credentials_refused)).await),
    }
}

async fn keep(app: &App, provider: &str, seen: &Connection, ticket: RefreshTicket, (token, api_url): (AccessToken, String)) -> Access {
    let now = app.clock.now();
    let new = NewToken { sealed: seal(app, &token), expires_at: now + TimeDelta::seconds(token.lifetime_s), api_url: api_url.clone() };
    let store = move |tx: &mut Tx<'_>| {
        tx.touch(Topic::Connections);
        queries::finish_refresh(tx, &ticket, &new, now)
    };
    match app.store.write::<_, diesel::result::Error>("connections.finish_refresh", provider, store).await {
        Ok(true) => tracing::info!(provider, expires_in_s = token.lifetime_s, "The access token was renewed"),
        Ok(false) => tracing::warn!(provider, "The connection changed while its token was renewed; the token is used once and not kept"),
        Err(cause) => tracing::warn!(provider, error = %cause, "A new access token could not be stored; it is used once"),
    }
    Access { api_url, ..seen.access(token.token) }
}

/// Writes the failure down and answers it.
async fn fail(app: &App, provider: &str, seen: &Connection, ticket: RefreshTicket, (failure, is_final): (Failure, bool)) -> Failure {
    let (now, why) = (app.clock.now(), failure.message.clone());
    let lost = Lost { seen: seen.clone(), why: why.clone(), at: now, line: LineId::mint(now) };
    let note = move |tx: &mut Tx<'_>| {
        tx.touch(Topic::Connections);
        let is_ours = queries::fail_refresh(tx, &ticket, &why, now)?;
        Ok(is_ours && is_final && lost.mark(tx)?)
    };
    match app.store.write::<_, diesel::result::Error>("connections.fail_refresh", provider, note).await {
        Ok(true) => tracing::error!(provider, "{}. Its jobs wait until then", failure.message),
        Ok(false) => tracing::warn!(provider, "The access token could not be renewed: {}", failure.message),
        Err(cause) => tracing::warn!(provider, error = %cause, "A failed renewal could not be written down: {}", failure.message),
    }
    failure
}

/// A connection that only a person can mend.
#[derive(Clone)]
pub(super) struct Lost {
    pub seen: Connection,
    pub why: String,
    pub at: UtcTime,
    pub line: LineId,
}

impl Lost {
    /// Holds its jobs and says so on the timeline; false: it was mended or marked meanwhile.
    pub(super) fn mark(&self, tx: &mut Tx<'_>) -> diesel::QueryResult<bool> {
        if !queries::mark_needs_reconnect(tx, &self.seen, &self.why, self.at)? {
            return Ok(false);
        }
        let event = Event {
            line: &self.line,
            source: PROVIDER,
            source_event_id: self.line.as_str(),
            kind: "connection.needs_reconnect",
            subject: "connection:zoho",
            occurred_at: self.at,
            data: json!({ "why": self.why }),
        };
        tx.touch(Topic::Connections);
        timeline::record(tx, self.at, &event).map(|()| true)
    }
}

fn grant(app: &App, seen: &Connection) -> Result<Grant, VaultError> {
    Ok(Grant {
        client_id: seen.client_id.clone(),
        client_secret: app.vault.open(&seen.client_secret_sealed)?,
        refresh_token: app.vault.open(&seen.refresh_token_sealed)?,
    })
}

/// Seals an access token for its row.
pub(super) fn seal(app: &App, token: &AccessToken) -> String {
    use secrecy::ExposeSecret;
    app.vault.seal(token.token.expose_secret())
}

fn unreadable(cause: &VaultError) -> Failure {
    let message = format!(
        "The stored Zoho credentials cannot be read ({cause}): set THROUGHLINE_ENCRYPTION_KEY to the key that sealed them, or connect Zoho again"
    );
    failure(FailureClass::Authentication, message, None)
}

/// The rules about how often, from the refreshes of the last ten minutes, oldest first; `most` are allowed.
fn too_often(recent: &[(UtcTime, Option<String>)], most: usize, now: UtcTime) -> Option<Failure> {
    let wait_s = |until: UtcTime| u32::try_from((until - now).num_seconds().max(1)).unwrap_or(1);
    if let Some((at, Some(why))) = recent.last()
        && *at + COOL_DOWN > now
    {
        let message = format!("The Zoho token could not be renewed a moment ago; the next try is in {} s. {why}", wait_s(*at + COOL_DOWN));
        return Some(failure(FailureClass::RateLimited, message, Some(wait_s(*at + COOL_DOWN))));
    }
    let oldest = recent.len().checked_sub(most).and_then(|first| recent.get(first))?;
    let message = match most {
        REFRESHES_MAX => format!("The Zoho token was renewed {most} times within 10 minutes, which is as often as we allow ourselves"),
        _ => format!(
            "The Zoho token was renewed {} times within 10 minutes; the last {LEFT_TO_JOBS} of {REFRESHES_MAX} are kept for jobs. Try again in {}",
            recent.len(),
            format::duration(oldest.0 + REFRESH_WINDOW - now)
        ),
    };
    Some(failure(FailureClass::RateLimited, message, Some(wait_s(oldest.0 + REFRESH_WINDOW))))
}

/// Our own database did not answer: the provider was not called.
pub(super) fn own_database(cause: &impl std::fmt::Display) -> Failure {
    failure(FailureClass::Network, format!("Our own database did not answer, so Zoho was not called: {cause}"), None)
}
