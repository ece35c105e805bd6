//! The way most jobs end: done. All of a transaction's are written by one statement.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamp};
use serde_json::Value;

use super::kind::JobId;
use crate::clock::UtcTime;
use crate::db::{Conn, json_text};
use crate::hand_written_query;

/// A job that is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain<'a> {
    pub id: JobId,
    pub lease_token: i64,
    pub note: Option<&'a Value>,
}

/// Marks them done where the lease still holds. Returns those that were, each with whether it was queued once more: an
/// enqueue of the same unique key marked it while it ran.
pub(super) fn finish(conn: &mut Conn, now: UtcTime, done: &[Plain<'_>]) -> QueryResult<Vec<(JobId, bool)>> {
    if done.is_empty() {
        return Ok(Vec::new());
    }
    match conn {
        Conn::Postgres(c) => OnPostgres {
            now,
            ids: done.iter().map(|job| job.id.0).collect(),
            leases: done.iter().map(|job| job.lease_token).collect(),
            notes: done.iter().map(|job| job.note.map(ToString::to_string)).collect(),
        }
        .load(c),
        Conn::Sqlite(c) => {
            let rows: Vec<(i64, i64, Option<String>)> =
                done.iter().map(|job| (job.id.0, job.lease_token, job.note.map(ToString::to_string))).collect();
            let rows = json_text(&rows)?;
            OnSqlite { now, rows }.load(c)
        }
    }
}

/// Between the bound time and the rows. A marked job starts anew; it keeps its place in the order of its key.
const SET: [&str; 5] = [
    "UPDATE jobs SET state = CASE WHEN run_again THEN 'pending' ELSE 'succeeded' END, run_at = CASE WHEN run_again THEN ",
    " ELSE run_at END, due_since = CASE WHEN run_again THEN ",
    " ELSE due_since END, attempts = CASE WHEN run_again THEN 0 ELSE attempts END, \
     provider_failures = CASE WHEN run_again THEN 0 ELSE provider_failures END, run_again = FALSE, lease_token = NULL, leased_by = NULL, \
     waits_for = NULL, note = done.note, order_place = CASE WHEN run_again THEN order_place ELSE NULL END, \
     finished_at = CASE WHEN run_again THEN NULL ELSE ",
    " END, updated_at = ",
    " FROM ",
];
// No condition on the state: it would tempt PostgreSQL to walk an index by state instead of looking up the ids.
const MATCH: &str = " WHERE jobs.id = done.id AND jobs.lease_token = done.lease RETURNING jobs.id, jobs.state = 'pending'";

#[derive(Debug)]
struct OnPostgres {
    now: UtcTime,
    ids: Vec<i64>,
    leases: Vec<i64>,
    notes: Vec<Option<String>>,
}

impl QueryFragment<diesel::pg::Pg> for OnPostgres {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        for (nth, part) in SET.iter().enumerate() {
            out.push_sql(part);
            if nth + 1 < SET.len() {
                out.push_bind_param::<Timestamp, _>(&self.now)?;
            }
        }
        out.push_sql("unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.ids)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.leases)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Nullable<Text>>, _>(&self.notes)?;
        out.push_sql(") AS done(id, lease, note)");
        out.push_sql(MATCH);
        Ok(())
    }
}

#[derive(Debug)]
struct OnSqlite {
    now: UtcTime,
    /// `[[id, lease, note], …]`
    rows: String,
}

impl QueryFragment<diesel::sqlite::Sqlite> for OnSqlite {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        for (nth, part) in SET.iter().enumerate() {
            out.push_sql(part);
            if nth + 1 < SET.len() {
                out.push_bind_param::<Timestamp, _>(&self.now)?;
            }
        }
        out.push_sql("(SELECT value ->> 0 AS id, value ->> 1 AS lease, value ->> 2 AS note FROM json_each(");
        out.push_bind_param::<Text, _>(&self.rows)?;
        out.push_sql(")) AS done");
        out.push_sql(MATCH);
        Ok(())
    }
}

hand_written_query! { OnPostgres -> (BigInt, Bool) }
hand_written_query! { OnSqlite -> (BigInt, Bool) }
