//! Gives out access tokens: the stored one as long as it lives (also after a restart), a renewed one five minutes before
//! its end. While somebody else renews it, the old one is used, or waited for.

use std::time::Duration;

use secrecy::SecretString;

use super::model::{Access, Connection, ConnectionState, failure};
use super::queries;
use super::refresh::{self, Lost, Turn, own_database};
use crate::app::App;
use crate::clock::{Stopwatch, UtcTime};
use crate::db::{ReadError, Tx};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::admin::Request;

/// How long one waits for somebody else's refresh.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Another process's commit is not heard; so look again this often.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// A token to call the provider with. A failure is the connection's, never a record's.
pub async fn access_token(app: &App, provider: &str) -> Result<Access, Failure> {
    obtain(app, provider, None).await
}

/// Another token than this one, which the provider has just refused. Asked by many at once, it is renewed once.
pub async fn refresh_after_rejection(app: &App, provider: &str, rejected: &SecretString) -> Result<Access, Failure> {
    obtain(app, provider, Some(rejected)).await
}

/// The provider refuses a renewed token too: a person must connect again, and the jobs wait for that. Does nothing when the
/// connection has another token by now.
pub async fn require_reconnect(app: &App, provider: &str, rejected: &SecretString, why: &str) {
    let Ok(seen) = load(app, provider).await else { return };
    let now = app.clock.now();
    if seen.old_access(&app.vault, now, Some(rejected)).is_some() {
        return;
    }
    let reason = format!("{why}. Zoho refuses a token it has just given out: connect Zoho again");
    let lost = Lost { seen, why: reason.clone(), at: now, line: LineId::mint(now) };
    let mark = move |tx: &mut Tx<'_>| lost.mark(tx);
    match app.store.write::<_, diesel::result::Error>("connections.require_reconnect", provider, mark).await {
        Ok(true) => tracing::error!(provider, "{reason}. Its jobs wait until then"),
        Ok(false) => {}
        Err(cause) => tracing::warn!(provider, error = %cause, "A connection that needs a person could not be marked; the next call will"),
    }
}

/// What came of a refresh that a person tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshTested {
    /// When the new token ends.
    pub expires_at: Option<UtcTime>,
    /// How long Zoho took, storing included.
    pub took_ms: i64,
}

/// Renews the access token now, whether or not that is due: the proof that the grant still works. Whoever asks is audited.
/// Some of the refreshes allowed in ten minutes are left to the jobs; a failure says what is wrong and changes no job.
pub async fn test_refresh(app: &App, provider: &str, by: &Request) -> Result<RefreshTested, Failure> {
    let watch = Stopwatch::start();
    let seen = load(app, provider).await?;
    let ticket = match refresh::take_turn(app, provider, &seen, Some(by)).await? {
        Turn::Ours(ticket) => ticket,
        Turn::NotNow(refusal) => return Err(refusal),
        Turn::Theirs => {
            let message = "The Zoho token is being renewed at this moment, so that it need not be tried out; look again in a few seconds";
            return Err(failure(FailureClass::RateLimited, message.into(), Some(5)));
        }
    };
    refresh::refresh(app, provider, &seen, ticket).await?;
    let took_ms = watch.elapsed_ms();
    Ok(RefreshTested { expires_at: load(app, provider).await?.access_expires_at, took_ms })
}

async fn obtain(app: &App, provider: &str, rejected: Option<&SecretString>) -> Result<Access, Failure> {
    let watch = Stopwatch::start();
    let mut changes = app.store.subscribe();
    loop {
        let seen = load(app, provider).await?;
        if let Some(access) = seen.fresh_access(&app.vault, app.clock.now(), rejected) {
            return Ok(access);
        }
        let old = seen.old_access(&app.vault, app.clock.now(), rejected);
        match refresh::take_turn(app, provider, &seen, None).await? {
            Turn::Ours(ticket) => return or_old(refresh::refresh(app, provider, &seen, ticket).await, old),
            Turn::NotNow(refusal) => return old.ok_or(refusal),
            Turn::Theirs if old.is_some() => return old.ok_or_else(waited_in_vain),
            Turn::Theirs if watch.elapsed() >= WAIT_MAX => return Err(waited_in_vain()),
            Turn::Theirs => {
                let _either_way = tokio::time::timeout(LOOK_AGAIN, changes.recv()).await;
            }
        }
    }
}

/// A token that still lives outlasts a refresh that failed for the moment, but not one that was refused for good.
fn or_old(refreshed: Result<Access, Failure>, old: Option<Access>) -> Result<Access, Failure> {
    match (refreshed, old) {
        (Err(failure), Some(old)) if failure.class != FailureClass::Authentication => Ok(old),
        (refreshed, _) => refreshed,
    }
}

async fn load(app: &App, provider: &str) -> Result<Connection, Failure> {
    let name = provider.to_owned();
    let found = app.store.read(move |conn| queries::find(conn, &name).map_err(ReadError::from)).await;
    let not_usable = |message: String| failure(FailureClass::Authentication, message, None);
    match found.map_err(|cause| own_database(&cause))? {
        None => Err(not_usable("Zoho is not connected yet: connect it under Connections".into())),
        Some(seen) => match seen.state {
            ConnectionState::Connected => Ok(seen),
            ConnectionState::NeedsReconnect => Err(not_usable(seen.state_reason.unwrap_or_else(|| "Connect Zoho again".into()))),
            ConnectionState::Disconnected => Err(not_usable("Zoho was disconnected: connect it again".into())),
        },
    }
}

fn waited_in_vain() -> Failure {
    failure(FailureClass::RateLimited, "Another process is renewing the Zoho token, and that takes longer than 10 s".into(), Some(5))
}
