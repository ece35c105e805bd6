//! All SQL about connections.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::model::{Connection, ConnectionId, ConnectionState, Detail, Summary};
use crate::clock::UtcTime;
use crate::db::schema::{connections, encryption_keys, token_refreshes};
use crate::db::{Conn, Tx, on_backend};

/// A refresh that a process began and did not end lapses after this long.
const REFRESH_LEASE: TimeDelta = TimeDelta::seconds(30);

/// Zoho counts refreshes in any ten minutes.
pub(super) const REFRESH_WINDOW: TimeDelta = TimeDelta::minutes(10);

/// A connection as it is stored on connecting.
#[derive(Insertable, AsChangeset, Clone)]
#[diesel(table_name = connections, treat_none_as_null = true)]
pub(super) struct NewConnection {
    pub provider: &'static str,
    pub state: ConnectionState,
    pub state_reason: Option<String>,
    pub accounts_url: String,
    pub api_url: String,
    pub client_id: String,
    pub client_secret_sealed: String,
    pub refresh_token_sealed: String,
    pub access_token_sealed: Option<String>,
    pub access_expires_at: Option<UtcTime>,
    pub refreshing_until: Option<UtcTime>,
    pub refreshing_by: Option<String>,
    pub external_field: Option<String>,
    pub connected_at: UtcTime,
    pub connected_by: String,
    pub failures_in_a_row: i64,
    pub blocked_until: Option<UtcTime>,
    pub blocked_reason: Option<String>,
    pub probe_backoff_s: i64,
    pub last_error: Option<String>,
    pub last_error_at: Option<UtcTime>,
    pub updated_at: UtcTime,
    pub organisation_id: Option<String>,
    pub organisation_name: Option<String>,
    pub scopes: Option<String>,
}

/// A new token, as it is stored.
#[derive(Clone, Debug)]
pub(super) struct NewToken {
    pub sealed: String,
    pub expires_at: UtcTime,
    pub api_url: String,
}

/// One refresh under way: its row, and who runs it.
#[derive(Clone, Debug)]
pub(super) struct RefreshTicket {
    pub refresh_id: i64,
    pub by: String,
}

/// The connection to a provider, if there is one.
pub(super) fn find(conn: &mut Conn, provider: &str) -> QueryResult<Option<Connection>> {
    connections::table.filter(connections::provider.eq(provider)).select(Connection::as_select()).first(conn).optional()
}

/// The same, locked until the end of the transaction on PostgreSQL: what is decided by it holds when it is changed.
pub(super) fn lock(tx: &mut Tx<'_>, provider: &str) -> QueryResult<Option<Connection>> {
    let row = connections::table.filter(connections::provider.eq(provider));
    match tx.conn() {
        Conn::Postgres(c) => row.select(Connection::as_select()).for_update().first(c).optional(),
        Conn::Sqlite(c) => row.select(Connection::as_select()).first(c).optional(),
    }
}

/// Takes the refresh of this token for `by`, if nobody else has it and the token is still the one that was seen.
pub(super) fn take_refresh(tx: &mut Tx<'_>, seen: &Connection, by: &str, now: UtcTime) -> QueryResult<bool> {
    let free = connections::refreshing_until.is_null().or(connections::refreshing_until.le(now));
    let open = connections::table.filter(connections::id.eq(seen.id)).filter(connections::state.eq(ConnectionState::Connected));
    let lease = (connections::refreshing_until.eq(now + REFRESH_LEASE), connections::refreshing_by.eq(by));
    let taken = match &seen.access_token_sealed {
        Some(token) => diesel::update(open.filter(free.assume_not_null()).filter(connections::access_token_sealed.eq(token)))
            .set(lease)
            .execute(tx.conn()),
        None => diesel::update(open.filter(free.assume_not_null()).filter(connections::access_token_sealed.is_null()))
            .set(lease)
            .execute(tx.conn()),
    }?;
    Ok(taken == 1)
}

/// Gives a refresh back without having called.
pub(super) fn release_refresh(tx: &mut Tx<'_>, by: &str) -> QueryResult<()> {
    diesel::update(connections::table.filter(connections::refreshing_by.eq(by)))
        .set((connections::refreshing_until.eq(None::<UtcTime>), connections::refreshing_by.eq(None::<String>)))
        .execute(tx.conn())
        .map(drop)
}

/// The refreshes since a moment, oldest first: when, and what went wrong.
pub(super) fn refreshes_since(conn: &mut Conn, id: ConnectionId, since: UtcTime) -> QueryResult<Vec<(UtcTime, Option<String>)>> {
    token_refreshes::table
        .filter(token_refreshes::connection_id.eq(id.0))
        .filter(token_refreshes::at.ge(since))
        .order((token_refreshes::at, token_refreshes::id))
        .select((token_refreshes::at, token_refreshes::error))
        .load(conn)
}

/// The refreshes that count against what we allow ourselves, oldest first: when, and what went wrong.
pub fn recent_refreshes(conn: &mut Conn, provider: &str, now: UtcTime) -> QueryResult<Vec<(UtcTime, Option<String>)>> {
    let Some(seen) = find(conn, provider)? else { return Ok(Vec::new()) };
    refreshes_since(conn, seen.id, seen.connected_at.max(now - REFRESH_WINDOW))
}

/// Writes a refresh down before it is made, so that a crash counts too.
pub(super) fn note_refresh(tx: &mut Tx<'_>, id: ConnectionId, now: UtcTime) -> QueryResult<i64> {
    diesel::insert_into(token_refreshes::table)
        .values((token_refreshes::connection_id.eq(id.0), token_refreshes::at.eq(now)))
        .returning(token_refreshes::id)
        .get_result(tx.conn())
}

/// Stores a new token; false: somebody else has taken over since.
pub(super) fn finish_refresh(tx: &mut Tx<'_>, ticket: &RefreshTicket, token: &NewToken, now: UtcTime) -> QueryResult<bool> {
    let stored = diesel::update(connections::table.filter(connections::refreshing_by.eq(&ticket.by)))
        .set((
            connections::access_token_sealed.eq(&token.sealed),
            connections::access_expires_at.eq(token.expires_at),
            connections::api_url.eq(&token.api_url),
            connections::refreshing_until.eq(None::<UtcTime>),
            connections::refreshing_by.eq(None::<String>),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(stored == 1)
}

/// Writes down why a refresh failed; false: somebody else has taken over since.
pub(super) fn fail_refresh(tx: &mut Tx<'_>, ticket: &RefreshTicket, why: &str, now: UtcTime) -> QueryResult<bool> {
    diesel::update(token_refreshes::table.find(ticket.refresh_id)).set(token_refreshes::error.eq(why)).execute(tx.conn())?;
    let noted = diesel::update(connections::table.filter(connections::refreshing_by.eq(&ticket.by)))
        .set((
            connections::last_error.eq(why),
            connections::last_error_at.eq(now),
            connections::refreshing_until.eq(None::<UtcTime>),
            connections::refreshing_by.eq(None::<String>),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(noted == 1)
}

/// A person must connect again; only while the token is still the one that was seen.
pub(super) fn mark_needs_reconnect(tx: &mut Tx<'_>, seen: &Connection, why: &str, now: UtcTime) -> QueryResult<bool> {
    let open = connections::table
        .filter(connections::id.eq(seen.id))
        .filter(connections::state.eq(ConnectionState::Connected))
        .filter(connections::refresh_token_sealed.eq(&seen.refresh_token_sealed));
    let marked = diesel::update(open)
        .set((
            connections::state.eq(ConnectionState::NeedsReconnect),
            connections::state_reason.eq(why),
            connections::last_error.eq(why),
            connections::last_error_at.eq(now),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(marked == 1)
}

/// Nothing is called from now on, and a refresh under way no longer counts.
pub(super) fn mark_disconnected(tx: &mut Tx<'_>, id: ConnectionId, now: UtcTime) -> QueryResult<()> {
    diesel::update(connections::table.filter(connections::id.eq(id)))
        .set((
            connections::state.eq(ConnectionState::Disconnected),
            connections::state_reason.eq(None::<String>),
            connections::refreshing_until.eq(None::<UtcTime>),
            connections::refreshing_by.eq(None::<String>),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .map(drop)
}

/// Forgets the tokens of a connection that was ended, and says what became of them; not those of one that was made since.
pub(super) fn forget_tokens(tx: &mut Tx<'_>, ended: &Connection, nothing: &str, reason: &str, now: UtcTime) -> QueryResult<()> {
    let row = connections::table
        .filter(connections::id.eq(ended.id))
        .filter(connections::state.eq(ConnectionState::Disconnected))
        .filter(connections::refresh_token_sealed.eq(&ended.refresh_token_sealed));
    diesel::update(row)
        .set((
            connections::refresh_token_sealed.eq(nothing),
            connections::access_token_sealed.eq(None::<String>),
            connections::access_expires_at.eq(None::<UtcTime>),
            connections::state_reason.eq(reason),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .map(drop)
}

/// Makes the next call renew its token, as if the stored one had ended.
pub fn expire_access_token(tx: &mut Tx<'_>, now: UtcTime, provider: &str) -> QueryResult<()> {
    diesel::update(connections::table.filter(connections::provider.eq(provider)))
        .set((connections::access_expires_at.eq(now), connections::updated_at.eq(now)))
        .execute(tx.conn())
        .map(drop)
}

/// Stores a connection where none was; None: there is one already.
pub(super) fn insert_first(tx: &mut Tx<'_>, row: &NewConnection) -> QueryResult<Option<ConnectionId>> {
    let row = row.clone();
    on_backend!(tx.conn(), |c| diesel::insert_into(connections::table)
        .values(row)
        .on_conflict(connections::provider)
        .do_nothing()
        .returning(connections::id)
        .get_result(c)
        .optional())
}

/// Stores a connection, over the one that was.
pub(super) fn upsert(tx: &mut Tx<'_>, row: &NewConnection) -> QueryResult<ConnectionId> {
    let (row, changes) = (row.clone(), row.clone());
    on_backend!(tx.conn(), |c| diesel::insert_into(connections::table)
        .values(row)
        .on_conflict(connections::provider)
        .do_update()
        .set(changes)
        .returning(connections::id)
        .get_result(c))
}

/// What the overview says about the connection to Zoho; None: nobody has connected it yet.
pub fn summary(conn: &mut Conn) -> QueryResult<Option<Summary>> {
    summary_of(conn, crate::integrations::zoho::PROVIDER)
}

/// The same about any connection.
pub(super) fn summary_of(conn: &mut Conn, provider: &str) -> QueryResult<Option<Summary>> {
    let row = connections::table
        .filter(connections::provider.eq(provider))
        .select((
            (connections::id, connections::provider, connections::state, connections::state_reason),
            (connections::connected_at, connections::connected_by, connections::external_field, connections::access_expires_at),
            (connections::last_success_at, connections::last_error, connections::last_error_at),
            (connections::blocked_until, connections::blocked_reason),
        ))
        .first::<SummaryRow>(conn)
        .optional()?;
    let Some((what, connected, last, blocked)) = row else { return Ok(None) };
    let token_refreshed_at = token_refreshes::table
        .filter(token_refreshes::connection_id.eq(what.0.0))
        .filter(token_refreshes::error.is_null())
        .order(token_refreshes::at.desc())
        .select(token_refreshes::at)
        .first(conn)
        .optional()?;
    Ok(Some(Summary {
        provider: what.1,
        state: what.2,
        state_reason: what.3,
        connected_at: connected.0,
        connected_by: connected.1,
        external_field: connected.2,
        token_refreshed_at,
        token_expires_at: connected.3,
        last_success_at: last.0,
        last_error: last.1,
        last_error_at: last.2,
        blocked_until: blocked.0,
        blocked_reason: blocked.1,
    }))
}

/// Where the connection to Zoho leads, and what it allows.
pub(super) fn detail(conn: &mut Conn) -> QueryResult<Option<Detail>> {
    let row = connections::table.filter(connections::provider.eq(crate::integrations::zoho::PROVIDER));
    row.select(Detail::as_select()).first(conn).optional()
}

type SummaryRow = (
    (ConnectionId, String, ConnectionState, Option<String>),
    (UtcTime, String, Option<String>, Option<UtcTime>),
    (Option<UtcTime>, Option<String>, Option<UtcTime>),
    (Option<UtcTime>, Option<String>),
);

/// The keys that sealed what is stored, with a known text sealed by each.
pub(super) fn keys(conn: &mut Conn) -> QueryResult<Vec<(String, String)>> {
    encryption_keys::table.select((encryption_keys::id, encryption_keys::check_sealed)).order(encryption_keys::id).load(conn)
}

/// Writes down the first key; one that another process wrote first stays.
pub(super) fn insert_key(tx: &mut Tx<'_>, id: &str, check_sealed: &str, now: UtcTime) -> QueryResult<()> {
    let row = (encryption_keys::id.eq(id), encryption_keys::check_sealed.eq(check_sealed), encryption_keys::created_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(encryption_keys::table).values(row).on_conflict_do_nothing().execute(c)).map(drop)
}
