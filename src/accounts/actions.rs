//! The verbs of accounts: each is one transaction with its audit row.

use serde_json::json;

use crate::app::App;
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::{Error, Result};

use super::choice_queries;
use super::mail_choice::NewLeadMails;
use super::model::{Role, SessionId, User, UserId, email_key};
use super::password::{self, Passwords};
use super::queries::{self, UserRow};
use super::sessions::{self, Token};

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub email: String,
    /// Empty: the part of the address before the @.
    pub name: String,
    pub role: Role,
    pub password: String,
}

impl NewUser {
    /// Says what is wrong with it: the field and the message.
    pub fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let mut mistakes = Vec::new();
        if !email_address::EmailAddress::is_valid(self.email.trim()) {
            mistakes.push(("email", "Enter a mail address, for example noor@example.com."));
        }
        if let Some(message) = password::check(&self.password, &self.email) {
            mistakes.push(("password", message));
        }
        mistakes
    }

    fn shown_name(&self) -> String {
        let name = self.name.trim();
        if name.is_empty() { self.email.trim().split('@').next().unwrap_or_default().to_owned() } else { name.to_owned() }
    }
}

/// Creates a user, on behalf of `actor` (`cli`, `user:3`, `setup`). A taken address is a conflict.
pub async fn create_user(app: &App, passwords: &Passwords, new: NewUser, actor: &'static str) -> Result<UserId> {
    if let Some((_, message)) = new.mistakes().first() {
        return Err(Error::Conflict((*message).to_owned()));
    }
    let hash = passwords.hash(new.password.clone()).await?;
    let (now, key) = (app.clock.now(), email_key(&new.email));
    let writer_key = format!("user:{key}");
    let created = app.store.write("accounts.create_user", &writer_key, move |tx| add(tx, now, &new, (&hash, actor))).await?;
    Ok(created)
}

/// Creates the first admin and signs them in. Refused once there is any user.
pub async fn set_up(app: &App, passwords: &Passwords, new: NewUser, address: String) -> Result<Token> {
    let hash = passwords.hash(new.password.clone()).await?;
    let now = app.clock.now();
    let token = Token::fresh();
    let token_hash = token.hash.clone();
    app.store
        .write("accounts.set_up", "accounts.set_up", move |tx| -> Result<()> {
            queries::lock_users(tx.conn())?;
            if queries::is_anyone(tx.conn())? {
                return Err(Error::Conflict("someone has already set this installation up; sign in instead".into()));
            }
            let user = add(tx, now, &new, (&hash, "setup"))?;
            queries::insert_session(tx.conn(), &token_hash, user, (now, sessions::expiry(now)))?;
            Ok(record(tx, now, &Trace { user, action: "accounts.sign_in", address: &address })?)
        })
        .await?;
    Ok(token)
}

fn add(tx: &mut Tx<'_>, now: UtcTime, new: &NewUser, (hash, actor): (&str, &str)) -> Result<UserId> {
    let (email, key, name) = (new.email.trim(), email_key(&new.email), new.shown_name());
    let row = UserRow { email, email_key: &key, name: &name, role: new.role, password_hash: hash };
    let Some(id) = queries::insert_user(tx.conn(), &row, now)? else {
        return Err(Error::Conflict(format!("there is already a user with the address {email}")));
    };
    let subject = format!("user:{}", id.0);
    let act = Act {
        actor,
        action: "accounts.create_user",
        subject: &subject,
        line: None,
        reason: None,
        before: None,
        after: Some(json!({"role": new.role.as_str()})),
        address: None,
    };
    audit::record(tx, now, &act)?;
    Ok(id)
}

/// Opens a session for a user whose password was checked; the browser's old session, if any, ends.
pub async fn open_session(app: &App, user: UserId, old: Option<Token>, address: String) -> Result<Token> {
    let (now, token) = (app.clock.now(), Token::fresh());
    let token_hash = token.hash.clone();
    let writer_key = format!("user:{}", user.0);
    app.store
        .write("accounts.sign_in", &writer_key, move |tx| -> Result<()> {
            queries::forget_ended(tx.conn(), now)?;
            if let Some(old) = &old {
                queries::end_session(tx.conn(), &old.hash)?;
            }
            queries::insert_session(tx.conn(), &token_hash, user, (now, sessions::expiry(now)))?;
            Ok(record(tx, now, &Trace { user, action: "accounts.sign_in", address: &address })?)
        })
        .await?;
    Ok(token)
}

/// Writes down that a password was wrong for an existing user. An unknown address leaves no row: anyone could fill the table.
pub async fn note_refusal(app: &App, user: UserId, address: String) -> Result<()> {
    let now = app.clock.now();
    let key = format!("user:{}", user.0);
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        Ok(record(tx, now, &Trace { user, action: "accounts.sign_in_refused", address: &address })?)
    };
    Ok(app.store.write("accounts.note_refusal", &key, write).await?)
}

/// Ends the session of that token.
pub async fn close_session(app: &App, user: UserId, token: Token, address: String) -> Result<()> {
    let now = app.clock.now();
    let key = format!("user:{}", user.0);
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        queries::end_session(tx.conn(), &token.hash)?;
        Ok(record(tx, now, &Trace { user, action: "accounts.sign_out", address: &address })?)
    };
    Ok(app.store.write("accounts.sign_out", &key, write).await?)
}

/// Sets a new password and ends the user's other sessions; says how many ended.
pub async fn change_password(app: &App, user: User, kept: SessionId, (hash, address): (String, String)) -> Result<usize> {
    let now = app.clock.now();
    let key = format!("user:{}", user.id.0);
    let write = move |tx: &mut Tx<'_>| -> Result<usize> {
        if !queries::replace_password(tx.conn(), &user, &hash, now)? {
            return Err(Error::Conflict("the password was changed somewhere else a moment ago; sign in again".into()));
        }
        let ended = queries::end_other_sessions(tx.conn(), user.id, kept)?;
        record(tx, now, &Trace { user: user.id, action: "accounts.change_password", address: &address })?;
        Ok(ended)
    };
    Ok(app.store.write("accounts.change_password", &key, write).await?)
}

/// Keeps what a user wants to be told by mail.
pub async fn choose_mails(app: &App, user: UserId, (new_leads, daily_at): (NewLeadMails, String), address: String) -> Result<()> {
    let now = app.clock.now();
    let key = format!("user:{}", user.0);
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        choice_queries::keep(tx, user, (new_leads, &daily_at), now)?;
        let subject = format!("user:{}", user.0);
        let act = Act {
            actor: &subject,
            action: "accounts.choose_mails",
            subject: &subject,
            line: None,
            reason: None,
            before: None,
            after: Some(json!({ "new_leads": new_leads, "daily_at": daily_at })),
            address: Some(&address),
        };
        Ok(audit::record(tx, now, &act)?)
    };
    Ok(app.store.write("accounts.choose_mails", &key, write).await?)
}

struct Trace<'a> {
    user: UserId,
    action: &'static str,
    address: &'a str,
}

/// What users do with their own account.
fn record(tx: &mut Tx<'_>, now: UtcTime, trace: &Trace<'_>) -> diesel::QueryResult<()> {
    let subject = format!("user:{}", trace.user.0);
    let act = Act {
        actor: &subject,
        action: trace.action,
        subject: &subject,
        line: None,
        reason: None,
        before: None,
        after: None,
        address: Some(trace.address),
    };
    audit::record(tx, now, &act)
}
