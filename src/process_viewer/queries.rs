//! What the page of processes asks: each process with the jobs it holds.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::processes;
use crate::on_backend;

/// Processes shown; rows of silent ones go after a week.
const PROCESSES_MAX: i64 = 200;
/// Counting jobs in flight stops here.
pub const COUNT_MAX: i64 = 10_000;

/// A process as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = processes)]
pub struct ProcessRow {
    pub id: String,
    pub role: String,
    pub version: String,
    pub host: String,
    pub started_at: UtcTime,
    pub heartbeat_at: UtcTime,
    /// How far the database's clock is ahead of its machine's; None where that was not measured.
    pub clock_ahead_ms: Option<i64>,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    process: String,
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// The processes, those that beat last first.
pub fn processes(conn: &mut Conn) -> QueryResult<Vec<ProcessRow>> {
    processes::table.order((processes::heartbeat_at.desc(), processes::id)).limit(PROCESSES_MAX).select(ProcessRow::as_select()).load(conn)
}

/// How many jobs each process holds a lease on; counting stops at [`COUNT_MAX`] of them all. Reads the index of leased jobs.
pub fn in_flight(conn: &mut Conn) -> QueryResult<BTreeMap<String, i64>> {
    let counted: Vec<Counted> = on_backend!(conn, |c| diesel::sql_query(format!(
        "SELECT leased_by AS process, COUNT(*) AS total \
         FROM (SELECT leased_by FROM jobs WHERE leased_by IS NOT NULL LIMIT {COUNT_MAX}) AS leased GROUP BY leased_by"
    ))
    .load(c))?;
    Ok(counted.into_iter().map(|row| (row.process, row.total)).collect())
}
