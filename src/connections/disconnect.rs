//! Disconnecting: its jobs are held at once, then the grant is revoked at the provider and forgotten here.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::connect::in_time;
use super::model::{Connection, ConnectionState};
use super::queries;
use crate::app::App;
use crate::audit::{self, Act};
use crate::db::{Topic, Tx, WriteError};
use crate::error::{Error, Result};
use crate::integrations::zoho::{PROVIDER, oauth};
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::timeline::{self, Event};

/// What became of the grant at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is over there too.
    Yes,
    /// The provider could not be asked, for this reason: somebody should remove it there.
    No(String),
}

/// Disconnects Zoho. Whatever becomes of the call to it, nothing is sent from the first moment on.
pub async fn disconnect(app: &App, by: &Request) -> Result<Revoked> {
    let (who, at) = (by.clone(), by.now);
    let hold = move |tx: &mut Tx<'_>| -> Result<Connection> {
        let before = queries::lock(tx, PROVIDER)?.filter(|before| before.state != ConnectionState::Disconnected);
        let Some(before) = before else {
            return Err(Error::Conflict("Zoho is not connected; someone else may have disconnected it.".into()));
        };
        queries::mark_disconnected(tx, before.id, at)?;
        let act = Act {
            actor: &who.actor,
            action: "connections.disconnect",
            subject: "connection:zoho",
            line: None,
            reason: who.reason.as_deref(),
            before: Some(json!({ "state": before.state, "client_id": before.client_id, "organisation": before.organisation_name })),
            after: Some(json!({ "state": ConnectionState::Disconnected })),
            address: who.address.as_deref(),
        };
        audit::record(tx, at, &act)?;
        tx.touch(Topic::Connections);
        tx.touch(Topic::Jobs);
        Ok(before)
    };
    let held: Result<Connection, WriteError<Error>> = app.store.write("connections.disconnect", PROVIDER, hold).await;
    let before = held?;
    let revoked = revoke(app, &before).await;
    forget(app, &before, &revoked).await?;
    tracing::info!(provider = PROVIDER, is_revoked = revoked == Revoked::Yes, "Zoho was disconnected; its jobs are kept and wait");
    Ok(revoked)
}

async fn revoke(app: &App, before: &Connection) -> Revoked {
    let token = match app.vault.open(&before.refresh_token_sealed) {
        Ok(token) => token,
        Err(cause) => return Revoked::No(format!("our copy of the grant cannot be read ({cause})")),
    };
    if token.expose_secret().is_empty() {
        return Revoked::Yes;
    }
    match in_time(oauth::revoke(&*app.transport, &before.accounts_url, &token)).await {
        Ok(()) => Revoked::Yes,
        Err(failure) => Revoked::No(failure.message),
    }
}

async fn forget(app: &App, before: &Connection, revoked: &Revoked) -> Result<()> {
    let (now, line) = (app.clock.now(), LineId::mint(app.clock.now()));
    let nothing = app.vault.seal(SecretString::default().expose_secret());
    let reason = match revoked {
        Revoked::Yes => "The grant was revoked at Zoho.".to_owned(),
        Revoked::No(why) => format!("The grant is still known at Zoho, so remove it there: {why}"),
    };
    let (before, is_revoked) = (before.clone(), *revoked == Revoked::Yes);
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        queries::forget_tokens(tx, &before, &nothing, &reason, now)?;
        let event = Event {
            line: &line,
            source: "staff",
            source_event_id: line.as_str(),
            kind: "connection.disconnected",
            subject: "connection:zoho",
            occurred_at: now,
            data: json!({ "revoked": is_revoked }),
        };
        tx.touch(Topic::Connections);
        Ok(timeline::record(tx, now, &event)?)
    };
    let written: Result<(), WriteError<Error>> = app.store.write("connections.forget_tokens", PROVIDER, write).await;
    Ok(written?)
}
