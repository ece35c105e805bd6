//! The breaker of a connection: five failures in a row open it, then one probe after 30 s, 1 min, … at most 5 min apart.
//! While it is open its jobs wait in the table and cost the claim one row read.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::policy::Verdict;
use crate::clock::UtcTime;
use crate::db::schema::connections;
use crate::db::{Conn, Topic, Tx};

/// So many failures in a row open it.
pub const OPENS_AFTER: i64 = 5;
const PROBE_FIRST_S: i64 = 30;
const PROBE_LAST_S: i64 = 300;

/// What the claim needs to know of a connection.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = connections)]
pub struct ConnectionState {
    pub provider: String,
    pub state: String,
    pub failures_in_a_row: i64,
    pub blocked_until: Option<UtcTime>,
    pub blocked_reason: Option<String>,
    pub probe_backoff_s: i64,
    pub last_success_at: Option<UtcTime>,
    /// The provider's unique field that holds our id: with it a call can be repeated without harm.
    pub external_field: Option<String>,
}

impl ConnectionState {
    /// Whether jobs may use it now.
    pub fn is_open(&self, now: UtcTime) -> bool {
        self.state == "connected" && self.blocked_until.is_none_or(|until| until <= now)
    }

    /// Whether the breaker is open, so that a claim is a probe and takes one batch only.
    pub fn is_probing(&self) -> bool {
        self.failures_in_a_row >= OPENS_AFTER
    }
}

/// Every connection: there are a handful.
pub fn all(conn: &mut Conn) -> QueryResult<Vec<ConnectionState>> {
    connections::table.select(ConnectionState::as_select()).load(conn)
}

/// One connection, locked until the end of the transaction on PostgreSQL: what is reserved under it adds up.
pub(super) fn lock(conn: &mut Conn, provider: &str) -> QueryResult<Option<ConnectionState>> {
    let row = connections::table.filter(connections::provider.eq(provider));
    match conn {
        Conn::Postgres(c) => row.select(ConnectionState::as_select()).for_update().first(c).optional(),
        Conn::Sqlite(c) => row.select(ConnectionState::as_select()).first(c).optional(),
    }
}

/// Called when a claim takes jobs of a connection whose breaker is open: this is the probe, and the next one waits until it
/// has answered.
pub(super) fn note_probe(tx: &mut Tx<'_>, now: UtcTime, state: &ConnectionState) -> QueryResult<()> {
    diesel::update(connections::table.filter(connections::provider.eq(&state.provider)))
        .set(connections::blocked_until.eq(now + TimeDelta::seconds(state.probe_backoff_s.max(PROBE_FIRST_S))))
        .execute(tx.conn())
        .map(drop)
}

/// Learns from the attempts of one batch that used the connection.
pub(super) fn learn(tx: &mut Tx<'_>, now: UtcTime, provider: &str, verdicts: &[(Verdict, Option<String>)]) -> QueryResult<()> {
    let row = connections::table.filter(connections::provider.eq(provider));
    if verdicts.iter().any(|(verdict, _)| *verdict == Verdict::Works) {
        return works(tx, now, provider);
    }
    if let Some((wait_s, why)) = verdicts.iter().find_map(|(verdict, why)| match verdict {
        Verdict::SlowDown(wait_s) => Some((*wait_s, why.clone())),
        _ => None,
    }) {
        tx.touch(Topic::Connections);
        return diesel::update(row)
            .set((
                connections::blocked_until.eq(now + TimeDelta::seconds(i64::from(wait_s.max(1)))),
                connections::blocked_reason.eq(&why),
                connections::last_error.eq(&why),
                connections::last_error_at.eq(now),
            ))
            .execute(tx.conn())
            .map(drop);
    }
    match verdicts.iter().find(|(verdict, _)| *verdict == Verdict::Fails) {
        Some((_, why)) => fails(tx, now, provider, why.as_deref()),
        None => Ok(()),
    }
}

pub(super) fn works(tx: &mut Tx<'_>, now: UtcTime, provider: &str) -> QueryResult<()> {
    let row = connections::table.filter(connections::provider.eq(provider));
    // A wait that the provider asked for stays: a call that was under way then says nothing about it.
    let recovered = diesel::update(row.filter(connections::failures_in_a_row.gt(0)))
        .set((
            connections::failures_in_a_row.eq(0),
            connections::blocked_until.eq(None::<UtcTime>),
            connections::blocked_reason.eq(None::<String>),
            connections::probe_backoff_s.eq(0),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    if recovered > 0 {
        tx.touch(Topic::Connections);
        tx.touch(Topic::Ready);
    }
    // Once a second is enough: under a transaction held open elsewhere PostgreSQL keeps every version of this row.
    let stale = connections::last_success_at.is_null().or(connections::last_success_at.lt(now - TimeDelta::seconds(1)));
    diesel::update(row.filter(stale)).set(connections::last_success_at.eq(now)).execute(tx.conn()).map(drop)
}

/// Tells of a failure that is not held against the connection.
pub(super) fn tell(tx: &mut Tx<'_>, now: UtcTime, provider: &str, why: &str) -> QueryResult<()> {
    tx.touch(Topic::Connections);
    diesel::update(connections::table.filter(connections::provider.eq(provider)))
        .set((connections::last_error.eq(why), connections::last_error_at.eq(now)))
        .execute(tx.conn())
        .map(drop)
}

fn fails(tx: &mut Tx<'_>, now: UtcTime, provider: &str, why: Option<&str>) -> QueryResult<()> {
    let row = connections::table.filter(connections::provider.eq(provider));
    tx.touch(Topic::Connections);
    diesel::update(row)
        .set((
            connections::failures_in_a_row.eq(connections::failures_in_a_row + 1),
            connections::last_error.eq(why),
            connections::last_error_at.eq(now),
            connections::updated_at.eq(now),
        ))
        .execute(tx.conn())?;
    let Some(state) = row.select(ConnectionState::as_select()).first(tx.conn()).optional()? else { return Ok(()) };
    if !state.is_probing() {
        return Ok(());
    }
    let backoff_s = if state.probe_backoff_s == 0 { PROBE_FIRST_S } else { (state.probe_backoff_s * 2).min(PROBE_LAST_S) };
    diesel::update(row)
        .set((
            connections::blocked_until.eq(now + TimeDelta::seconds(backoff_s)),
            connections::blocked_reason.eq(why),
            connections::probe_backoff_s.eq(backoff_s),
        ))
        .execute(tx.conn())
        .map(drop)
}
