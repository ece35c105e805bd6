//! Gives jobs to a process. Written by hand where the builder would do, since Diesel prepares an UPDATE of its own making anew
//! each time: on PostgreSQL that is one more way to the server, and planning, in every pick-up.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment};
use diesel::sql_types::{Array, BigInt, Bool, HasSqlType, Text, Timestamp};

use super::kind::JobId;
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Conn, json_text};
use crate::hand_written_query;

/// Who gets which jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lease<'a> {
    pub ids: &'a [JobId],
    pub token: i64,
    pub process_id: &'a str,
    /// Whether running these again does no harm, as it stands now.
    pub repeatable: bool,
    pub now: UtcTime,
}

impl Lease<'_> {
    /// Marks the jobs, and returns their rows in no order.
    pub(super) fn give(self, conn: &mut Conn) -> QueryResult<Vec<JobRow>> {
        let ids: Vec<i64> = self.ids.iter().map(|id| id.0).collect();
        match conn {
            Conn::Postgres(c) => OnPostgres { lease: self, ids }.load(c),
            Conn::Sqlite(c) => {
                let ids = json_text(&ids)?;
                OnSqlite { lease: self, ids }.load(c)
            }
        }
    }

    fn set<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: diesel::backend::Backend + HasSqlType<BigInt> + HasSqlType<Text> + HasSqlType<Bool> + HasSqlType<Timestamp>,
        i64: diesel::serialize::ToSql<BigInt, DB>,
        str: diesel::serialize::ToSql<Text, DB>,
        bool: diesel::serialize::ToSql<Bool, DB>,
        UtcTime: diesel::serialize::ToSql<Timestamp, DB>,
    {
        out.push_sql("UPDATE jobs SET state = 'running', waits_for = NULL, lease_token = ");
        out.push_bind_param::<BigInt, _>(&self.token)?;
        out.push_sql(", leased_by = ");
        out.push_bind_param::<Text, str>(self.process_id)?;
        out.push_sql(", repeatable = ");
        out.push_bind_param::<Bool, _>(&self.repeatable)?;
        out.push_sql(", started_at = ");
        out.push_bind_param::<Timestamp, _>(&self.now)?;
        out.push_sql(", updated_at = ");
        out.push_bind_param::<Timestamp, _>(&self.now)?;
        out.push_sql(" WHERE id ");
        Ok(())
    }
}

/// The columns in the order of [`JobRow`], which is that of the schema.
const RETURNING: &str = " RETURNING id, kind, lane, state, payload, line_id, subject, connection, unique_key, repeatable, run_at, attempts, \
    attempts_max, provider_failures, lease_token, leased_by, waits_for, last_class, last_error, last_failed_at, note, created_at, due_since, \
    started_at, finished_at, updated_at, order_key, order_place, run_again, batch_limit";

#[derive(Debug)]
struct OnPostgres<'a> {
    lease: Lease<'a>,
    ids: Vec<i64>,
}

impl QueryFragment<diesel::pg::Pg> for OnPostgres<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        self.lease.set(&mut out)?;
        out.push_sql("= ANY(");
        out.push_bind_param::<Array<BigInt>, _>(&self.ids)?;
        out.push_sql(")");
        out.push_sql(RETURNING);
        Ok(())
    }
}

#[derive(Debug)]
struct OnSqlite<'a> {
    lease: Lease<'a>,
    /// `[id, …]`
    ids: String,
}

impl QueryFragment<diesel::sqlite::Sqlite> for OnSqlite<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::sqlite::Sqlite>) -> QueryResult<()> {
        self.lease.set(&mut out)?;
        out.push_sql("IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.ids)?;
        out.push_sql("))");
        out.push_sql(RETURNING);
        Ok(())
    }
}

hand_written_query! { OnPostgres<'a> -> jobs::SqlType }
hand_written_query! { OnSqlite<'a> -> jobs::SqlType }
