//! Connections that the settings make rather than a grant: the mail server. Their row is kept for what the outbox needs of it
//! (whether jobs may go out, the breaker), and holds no secret.

use super::configured_queries as queries;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};

/// At start: the row says what the settings say. `server`: where it is; None: nothing is set, for the reason given. What
/// was refused before is tried again, since somebody may have corrected it.
pub async fn keep_configured(app: &App, provider: &'static str, server: Option<&str>, why_not: &'static str) -> Result<()> {
    let (now, server) = (app.clock.now(), server.map(str::to_owned));
    let keep = move |tx: &mut Tx<'_>| match &server {
        Some(server) => queries::keep(tx, provider, server, now).map_err(Error::from),
        None => queries::disconnect(tx, provider, why_not, now).map_err(Error::from),
    };
    Ok(app.store.write("connections.keep_configured", "outbox.claim", keep).await?)
}

/// It refuses us: its jobs wait for a person, and its page says why.
pub async fn hold_configured(app: &App, provider: &'static str, why: &str) {
    let (now, reason) = (app.clock.now(), why.to_owned());
    let hold = move |tx: &mut Tx<'_>| queries::hold(tx, provider, &reason, now).map_err(Error::from);
    match app.store.write("connections.hold_configured", "outbox.claim", hold).await {
        Ok(true) => tracing::error!(provider, "A connection refuses our sign-in; its page says why, and its jobs wait"),
        Ok(false) => {}
        Err(cause) => tracing::warn!(provider, error = %cause, "A connection that refuses us could not be marked; the next call will"),
    }
}

/// It has just taken something: whatever held it back is over.
pub async fn release_configured(app: &App, provider: &'static str) -> Result<()> {
    let now = app.clock.now();
    let release = move |tx: &mut Tx<'_>| queries::release(tx, provider, now).map_err(Error::from);
    Ok(app.store.write("connections.release_configured", "outbox.claim", release).await?)
}
