//! How receipts fare, by the type of their events: over a bounded number of them, whatever the size of the table.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
use serde::Serialize;

use super::list_queries;
use super::model::ReceiptState;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::receipts;
use crate::on_backend;

/// So many of each type are looked at, the newest first. Beyond this a count says "at least".
pub const LOOKED_MAX: i64 = 2_000;

/// The newest events of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeFigures {
    pub event_type: String,
    /// At most [`LOOKED_MAX`].
    pub received: i64,
    pub handled: i64,
    pub superseded: i64,
    pub not_handled: i64,
    pub refused: i64,
    pub failed: i64,
    /// Not interpreted yet.
    pub waiting: i64,
    /// How often they came again.
    pub duplicates: i64,
    #[serde(skip)]
    pub last_at: Option<UtcTime>,
}

impl TypeFigures {
    /// Those that came to the end that was meant for them, and those that did or failed.
    pub fn success(&self) -> (i64, i64) {
        let good = self.handled + self.superseded;
        (good, good + self.failed)
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    duplicates: i64,
    #[diesel(sql_type = Nullable<Timestamp>)]
    last_at: Option<UtcTime>,
}

/// Of each type, those with the newest first.
pub fn by_type(conn: &mut Conn) -> QueryResult<Vec<TypeFigures>> {
    let mut all = Vec::new();
    for event_type in list_queries::types(conn)? {
        all.push(of_type(conn, event_type)?);
    }
    all.sort_by_key(|figures| std::cmp::Reverse(figures.last_at));
    Ok(all)
}

fn of_type(conn: &mut Conn, event_type: String) -> QueryResult<TypeFigures> {
    // In the FROM clause, where the query builder cannot put it: the limit ends the walk over the index.
    let sql = format!(
        "SELECT state, COUNT(*) AS total, CAST(SUM(duplicates) AS BIGINT) AS duplicates, MAX(received_at) AS last_at FROM (SELECT state, \
         duplicates, received_at FROM receipts WHERE event_type = $1 ORDER BY received_at DESC, id DESC LIMIT {LOOKED_MAX}) AS newest \
         GROUP BY state"
    );
    let rows: Vec<Counted> = on_backend!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(event_type.as_str()).load(c))?;
    let of = |state: ReceiptState| rows.iter().filter(|row| row.state == state.as_str()).map(|row| row.total).sum();
    Ok(TypeFigures {
        received: rows.iter().map(|row| row.total).sum(),
        handled: of(ReceiptState::Handled),
        superseded: of(ReceiptState::Superseded),
        not_handled: of(ReceiptState::NotHandled),
        refused: of(ReceiptState::Refused),
        failed: of(ReceiptState::Failed),
        waiting: of(ReceiptState::Received),
        duplicates: rows.iter().map(|row| row.duplicates).sum(),
        last_at: rows.iter().filter_map(|row| row.last_at).max(),
        event_type,
    })
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many receipts of a provider, known in one way, are in one state.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct StateCount {
    #[diesel(sql_type = Text)]
    pub provider: String,
    #[diesel(sql_type = Text)]
    pub verdict: String,
    #[diesel(sql_type = Text)]
    pub state: String,
    #[diesel(sql_type = BigInt)]
    pub total: i64,
}

/// Where the receipts of all providers stand.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    /// Up to [`COUNT_MAX`] in each state.
    pub receipts: Vec<StateCount>,
    /// Since when the receipt waits that has waited longest to be interpreted.
    pub oldest_waiting: Option<UtcTime>,
}

/// Looks, at a bounded number of rows.
pub fn backlog(conn: &mut Conn) -> QueryResult<Backlog> {
    Ok(Backlog { receipts: by_state(conn)?, oldest_waiting: oldest_waiting(conn)? })
}

/// Over the newest 10,000 in each state.
fn by_state(conn: &mut Conn) -> QueryResult<Vec<StateCount>> {
    let sql = format!(
        "SELECT provider, verdict, state, COUNT(*) AS total FROM (SELECT provider, verdict, state FROM receipts WHERE state = $1 \
         ORDER BY received_at DESC, id DESC LIMIT {COUNT_MAX}) AS newest GROUP BY provider, verdict, state ORDER BY provider, verdict"
    );
    let mut all = Vec::new();
    for state in ReceiptState::ALL {
        let sql = sql.clone();
        let rows: Vec<StateCount> = on_backend!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(state.as_str()).load(c))?;
        all.extend(rows);
    }
    Ok(all)
}

fn oldest_waiting(conn: &mut Conn) -> QueryResult<Option<UtcTime>> {
    receipts::table
        .filter(receipts::state.eq(ReceiptState::Received))
        .order((receipts::received_at, receipts::id))
        .select(receipts::received_at)
        .first(conn)
        .optional()
}

/// How many receipts have the state; 10,000 at most.
pub fn count(conn: &mut Conn, state: ReceiptState) -> QueryResult<i64> {
    let sql = format!("SELECT COUNT(*) AS total FROM (SELECT 1 FROM receipts WHERE state = $1 LIMIT {COUNT_MAX}) AS first");
    let counted: Total = on_backend!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(state.as_str()).get_result(c))?;
    Ok(counted.total)
}

/// Beyond this a count says "at least".
pub const COUNT_MAX: i64 = 10_000;
