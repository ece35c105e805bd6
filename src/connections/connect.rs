//! Connecting and connecting again: the grant is tried out first, then stored with what the CRM offers, then jobs that
//! waited for it go on.

use std::time::Duration;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::configured_queries;
use super::crm_fields::{self, Verdict};
use super::inspect::{Inspected, Need, inspect};
use super::model::{Connection, ConnectionId, ConnectionState, failure};
use super::queries::{self, NewConnection};
use super::refresh::seal;
use crate::app::App;
use crate::audit::{self, Act};
use crate::db::{ReadError, Topic, Tx, WriteError};
use crate::error::Error;
use crate::integrations::zoho::books::PROVIDER as BOOKS;
use crate::integrations::zoho::crm::Organisation;
use crate::integrations::zoho::oauth::{self, AccessToken, Grant};
use crate::integrations::zoho::scopes::Scope;
use crate::integrations::zoho::{Called, PROVIDER};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::timeline::{self, Event};

/// A person waits for the answer: no call may take longer.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What is needed to connect. Client id and secret may come from the configuration instead.
#[derive(Clone, Debug)]
pub struct ConnectForm {
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    pub refresh_token: SecretString,
}

/// Who connects, and what they may replace.
#[derive(Clone, Debug)]
pub enum Occasion {
    /// Only while no connection exists: the bearer of the cron secret.
    FirstSetUp { actor: String, address: Option<String> },
    /// An admin with a grant of their own making, or the command line.
    Any { actor: String, address: Option<String> },
    /// An admin who has signed in at the provider: for the organisation that is connected, or the one they chose to move to.
    SignIn { actor: String, address: Option<String>, move_to: Option<String> },
}

impl Occasion {
    fn who(&self) -> (&str, Option<&str>) {
        match self {
            Self::FirstSetUp { actor, address } | Self::Any { actor, address } | Self::SignIn { actor, address, .. } => {
                (actor, address.as_deref())
            }
        }
    }

    /// Whether the grant of one organisation may take the place of another's.
    fn allows(&self, before: &Connection, organisation: Option<&str>) -> bool {
        match self {
            Self::SignIn { move_to, .. } => {
                organisation.is_some() && (before.organisation_id.as_deref() == organisation || move_to.as_deref() == organisation)
            }
            Self::FirstSetUp { .. } | Self::Any { .. } => true,
        }
    }
}

/// A grant that is to be tried out and kept.
pub(super) struct Candidate {
    pub grant: Grant,
    pub token: AccessToken,
    pub accounts_url: String,
}

/// A connection that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    pub connection_id: ConnectionId,
    pub api_url: String,
    /// Whose account it is, where the grant may ask.
    pub organisation: Option<Organisation>,
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
    /// The grant does not allow everything that is needed.
    #[error("these permissions are missing: {}", .0.iter().map(|scope| scope.name).collect::<Vec<_>>().join(", "))]
    MissingScopes(Vec<Scope>),
    /// The sign-in was for another organisation than the one that is connected.
    #[error("the sign-in was for another organisation")]
    OtherOrganisation { connected: Option<Organisation>, found: Organisation },
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
    try_and_keep(app, Candidate { grant, token, accounts_url }, occasion).await
}

/// Tries out what a fresh token may do, then stores the grant.
pub(super) async fn try_and_keep(app: &App, candidate: Candidate, occasion: Occasion) -> Result<Connected, ConnectError> {
    let need = if matches!(occasion, Occasion::SignIn { .. }) { Need::Everything } else { Need::Delivery };
    let inspected = inspect(app, &candidate, need).await?;
    let (external_field, advice) = match Verdict::of(&inspected.fields, &app.config.zoho.external_field) {
        Verdict::Unique => (Some(app.config.zoho.external_field.clone()), None),
        lacking => (None, Some(lacking.advice(&app.config.zoho.external_field))),
    };
    let (api_url, organisation) = (inspected.api_url.clone(), inspected.organisation.clone());
    let connection_id = keep(app, row(app, &candidate, &inspected, external_field.clone()), inspected, occasion).await?;
    tracing::info!(provider = PROVIDER, external_field, "Zoho is connected");
    Ok(Connected { connection_id, api_url, organisation, external_field, advice })
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

/// A call that a person waits for.
pub(super) async fn in_time<T>(call: impl Future<Output = Called<T>>) -> Result<T, Failure> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(called) => called.result,
        Err(_) => Err(failure(FailureClass::Network, format!("Zoho did not answer within {} s", CALL_TIMEOUT.as_secs()), None)),
    }
}

fn row(app: &App, candidate: &Candidate, inspected: &Inspected, external_field: Option<String>) -> NewConnection {
    let (now, grant, token) = (app.clock.now(), &candidate.grant, &candidate.token);
    NewConnection {
        provider: PROVIDER,
        state: ConnectionState::Connected,
        state_reason: None,
        accounts_url: candidate.accounts_url.clone(),
        api_url: inspected.api_url.clone(),
        client_id: grant.client_id.clone(),
        client_secret_sealed: app.vault.seal(grant.client_secret.expose_secret()),
        refresh_token_sealed: app.vault.seal(grant.refresh_token.expose_secret()),
        access_token_sealed: Some(seal(app, token)),
        access_expires_at: Some(now + TimeDelta::seconds(token.lifetime_s)),
        refreshing_until: None,
        refreshing_by: None,
        external_field,
        connected_at: now,
        connected_by: String::new(),
        failures_in_a_row: 0,
        blocked_until: None,
        blocked_reason: None,
        probe_backoff_s: 0,
        last_error: None,
        last_error_at: None,
        updated_at: now,
        organisation_id: inspected.organisation.as_ref().map(|organisation| organisation.id.clone()),
        organisation_name: inspected.organisation.as_ref().map(|organisation| organisation.name.clone()),
        scopes: token.scopes.as_ref().map(|scopes| scopes.join(" ")),
    }
}

/// What the writer made of it.
enum Kept {
    Stored(ConnectionId),
    AlreadyConnected,
    OtherOrganisation(Option<Organisation>),
}

async fn keep(app: &App, mut row: NewConnection, inspected: Inspected, occasion: Occasion) -> Result<ConnectionId, ConnectError> {
    row.connected_by = occasion.who().0.to_owned();
    let fields = crm_fields::to_json(&inspected.fields);
    let change = move |tx: &mut Tx<'_>| {
        let before = queries::lock(tx, PROVIDER)?;
        // Decided here: nobody connects another organisation between the look and the change.
        if let Some(before) = before.as_ref().filter(|before| !occasion.allows(before, row.organisation_id.as_deref())) {
            return Ok(Kept::OtherOrganisation(before.organisation()));
        }
        // Where none was seen there is no row to lock: of two that connect at once the second finds the first.
        let is_first = match &occasion {
            Occasion::FirstSetUp { .. } => true,
            Occasion::SignIn { .. } => before.is_none(),
            Occasion::Any { .. } => false,
        };
        let stored = if is_first { queries::insert_first(tx, &row)? } else { Some(queries::upsert(tx, &row)?) };
        let Some(id) = stored else { return Ok(Kept::AlreadyConnected) };
        queries::note_refresh(tx, id, row.connected_at)?;
        crm_fields::queries::keep(tx, id, &fields, row.connected_at)?;
        // Booking hangs on the same grant.
        configured_queries::release_held(tx, BOOKS, row.connected_at)?;
        record(tx, &row, before.as_ref(), occasion.who())?;
        tx.touch(Topic::Connections);
        tx.touch(Topic::Jobs);
        Ok(Kept::Stored(id))
    };
    let written: Result<_, WriteError<Error>> = app.store.write("connections.connect", PROVIDER, change).await;
    match written.map_err(Error::from)? {
        Kept::Stored(id) => Ok(id),
        Kept::AlreadyConnected => Err(ConnectError::AlreadyConnected),
        Kept::OtherOrganisation(connected) => {
            let found = inspected.organisation.unwrap_or_else(|| Organisation { id: String::new(), name: String::new() });
            Err(ConnectError::OtherOrganisation { connected, found })
        }
    }
}

/// The act and the event of a connection that was made or renewed.
fn record(tx: &mut Tx<'_>, row: &NewConnection, before: Option<&Connection>, (actor, address): (&str, Option<&str>)) -> Result<(), Error> {
    let after = json!({
        "client_id": row.client_id, "api_url": row.api_url, "external_field": row.external_field, "organisation_id": row.organisation_id,
        "organisation": row.organisation_name,
    });
    let told = |before: &Connection| {
        json!({
            "client_id": before.client_id, "api_url": before.api_url, "external_field": before.external_field,
            "organisation_id": before.organisation_id, "organisation": before.organisation_name, "state": before.state,
        })
    };
    let action = if before.is_some() { "connections.reconnect" } else { "connections.connect" };
    let by = Request { actor: actor.to_owned(), reason: None, address: address.map(str::to_owned), now: row.connected_at };
    record_connected(tx, ("connection:zoho", action), (before.map(told), after), &by)
}

/// The act and the event of a connection that stands from now on, with what was before and after.
pub(super) fn record_connected(
    tx: &mut Tx<'_>,
    (subject, action): (&'static str, &'static str),
    (before, after): (Option<Value>, Value),
    by: &Request,
) -> Result<(), Error> {
    let line = LineId::mint(by.now);
    let act = Act {
        actor: &by.actor,
        action,
        subject,
        line: Some(&line),
        reason: by.reason.as_deref(),
        before,
        after: Some(after.clone()),
        address: by.address.as_deref(),
    };
    audit::record(tx, by.now, &act)?;
    let event = Event {
        line: &line,
        source: "staff",
        source_event_id: line.as_str(),
        kind: "connection.connected",
        subject,
        occurred_at: by.now,
        data: after,
    };
    Ok(timeline::record(tx, by.now, &event)?)
}
