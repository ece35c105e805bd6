//! Connecting and connecting again: the grant is tried out first, then stored with what the CRM offers, then jobs that
//! waited for it go on.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::model::{ConnectionId, ConnectionState, failure};
use super::queries::{self, NewConnection};
use super::refresh::seal;
use crate::app::App;
use crate::audit::{self, Act};
use crate::db::{ReadError, Topic, Tx, WriteError};
use crate::error::Error;
use crate::integrations::zoho::crm::{Crm, Field};
use crate::integrations::zoho::oauth::{self, AccessToken, Grant};
use crate::integrations::zoho::{Called, PROVIDER, data_centers};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::limits;
use crate::timeline::{self, Event};

/// A person waits for the answer: no call may take longer.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What is needed to connect. Client id and secret may come from the configuration instead.
#[derive(Clone, Debug)]
pub struct ConnectForm {
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub refresh_token: SecretString,
}

/// Who connects, and whether they may replace a connection that exists.
#[derive(Clone, Debug)]
pub enum Occasion {
    /// Only while no connection exists: the bearer of the cron secret.
    FirstSetUp { actor: String, address: Option<String> },
    /// An admin or the command line.
    Any { actor: String, address: Option<String> },
}

/// A connection that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    pub connection_id: ConnectionId,
    pub api_url: String,
    /// The CRM's unique field that will hold our id.
    pub external_field: Option<String>,
    /// What a person should know or do, where the CRM lacks that field.
    pub advice: Option<String>,
}

/// Why it was not connected; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The form cannot be read; says what was expected.
    #[error("{0}")]
    NotJson(String),
    /// A field that is missing from the form and from the configuration.
    #[error("{0} is missing: give it here or in the configuration")]
    Missing(&'static str),
    #[error("Zoho is connected already; an admin can connect it again, or the command line with `throughline connect zoho`")]
    AlreadyConnected,
    /// Zoho refused the grant, or could not be asked.
    #[error("{0}")]
    Refused(Failure),
    #[error("{0}")]
    Own(#[from] Error),
}

impl From<ReadError> for ConnectError {
    fn from(cause: ReadError) -> Self {
        Self::Own(Error::Unavailable(format!("the database could not be read: {cause}")))
    }
}

/// Tries the grant out by refreshing it and reading the CRM's fields, then stores it. Jobs that were held go on.
pub async fn connect(app: &App, form: ConnectForm, occasion: Occasion) -> Result<Connected, ConnectError> {
    let grant = complete(app, form)?;
    if matches!(occasion, Occasion::FirstSetUp { .. }) && exists(app).await? {
        return Err(ConnectError::AlreadyConnected);
    }
    let accounts_url = app.config.zoho.accounts_url.trim_end_matches('/').to_owned();
    let token = in_time(oauth::refresh(&*app.transport, &accounts_url, &grant)).await.map_err(ConnectError::Refused)?;
    let api_url = data_centers::api_url(token.api_domain.as_deref(), &accounts_url, app.config.zoho.api_url.as_deref());
    let api_url = api_url.map_err(ConnectError::Refused)?;
    // The accounts server's own limit is kept where tokens are renewed; this call is the CRM's.
    limits::ask(app, PROVIDER, &super::zoho_limits(&app.config), 1).await?;
    let fields = in_time(Crm::new(&*app.transport, &api_url, &token.token).lead_fields())
        .await
        .map_err(|failure| ConnectError::Refused(fields_unread(failure)))?;
    let (external_field, advice) = external_field(&fields, &app.config.zoho.external_field);
    let row = row(app, &grant, &token, Place { accounts_url, api_url: api_url.clone(), external_field: external_field.clone() });
    let connection_id = store(app, row, occasion).await?;
    tracing::info!(provider = PROVIDER, external_field, "Zoho is connected");
    Ok(Connected { connection_id, api_url, external_field, advice })
}

fn complete(app: &App, form: ConnectForm) -> Result<Grant, ConnectError> {
    let given = |text: &String| !text.trim().is_empty();
    Ok(Grant {
        client_id: form.client_id.filter(given).or_else(|| app.config.zoho.client_id.clone()).ok_or(ConnectError::Missing("client_id"))?,
        client_secret: form
            .client_secret
            .filter(|secret| !secret.expose_secret().is_empty())
            .or_else(|| app.config.zoho.client_secret.clone())
            .ok_or(ConnectError::Missing("client_secret"))?,
        refresh_token: Some(form.refresh_token)
            .filter(|token| !token.expose_secret().is_empty())
            .ok_or(ConnectError::Missing("refresh_token"))?,
    })
}

async fn exists(app: &App) -> Result<bool, ReadError> {
    app.store.read(|conn| queries::find(conn, PROVIDER).map(|found| found.is_some()).map_err(ReadError::from)).await
}

async fn in_time<T>(call: impl Future<Output = Called<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(called) => called.result,
        Err(_) => Err(failure(FailureClass::Network, format!("Zoho did not answer within {} s", CALL_TIMEOUT.as_secs()), None)),
    }
}

fn fields_unread(failure: Failure) -> Failure {
    let message = format!(
        "The grant works, but the CRM's fields could not be read (scopes ZohoCRM.modules.leads.ALL, ZohoCRM.modules.notes.ALL, ZohoCRM.settings.fields.READ and ZohoCRM.coql.READ are needed): {}",
        failure.message
    );
    Failure { message, ..failure }
}

/// The unique field that holds our id, or what to do about its absence.
fn external_field(fields: &[Field], wanted: &str) -> (Option<String>, Option<String>) {
    let without = "Until then a lead whose answer from Zoho is lost waits for a person.";
    match fields.iter().find(|field| field.api_name == wanted) {
        Some(field) if field.is_unique => (Some(field.api_name.clone()), None),
        Some(_) => (
            None,
            Some(format!(
                "The field {wanted} of Leads allows duplicate values: mark it \"Do not allow duplicate values\" in Zoho and connect again. {without}"
            )),
        ),
        None => {
            let advice = format!(
                "Leads have no field {wanted}: add a single-line field with that API name and \"Do not allow duplicate values\" in Zoho, then connect again. {without}"
            );
            (None, Some(advice))
        }
    }
}

/// Where calls go, and what is there.
struct Place {
    accounts_url: String,
    api_url: String,
    external_field: Option<String>,
}

fn row(app: &App, grant: &Grant, token: &AccessToken, place: Place) -> NewConnection {
    let now = app.clock.now();
    NewConnection {
        provider: PROVIDER,
        state: ConnectionState::Connected,
        state_reason: None,
        accounts_url: place.accounts_url,
        api_url: place.api_url,
        client_id: grant.client_id.clone(),
        client_secret_sealed: app.vault.seal(grant.client_secret.expose_secret()),
        refresh_token_sealed: app.vault.seal(grant.refresh_token.expose_secret()),
        access_token_sealed: Some(seal(app, token)),
        access_expires_at: Some(now + TimeDelta::seconds(token.lifetime_s)),
        refreshing_until: None,
        refreshing_by: None,
        external_field: place.external_field,
        connected_at: now,
        connected_by: String::new(),
        failures_in_a_row: 0,
        blocked_until: None,
        blocked_reason: None,
        probe_backoff_s: 0,
        last_error: None,
        last_error_at: None,
        updated_at: now,
    }
}

async fn store(app: &App, mut row: NewConnection, occasion: Occasion) -> Result<ConnectionId, ConnectError> {
    let (is_first, actor, address) = match occasion {
        Occasion::FirstSetUp { actor, address } => (true, actor, address),
        Occasion::Any { actor, address } => (false, actor, address),
    };
    row.connected_by.clone_from(&actor);
    let line = LineId::mint(row.connected_at);
    let change = move |tx: &mut Tx<'_>| {
        let before = queries::find(tx.conn(), PROVIDER)?;
        let stored = if is_first { queries::insert_first(tx, &row)? } else { Some(queries::upsert(tx, &row)?) };
        let Some(id) = stored else { return Ok(None) };
        queries::note_refresh(tx, id, row.connected_at)?;
        let after = json!({ "client_id": row.client_id, "api_url": row.api_url, "external_field": row.external_field });
        let act = Act {
            actor: &actor,
            action: if before.is_some() { "connections.reconnect" } else { "connections.connect" },
            subject: "connection:zoho",
            line: Some(&line),
            reason: None,
            before: before.map(|before| json!({ "client_id": before.client_id, "api_url": before.api_url, "external_field": before.external_field, "state": before.state })),
            after: Some(after.clone()),
            address: address.as_deref(),
        };
        audit::record(tx, row.connected_at, &act)?;
        let event = Event {
            line: &line,
            source: "staff",
            source_event_id: line.as_str(),
            kind: "connection.connected",
            subject: "connection:zoho",
            occurred_at: row.connected_at,
            data: after,
        };
        timeline::record(tx, row.connected_at, &event)?;
        tx.touch(Topic::Connections);
        tx.touch(Topic::Jobs);
        Ok(Some(id))
    };
    let written: Result<_, WriteError<Error>> = app.store.write("connections.connect", PROVIDER, change).await;
    written.map_err(Error::from)?.ok_or(ConnectError::AlreadyConnected)
}
