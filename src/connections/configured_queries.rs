//! All SQL about connections that the settings make.

use diesel::prelude::*;

use super::model::ConnectionState;
use crate::clock::UtcTime;
use crate::db::schema::connections;
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;

/// Whether the settings of some process name it. One that refuses us counts: its jobs wait.
pub fn is_configured(conn: &mut Conn, provider: &str) -> QueryResult<bool> {
    let this = connections::table.filter(connections::provider.eq(provider));
    let state: Option<ConnectionState> = this.select(connections::state).first(conn).optional()?;
    Ok(state.is_some_and(|state| state != ConnectionState::Disconnected))
}

/// Why a connection waits for a person; None: it does not.
pub fn refusal(conn: &mut Conn, provider: &str) -> QueryResult<Option<String>> {
    let this = connections::table.filter(connections::provider.eq(provider));
    let reason: Option<Option<String>> =
        this.filter(connections::state.eq(ConnectionState::NeedsReconnect)).select(connections::state_reason).first(conn).optional()?;
    Ok(reason.map(|reason| reason.unwrap_or_else(|| "It refuses us.".into())))
}

/// Puts the row where there is none, and lets it go where there is one.
pub(super) fn keep(tx: &mut Tx<'_>, provider: &str, server: &str, now: UtcTime) -> QueryResult<()> {
    let row = (
        connections::provider.eq(provider),
        connections::state.eq(ConnectionState::Connected),
        // What only a grant has is left empty.
        connections::accounts_url.eq(""),
        connections::api_url.eq(server),
        connections::client_id.eq(""),
        connections::client_secret_sealed.eq(""),
        connections::refresh_token_sealed.eq(""),
        connections::connected_at.eq(now),
        connections::connected_by.eq("settings"),
        connections::failures_in_a_row.eq(0),
        connections::probe_backoff_s.eq(0),
        connections::updated_at.eq(now),
    );
    let inserted = on_backend!(tx.conn(), |c| diesel::insert_into(connections::table)
        .values(row)
        .on_conflict(connections::provider)
        .do_nothing()
        .execute(c))?;
    if inserted == 1 {
        tx.touch(Topic::Connections);
        return Ok(());
    }
    let this = connections::table.filter(connections::provider.eq(provider));
    let moved = connections::api_url.ne(server).or(connections::state.eq(ConnectionState::Disconnected));
    diesel::update(this.filter(moved)).set((connections::connected_at.eq(now), connections::api_url.eq(server))).execute(tx.conn())?;
    release(tx, provider, now)
}

/// Nothing is set any more.
pub(super) fn disconnect(tx: &mut Tx<'_>, provider: &str, why: &str, now: UtcTime) -> QueryResult<()> {
    change(tx, provider, &[ConnectionState::Connected, ConnectionState::NeedsReconnect], (ConnectionState::Disconnected, Some(why)), now)
        .map(drop)
}

/// A person must look; false: it was held already.
pub(super) fn hold(tx: &mut Tx<'_>, provider: &str, why: &str, now: UtcTime) -> QueryResult<bool> {
    change(tx, provider, &[ConnectionState::Connected], (ConnectionState::NeedsReconnect, Some(why)), now)
}

/// Everything that holds it back is over, the breaker too.
pub(super) fn release(tx: &mut Tx<'_>, provider: &str, now: UtcTime) -> QueryResult<()> {
    change(tx, provider, &[ConnectionState::NeedsReconnect, ConnectionState::Disconnected], (ConnectionState::Connected, None), now)?;
    diesel::update(connections::table.filter(connections::provider.eq(provider)))
        .set((
            connections::failures_in_a_row.eq(0),
            connections::blocked_until.eq(None::<UtcTime>),
            connections::blocked_reason.eq(None::<String>),
            connections::probe_backoff_s.eq(0),
        ))
        .execute(tx.conn())?;
    tx.touch(Topic::Connections);
    tx.touch(Topic::Ready);
    Ok(())
}

/// The same where it waits for a person; what works is left alone.
pub(super) fn release_held(tx: &mut Tx<'_>, provider: &str, now: UtcTime) -> QueryResult<()> {
    if refusal(tx.conn(), provider)?.is_some() { release(tx, provider, now) } else { Ok(()) }
}

fn change(
    tx: &mut Tx<'_>,
    provider: &str,
    from: &[ConnectionState],
    (to, reason): (ConnectionState, Option<&str>),
    now: UtcTime,
) -> QueryResult<bool> {
    let from = from.to_vec();
    let changed = on_backend!(tx.conn(), |c| diesel::update(
        connections::table.filter(connections::provider.eq(provider)).filter(connections::state.eq_any(from))
    )
    .set((connections::state.eq(to), connections::state_reason.eq(reason), connections::updated_at.eq(now)))
    .execute(c))?;
    if changed == 1 {
        tx.touch(Topic::Connections);
        if to != ConnectionState::Connected {
            diesel::update(connections::table.filter(connections::provider.eq(provider)))
                .set((connections::last_error.eq(reason), connections::last_error_at.eq(now)))
                .execute(tx.conn())?;
        }
    }
    Ok(changed == 1)
}
