//! The first job about something that is made in the same transaction. Nothing else can be about it yet, so nobody looks for
//! another that carries its unique key, nobody needs its id, and it is written with those of the whole group: on PostgreSQL one
//! statement for all of them, where each would cost a way to the server.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamp};

use super::enqueue::{NewJob, NewRow};
use super::kind::Job;
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Conn, GatheredRow, Topic, Tx};
use crate::on_backend;

/// Enqueues the first job about what this closure makes. The closure cannot read it, and it has no order key. A unique key that
/// is in use after all fails the write.
pub fn enqueue_first<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>) -> QueryResult<()> {
    debug_assert!(new.order_key.is_none(), "its row would have to be locked first");
    tx.touch(Topic::Jobs);
    tx.touch(Topic::Ready);
    tx.gather(NewRow::outliving(new, now)?);
    Ok(())
}

type Row = NewRow<'static>;

impl GatheredRow for Row {
    fn insert_all(conn: &mut Conn, rows: Vec<Self>) -> QueryResult<()> {
        match conn {
            Conn::Postgres(c) if rows.len() > 1 => insert_together(c, &rows),
            conn => rows
                .into_iter()
                .try_for_each(|row| on_backend!(conn, |c| diesel::insert_into(jobs::table).values(row).execute(c)).map(drop)),
        }
    }
}

/// What is the same for all that are new stands in the text.
fn insert_together(conn: &mut PgConnection, rows: &[Row]) -> QueryResult<()> {
    let texts = |of: fn(&Row) -> &str| rows.iter().map(of).collect::<Vec<_>>();
    diesel::sql_query(
        "INSERT INTO jobs (kind, lane, payload, line_id, subject, connection, unique_key, repeatable, attempts_max, run_at, created_at, \
         due_since, updated_at, state, attempts, provider_failures, run_again) \
         SELECT kind, lane, payload, line_id, subject, connection, unique_key, repeatable, attempts_max, run_at, now, now, now, \
         'pending', 0, 0, FALSE \
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS new (kind, lane, payload, line_id, subject, connection, \
         unique_key, repeatable, attempts_max, run_at, now)",
    )
    .bind::<Array<Text>, _>(texts(|row| row.kind))
    .bind::<Array<Text>, _>(texts(|row| row.lane.as_str()))
    .bind::<Array<Text>, _>(texts(|row| &row.payload))
    .bind::<Array<Text>, _>(texts(|row| &row.line_id))
    .bind::<Array<Text>, _>(texts(|row| &row.subject))
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.connection).collect::<Vec<_>>())
    .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| row.unique_key.as_deref()).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(rows.iter().map(|row| row.repeatable).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.attempts_max).collect::<Vec<_>>())
    .bind::<Array<Timestamp>, _>(rows.iter().map(|row| row.run_at).collect::<Vec<_>>())
    .bind::<Array<Timestamp>, _>(rows.iter().map(|row| row.created_at).collect::<Vec<_>>())
    .execute(conn)
    .map(drop)
}
