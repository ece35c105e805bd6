//! Sessions are rows: the cookie holds a random token, the row its hash. They end after 12 idle hours or seven days.

use chrono::TimeDelta;
use rocket::Request;
use rocket::http::{Cookie, CookieJar};

use crate::app::App;
use crate::clock::UtcTime;
use crate::digest::sha256_hex;
use crate::web::Site;
use crate::web::cross_site::SESSION;
use crate::{Result, random};

use super::model::{SessionId, User};
use super::queries::{self, Attention};

/// Without a request for this long a session ends.
const IDLE: TimeDelta = TimeDelta::hours(12);
/// After this long a session ends in any case.
const AGE_MAX: TimeDelta = TimeDelta::days(7);
/// How stale `seen_at` may be: not every page view is a write.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(5);

/// A fresh token with what is stored of it.
pub struct Token {
    pub secret: String,
    pub hash: String,
}

impl Token {
    /// A new one, for a new session.
    pub fn fresh() -> Self {
        Self::of(random::token())
    }

    /// The one a cookie brought.
    pub fn of(secret: String) -> Self {
        Self { hash: sha256_hex(&secret), secret }
    }

    /// The one this request brought.
    pub fn from_jar(jar: &CookieJar<'_>, site: &Site) -> Option<Self> {
        jar.get(&site.cookie_name(SESSION)).map(|cookie| Self::of(cookie.value().to_owned()))
    }
}

/// A session in use.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user: User,
    /// For the navigation.
    pub attention: Attention,
    /// The seller's zone, once it has been saved.
    pub zone: Option<chrono_tz::Tz>,
}

/// When a session that starts now ends in any case.
pub fn expiry(now: UtcTime) -> UtcTime {
    now + AGE_MAX
}

/// Sessions not seen since then are over.
pub fn idle_since(now: UtcTime) -> UtcTime {
    now - IDLE
}

/// The session of a request, read once however many guards ask.
pub async fn of_request(request: &Request<'_>, app: &App, site: &Site) -> Result<Option<Session>> {
    let Some(token) = Token::from_jar(request.cookies(), site) else { return Ok(None) };
    let now = app.clock.now();
    let hash = token.hash;
    let found = app
        .store
        .read(move |conn| -> Result<_> {
            let Some(row) = queries::session(conn, &hash, now, idle_since(now))? else { return Ok(None) };
            let attention = queries::attention(conn)?;
            let zone = queries::zone(conn)?;
            Ok(Some((Session { id: row.id, user: row.user, attention, zone }, row.seen_at)))
        })
        .await?;
    let Some((session, seen_at)) = found else { return Ok(None) };
    if now - seen_at > SEEN_EVERY {
        note_seen(app.clone(), session.id, now);
    }
    Ok(Some(session))
}

/// Beside the request: nobody waits for a note that may as well be written by the next one.
fn note_seen(app: App, session: SessionId, now: UtcTime) {
    rocket::tokio::spawn(async move {
        let key = format!("session:{}", session.0);
        let noted = app.store.write("accounts.mark_seen", &key, move |tx| queries::mark_seen(tx.conn(), session, now)).await;
        if let Err(cause) = noted {
            tracing::debug!(error = %cause, "Could not note that a session is in use");
        }
    });
}

/// The cookie of a session.
pub fn cookie(site: &Site, token: &Token) -> Cookie<'static> {
    let mut cookie = site.cookie(SESSION, token.secret.clone());
    cookie.set_max_age(rocket::time::Duration::days(7));
    cookie
}

/// Takes the cookie away.
pub fn forget(jar: &CookieJar<'_>, site: &Site) {
    jar.remove(Cookie::build(site.cookie_name(SESSION)).path("/").secure(site.https));
}
