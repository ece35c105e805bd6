//! Connecting in the browser, by authorization code: a person is sent to the provider with a state that works once, in their
//! session, within ten minutes; what comes back is checked before anything is stored.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::authorization_queries::{self as queries, Begun, NewState, STATE_LIFE, Spent};
use super::connect::{self, Candidate, ConnectError, Connected, Occasion, in_time};
use super::queries::find;
use crate::accounts::SessionId;
use crate::app::App;
use crate::audit::{self, Act};
use crate::config::Config;
use crate::db::{ReadError, Tx, WriteError};
use crate::digest::sha256_hex;
use crate::error::Error;
use crate::integrations::Failure;
use crate::integrations::zoho::oauth::{self, Client, Grant};
use crate::integrations::zoho::{PROVIDER, data_centers, scopes};
use crate::random;
use crate::vault::VaultError;

/// Where providers send people back to. It must be registered with the client, letter for letter.
pub const CALLBACK: &str = "/connections/zoho/callback";

/// Who signs in.
#[derive(Clone, Debug)]
pub struct Person {
    pub session: SessionId,
    pub actor: String,
    pub address: Option<String>,
}

/// What the page asks for; what is left empty comes from the settings, then from the connection that is there.
#[derive(Clone, Debug, Default)]
pub struct BeginForm {
    pub client_id: String,
    pub client_secret: SecretString,
    /// The accounts server of the person's data centre.
    pub accounts_url: String,
    /// The organisation to move to, where another one is connected now.
    pub move_to: Option<String>,
}

/// A field that is missing or wrong; nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    #[error("{1}")]
    Field(&'static str, String),
    #[error("{0}")]
    Own(#[from] Error),
}

/// What the provider's redirect brought: anyone can write such a link.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    pub state: Option<String>,
    pub code: Option<SecretString>,
    pub error: Option<String>,
    pub accounts_server: Option<String>,
    pub location: Option<String>,
}

/// Why a sign-in that came back connected nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    #[error("the link has no state that was given out here")]
    UnknownState,
    #[error("the sign-in was begun in another session")]
    AnotherSession,
    #[error("this link was used before")]
    Replayed,
    #[error("the sign-in took longer than {} minutes", STATE_LIFE.num_minutes())]
    TooLate,
    #[error("access was refused at Zoho")]
    Denied,
    #[error("Zoho ended the sign-in [{0}]")]
    EndedByProvider(String),
    #[error("Zoho sent no code")]
    NoCode,
    /// The link names a server that is not Zoho's.
    #[error("{0}")]
    Untrusted(Failure),
    #[error("Zoho gave no refresh token")]
    NoRefreshToken,
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl From<Error> for CallbackError {
    fn from(own: Error) -> Self {
        Self::Connect(ConnectError::Own(own))
    }
}

impl From<ReadError> for BeginError {
    fn from(cause: ReadError) -> Self {
        Self::Own(cause.into())
    }
}

/// Begins a sign-in and answers the provider's page to send the person to.
pub async fn begin(app: &App, form: BeginForm, person: Person) -> Result<String, BeginError> {
    let accounts_url = accounts_url(app, &form)?;
    let client = client(app, &form).await?;
    let (now, state) = (app.clock.now(), random::token());
    let row = NewState {
        provider: PROVIDER,
        state_hash: sha256_hex(&state),
        session_id: person.session,
        accounts_url: accounts_url.clone(),
        client_id: client.id.clone(),
        client_secret_sealed: app.vault.seal(client.secret.expose_secret()),
        move_to: form.move_to,
        created_at: now,
        expires_at: now + STATE_LIFE,
    };
    let write = move |tx: &mut Tx<'_>| -> Result<(), Error> {
        queries::insert(tx, &row)?;
        let act = Act {
            actor: &person.actor,
            action: "connections.begin",
            subject: "connection:zoho",
            line: None,
            reason: None,
            before: None,
            after: Some(json!({ "client_id": row.client_id, "accounts_url": row.accounts_url, "move_to": row.move_to })),
            address: person.address.as_deref(),
        };
        Ok(audit::record(tx, now, &act)?)
    };
    let written: Result<(), WriteError<Error>> = app.store.write("connections.begin", PROVIDER, write).await;
    written.map_err(Error::from)?;
    Ok(oauth::consent_url(&accounts_url, &client, &scopes::joined(), &state))
}

/// Takes a person back. Whatever comes of it, the state is spent before anything else is done.
pub async fn finish(app: &App, callback: Callback, person: Person) -> Result<Connected, CallbackError> {
    let begun = spend(app, callback.state.as_deref().unwrap_or_default(), person.session).await?;
    match callback.error.as_deref() {
        Some("access_denied") => return Err(CallbackError::Denied),
        Some(code) => return Err(CallbackError::EndedByProvider(provider_code(code))),
        None => {}
    }
    let accounts_url = data_centers::exchange_url(callback.accounts_server.as_deref(), callback.location.as_deref(), &begun.accounts_url)
        .map_err(CallbackError::Untrusted)?;
    let code = callback.code.ok_or(CallbackError::NoCode)?;
    let secret = app.vault.open(&begun.client_secret_sealed).map_err(|cause| sealed(&cause))?;
    let client = Client { id: begun.client_id, secret, redirect_uri: callback_url(&app.config) };
    let granted = in_time(oauth::exchange(&*app.transport, &accounts_url, &client, &code)).await.map_err(ConnectError::Refused)?;
    let refresh_token = granted.refresh_token.ok_or(CallbackError::NoRefreshToken)?;
    let grant = Grant { client_id: client.id, client_secret: client.secret, refresh_token };
    let candidate = Candidate { grant: grant.clone(), token: granted.access, accounts_url: accounts_url.clone() };
    let occasion = Occasion::SignIn { actor: person.actor, address: person.address, move_to: begun.move_to };
    let connected = connect::try_and_keep(app, candidate, occasion).await;
    // What our own database says may have been stored after all: that grant must live.
    if connected.as_ref().is_err_and(|error| !matches!(error, ConnectError::Own(_))) {
        // Zoho keeps 20 grants of a person for a program and silently drops the oldest for the next: none is left lying about.
        let revoked = in_time(oauth::revoke(&*app.transport, &accounts_url, &grant.refresh_token)).await;
        if let Err(failure) = revoked {
            tracing::warn!(provider = PROVIDER, "A grant that is not used could not be revoked: {}", failure.message);
        }
    }
    Ok(connected?)
}

/// The address that Zoho leads people back to: to be registered with the client.
pub fn callback_url(config: &Config) -> String {
    format!("{}{CALLBACK}", config.public_url.trim_end_matches('/'))
}

fn accounts_url(app: &App, form: &BeginForm) -> Result<String, BeginError> {
    let allowed = data_centers::accounts_urls(&app.config.zoho.accounts_url);
    match form.accounts_url.trim_end_matches('/') {
        "" => Ok(app.config.zoho.accounts_url.trim_end_matches('/').to_owned()),
        chosen => allowed
            .into_iter()
            .find(|url| url == chosen)
            .ok_or_else(|| BeginError::Field("accounts_url", "Choose one of the data centres in the list.".into())),
    }
}

async fn client(app: &App, form: &BeginForm) -> Result<Client, BeginError> {
    let redirect_uri = callback_url(&app.config);
    let (id, has_secret) = (form.client_id.trim().to_owned(), !form.client_secret.expose_secret().trim().is_empty());
    match (id.is_empty(), has_secret) {
        (false, true) => return Ok(Client { id, secret: form.client_secret.expose_secret().trim().into(), redirect_uri }),
        (false, false) => return Err(BeginError::Field("client_secret", "Give the secret that belongs to this client id.".into())),
        (true, true) => return Err(BeginError::Field("client_id", "Give the client id that this secret belongs to.".into())),
        (true, false) => {}
    }
    if let (Some(id), Some(secret)) = (&app.config.zoho.client_id, &app.config.zoho.client_secret) {
        return Ok(Client { id: id.clone(), secret: secret.clone(), redirect_uri });
    }
    let stored = app.store.read(|conn| find(conn, PROVIDER).map_err(ReadError::from)).await?;
    let Some(stored) = stored else {
        return Err(BeginError::Field(
            "client_id",
            "Give the client id and secret from Zoho's API console: the settings name none.".into(),
        ));
    };
    let secret = app.vault.open(&stored.client_secret_sealed).map_err(|cause| sealed(&cause))?;
    Ok(Client { id: stored.client_id, secret, redirect_uri })
}

async fn spend(app: &App, state: &str, session: SessionId) -> Result<Begun, CallbackError> {
    let (hash, now) = (sha256_hex(state), app.clock.now());
    let spend = move |tx: &mut Tx<'_>| queries::spend(tx, PROVIDER, &hash, session, now).map_err(Error::from);
    let spent: Result<Spent, WriteError<Error>> = app.store.write("connections.spend_state", PROVIDER, spend).await;
    match spent.map_err(Error::from)? {
        Spent::Now(begun) => Ok(begun),
        Spent::Before => Err(CallbackError::Replayed),
        Spent::TooLate => Err(CallbackError::TooLate),
        Spent::InAnotherSession => Err(CallbackError::AnotherSession),
        Spent::Unknown => Err(CallbackError::UnknownState),
    }
}

/// A provider's code is shown only if it looks like one: whoever wrote the link chose it.
fn provider_code(code: &str) -> String {
    let is_code = code.len() <= 60 && code.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if is_code { code.to_owned() } else { "no code".to_owned() }
}

fn sealed(cause: &VaultError) -> Error {
    Error::Unavailable(format!("the client secret cannot be read ({cause}); give the client id and secret again"))
}
