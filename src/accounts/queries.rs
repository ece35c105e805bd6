//! All SQL about users and sessions.

use chrono_tz::Tz;
use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{leads, seller, sessions, users};
use crate::db::{Conn, Engine};
use crate::on_backend;
use crate::outbox::{JobState, lists};

use super::model::{Role, SessionId, User, UserId};

/// What needs a person is counted up to this.
const ATTENTION_MAX: i64 = 100;

/// A user to be stored; the address is already in the form in which it is compared.
pub struct UserRow<'a> {
    pub email: &'a str,
    pub email_key: &'a str,
    pub name: &'a str,
    pub role: Role,
    pub password_hash: &'a str,
}

/// A session with its user.
pub struct SessionRow {
    pub id: SessionId,
    pub seen_at: UtcTime,
    pub user: User,
}

type UserColumns = (users::id, users::email, users::name, users::role, users::password_hash, users::password_changed_at);
const USER: UserColumns = (users::id, users::email, users::name, users::role, users::password_hash, users::password_changed_at);

type UserParts = (UserId, String, String, Role, String, UtcTime);

fn user(parts: UserParts) -> User {
    let (id, email, name, role, password_hash, password_changed_at) = parts;
    User { id, email, name, role, password_hash, password_changed_at }
}

/// Who signs in with this address, unless switched off.
pub fn by_email(conn: &mut Conn, email_key: &str) -> QueryResult<Option<User>> {
    let found = users::table.filter(users::email_key.eq(email_key)).filter(users::disabled_at.is_null()).select(USER);
    Ok(found.first::<UserParts>(conn).optional()?.map(user))
}

/// Whether anyone can sign in at all.
pub fn is_anyone(conn: &mut Conn) -> QueryResult<bool> {
    Ok(users::table.select(users::id).first::<UserId>(conn).optional()?.is_some())
}

/// Stores a user; None when the address is taken.
pub fn insert_user(conn: &mut Conn, row: &UserRow<'_>, now: UtcTime) -> QueryResult<Option<UserId>> {
    let values = (
        users::email.eq(row.email),
        users::email_key.eq(row.email_key),
        users::name.eq(row.name),
        users::role.eq(row.role),
        users::password_hash.eq(row.password_hash),
        users::password_changed_at.eq(now),
        users::created_at.eq(now),
    );
    on_backend!(conn, |c| diesel::insert_into(users::table)
        .values(values)
        .on_conflict(users::email_key)
        .do_nothing()
        .returning(users::id)
        .get_result(c)
        .optional())
}

/// Keeps others from adding a user until this transaction ends. SQLite has one writer at a time by itself.
pub fn lock_users(conn: &mut Conn) -> QueryResult<()> {
    match conn.engine() {
        Engine::Postgres => diesel::sql_query("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").execute(conn).map(drop),
        Engine::Sqlite => Ok(()),
    }
}

/// Sets a new password, if the old hash is still the one that was checked.
pub fn replace_password(conn: &mut Conn, user: &User, new_hash: &str, now: UtcTime) -> QueryResult<bool> {
    let unchanged = users::table.filter(users::id.eq(user.id)).filter(users::password_hash.eq(&user.password_hash));
    let changes = (users::password_hash.eq(new_hash), users::password_changed_at.eq(now));
    Ok(diesel::update(unchanged).set(changes).execute(conn)? == 1)
}

/// Opens a session.
pub fn insert_session(conn: &mut Conn, token_hash: &str, user: UserId, times: (UtcTime, UtcTime)) -> QueryResult<()> {
    let (now, expires_at) = times;
    let values = (
        sessions::token_hash.eq(token_hash),
        sessions::user_id.eq(user),
        sessions::created_at.eq(now),
        sessions::seen_at.eq(now),
        sessions::expires_at.eq(expires_at),
    );
    diesel::insert_into(sessions::table).values(values).execute(conn).map(drop)
}

/// The session behind a token, unless it has ended or its user is switched off.
pub fn session(conn: &mut Conn, token_hash: &str, now: UtcTime, idle_since: UtcTime) -> QueryResult<Option<SessionRow>> {
    let found = sessions::table
        .inner_join(users::table.on(users::id.eq(sessions::user_id)))
        .filter(sessions::token_hash.eq(token_hash))
        .filter(sessions::expires_at.gt(now))
        .filter(sessions::seen_at.gt(idle_since))
        .filter(users::disabled_at.is_null())
        .select((sessions::id, sessions::seen_at, USER));
    let row = found.first::<(SessionId, UtcTime, UserParts)>(conn).optional()?;
    Ok(row.map(|(id, seen_at, parts)| SessionRow { id, seen_at, user: user(parts) }))
}

/// Notes that a session is in use.
pub fn mark_seen(conn: &mut Conn, session: SessionId, now: UtcTime) -> QueryResult<()> {
    diesel::update(sessions::table.filter(sessions::id.eq(session))).set(sessions::seen_at.eq(now)).execute(conn).map(drop)
}

/// Ends a session by its token; says whose it was.
pub fn end_session(conn: &mut Conn, token_hash: &str) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::token_hash.eq(token_hash))).execute(conn).map(drop)
}

/// Ends a user's other sessions; says how many.
pub fn end_other_sessions(conn: &mut Conn, user: UserId, kept: SessionId) -> QueryResult<usize> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::id.ne(kept))).execute(conn)
}

/// Forgets sessions that are over.
pub fn forget_ended(conn: &mut Conn, now: UtcTime) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::expires_at.le(now))).execute(conn).map(drop)
}

/// How many sessions a user has.
pub fn count_sessions(conn: &mut Conn, user: UserId, idle_since: UtcTime) -> QueryResult<i64> {
    sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::seen_at.gt(idle_since)).count().get_result(conn)
}

/// The seller's zone, once it has been saved: asked here, with the session, so that a page costs no question more.
pub fn zone(conn: &mut Conn) -> QueryResult<Option<Tz>> {
    let zone: Option<String> = seller::table.select(seller::zone).first(conn).optional()?;
    Ok(zone.and_then(|zone| zone.parse().ok()))
}

/// What a person should look at, each counted up to 100.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Jobs that failed or need a look.
    pub jobs: i64,
    /// Leads that did.
    pub leads: i64,
    /// Submissions that are held.
    pub quarantine: i64,
}

/// Counts what a person should look at.
pub fn attention(conn: &mut Conn) -> QueryResult<Attention> {
    let failed_jobs = lists::count(conn, JobState::Dead, ATTENTION_MAX)? + lists::count(conn, JobState::Uncertain, ATTENTION_MAX)?;
    let count_of = |ids: Vec<i64>| i64::try_from(ids.len()).unwrap_or(ATTENTION_MAX);
    let failed_leads = leads::table
        .filter(leads::status.eq("failed").or(leads::status.eq("uncertain")))
        .select(leads::id)
        .limit(ATTENTION_MAX)
        .load(conn)?;
    let held = leads::table.filter(leads::status.eq("quarantined")).select(leads::id).limit(ATTENTION_MAX).load(conn)?;
    Ok(Attention { jobs: failed_jobs.min(ATTENTION_MAX), leads: count_of(failed_leads), quarantine: count_of(held) })
}
