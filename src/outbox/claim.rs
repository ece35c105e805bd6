//! Claiming: takes what is ready, oldest first, one kind at a time, and gives it to this process under a fresh lease.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::breaker::{self, ConnectionState};
use super::kind::{JobId, JobState, Repeatable};
use super::registry::{RawChange, Registry};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Conn, Topic, Tx};
use crate::{on_backend, random};

/// One run's worth of jobs: all of one kind, all under one lease token.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub kind: String,
    pub rows: Vec<JobRow>,
    pub lease_token: i64,
}

/// Claims up to `runs_max` batches.
pub(super) fn claim(tx: &mut Tx<'_>, registry: &Registry, process_id: &str, now: UtcTime, runs_max: usize) -> QueryResult<Vec<Batch>> {
    let mut batches = Vec::new();
    for _ in 0..runs_max {
        let states = breaker::all(tx.conn())?;
        let Some((kind, connection)) = oldest_ready(tx.conn(), registry, &states, now)? else { break };
        let Some(spec) = registry.get(&kind) else { break };
        let state = states.iter().find(|state| Some(&state.provider) == connection.as_ref());
        let repeatable = match spec.repeatable {
            Repeatable::Always => true,
            Repeatable::WithExternalField => state.is_some_and(|state| state.external_field.is_some()),
            Repeatable::Never => false,
        };
        let taking = Taking { process_id, now, most: spec.batch_max, repeatable, connection: connection.as_deref() };
        let batch = take(tx, &kind, taking)?;
        if batch.rows.is_empty() {
            break; // another process was faster
        }
        if let Some(state) = state {
            breaker::note_claim(tx, now, state)?;
        }
        (spec.reflect)(tx, &batch.rows.iter().map(|row| started(row, now)).collect::<Vec<_>>())?;
        batches.push(batch);
    }
    if !batches.is_empty() {
        tx.touch(Topic::Jobs);
    }
    Ok(batches)
}

/// Whether a claim would find anything: asked of a reader, so that an idle worker writes nothing.
pub(super) fn is_any_ready(conn: &mut Conn, registry: &Registry, now: UtcTime) -> QueryResult<bool> {
    let states = breaker::all(conn)?;
    Ok(oldest_ready(conn, registry, &states, now)?.is_some())
}

/// The kind and connection of the job that has been ready for longest. Each connection is asked for its own oldest, so that
/// a blocked one costs nothing, however many jobs wait for it.
fn oldest_ready(
    conn: &mut Conn,
    registry: &Registry,
    states: &[ConnectionState],
    now: UtcTime,
) -> QueryResult<Option<(String, Option<String>)>> {
    let open = states.iter().filter(|state| state.is_open(now)).map(|state| state.provider.as_str());
    let mut oldest: Oldest = None;
    for connection in std::iter::once(None).chain(open.map(Some)) {
        let found = oldest_of(conn, &registry.kinds(), connection, now)?;
        oldest = match (oldest, found) {
            (Some(one), Some(other)) => Some(if (one.0, one.1) <= (other.0, other.1) { one } else { other }),
            (one, other) => one.or(other),
        };
    }
    Ok(oldest.map(|(_, _, kind, connection)| (kind, connection)))
}

type Oldest = Option<(UtcTime, JobId, String, Option<String>)>;

fn oldest_of(conn: &mut Conn, kinds: &[&'static str], connection: Option<&str>, now: UtcTime) -> QueryResult<Oldest> {
    on_backend!(conn, |c| {
        let ready = jobs::table
            .filter(jobs::state.eq(pending()))
            .filter(jobs::run_at.le(now))
            .filter(jobs::kind.eq_any(kinds))
            .order((jobs::run_at, jobs::id))
            .select((jobs::run_at, jobs::id, jobs::kind, jobs::connection));
        match connection {
            Some(connection) => ready.filter(jobs::connection.eq(connection)).first(c).optional(),
            None => ready.filter(jobs::connection.is_null()).first(c).optional(),
        }
    })
}

/// Written into the statement rather than bound: SQLite uses the partial index only when it can read the state.
fn pending() -> SqlLiteral<Text> {
    sql::<Text>("'pending'")
}

#[derive(Clone, Copy)]
struct Taking<'a> {
    process_id: &'a str,
    now: UtcTime,
    most: usize,
    repeatable: bool,
    connection: Option<&'a str>,
}

fn take(tx: &mut Tx<'_>, kind: &str, taking: Taking<'_>) -> QueryResult<Batch> {
    let lease_token = random::positive_i64();
    let ids = ready_ids(tx.conn(), kind, taking)?;
    on_backend!(tx.conn(), |c| diesel::update(jobs::table.filter(jobs::id.eq_any(&ids)))
        .set((
            jobs::state.eq(JobState::Running),
            jobs::lease_token.eq(lease_token),
            jobs::leased_by.eq(taking.process_id),
            jobs::repeatable.eq(taking.repeatable),
            jobs::waits_for.eq(None::<String>),
            jobs::started_at.eq(taking.now),
            jobs::updated_at.eq(taking.now),
        ))
        .execute(c))?;
    let rows = on_backend!(tx.conn(), |c| jobs::table
        .filter(jobs::id.eq_any(&ids))
        .order((jobs::run_at, jobs::id))
        .select(JobRow::as_select())
        .load(c))?;
    Ok(Batch { kind: kind.to_owned(), rows, lease_token })
}

fn ready_ids(conn: &mut Conn, kind: &str, taking: Taking<'_>) -> QueryResult<Vec<JobId>> {
    let most = i64::try_from(taking.most).unwrap_or(1);
    let ready = jobs::table
        .filter(jobs::state.eq(pending()))
        .filter(jobs::run_at.le(taking.now))
        .filter(jobs::kind.eq(kind))
        .order((jobs::run_at, jobs::id))
        .limit(most)
        .select(jobs::id);
    // Processes claim beside each other on PostgreSQL: each skips what another is just taking. SQLite has one writer.
    match (conn, taking.connection) {
        (Conn::Postgres(c), Some(connection)) => ready.filter(jobs::connection.eq(connection)).for_update().skip_locked().load(c),
        (Conn::Postgres(c), None) => ready.filter(jobs::connection.is_null()).for_update().skip_locked().load(c),
        (Conn::Sqlite(c), Some(connection)) => ready.filter(jobs::connection.eq(connection)).load(c),
        (Conn::Sqlite(c), None) => ready.filter(jobs::connection.is_null()).load(c),
    }
}

fn started(row: &JobRow, now: UtcTime) -> RawChange {
    RawChange { row: row.clone(), state: JobState::Running, attempts: row.attempts, error: None, note: None, response: None, at: now }
}
