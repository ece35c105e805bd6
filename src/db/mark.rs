//! How a batch is known again after a COMMIT whose answer was lost: the last thing written before COMMIT is a mark, and
//! whoever writes a mark of its own afterwards learns whether the first one is there, and keeps it from ever arriving.
//!
//! PostgreSQL: a row of `write_batches`. SQLite, where one writer commits at a time: `user_version`, a number in the
//! database's header that the program uses for nothing else and that costs no table. (A commit there fails for good when a
//! write or the sync of the log fails. The group may still come back when the log is read again after a crash or by a new
//! connection, so "failed" is not "not written" until something else was committed over it.)

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::BigInt;

use super::conn::{Conn, Engine};
use super::schema::write_batches;
use crate::clock::{Clock, UtcTime};
use crate::random;

/// The mark of one batch.
#[derive(Clone, Debug)]
pub(super) struct BatchMark {
    /// Time-ordered (UUID version 7), so that the index grows at its end.
    id: String,
    /// What SQLite's header has room for.
    number: i32,
    at: UtcTime,
}

#[derive(QueryableByName)]
struct Header {
    #[diesel(sql_type = BigInt)]
    user_version: i64,
}

impl BatchMark {
    pub(super) fn new(clock: &Clock) -> Self {
        let at = clock.now();
        let millis = u64::try_from(at.and_utc().timestamp_millis()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random::bytes::<10>()).into_uuid().to_string();
        Self { id, number: fresh_number(), at }
    }

    /// How logs name the batch.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The statement that leaves the mark. As text, so that it travels with the statement before it: both parts are ours.
    pub(super) fn statement(&self, engine: Engine) -> String {
        match engine {
            Engine::Postgres => {
                format!("INSERT INTO write_batches (id, committed_at) VALUES ('{}', '{}')", self.id, self.at.format("%F %T%.6f"))
            }
            Engine::Sqlite => set_number(self.number),
        }
    }

    /// After a lost COMMIT, on a new connection: whether the batch was committed. If the answer is no, it never can be any
    /// more.
    pub(super) fn was_committed(&self, conn: &mut Conn) -> QueryResult<bool> {
        if matches!(conn, Conn::Sqlite(_)) { self.stands_in_header(conn) } else { self.is_among_rows(conn) }
    }

    /// Our insert waits for the transaction that is lost, then fails if that was committed.
    fn is_among_rows(&self, conn: &mut Conn) -> QueryResult<bool> {
        let row = (write_batches::id.eq(&self.id), write_batches::committed_at.eq(self.at));
        match diesel::insert_into(write_batches::table).values(row).execute(conn) {
            Ok(_) => Ok(false),
            Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(true),
            Err(other) => Err(other),
        }
    }

    /// Writes the header again in either case: a commit that was found is on the disk only after one that was synced, and
    /// one that was not found is overwritten in the log.
    fn stands_in_header(&self, conn: &mut Conn) -> QueryResult<bool> {
        conn.batch_execute("BEGIN IMMEDIATE")?;
        let header: Header = diesel::sql_query("SELECT user_version FROM pragma_user_version").get_result(conn)?;
        let is_there = header.user_version == i64::from(self.number);
        conn.batch_execute(&set_number(if is_there { self.number } else { fresh_number() }))?;
        // Relaxed commits before it may stand in a part of the log that the disk refused: moved into the database, what is
        // seen is also kept.
        conn.batch_execute("COMMIT; PRAGMA wal_checkpoint(RESTART)")?;
        Ok(is_there)
    }
}

fn fresh_number() -> i32 {
    i32::from_be_bytes(random::bytes::<4>())
}

fn set_number(number: i32) -> String {
    format!("PRAGMA user_version = {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_sqlites_header_a_mark_is_found_or_can_never_come_any_more() {
        let mut conn = Conn::Sqlite(diesel::sqlite::SqliteConnection::establish(":memory:").expect("SQLite opens"));
        let (written, lost) = (BatchMark::new(&Clock::machine()), BatchMark::new(&Clock::machine()));
        conn.batch_execute(&written.statement(Engine::Sqlite)).expect("it is written");
        assert!(!lost.was_committed(&mut conn).expect("it can be asked"));
        assert!(!written.was_committed(&mut conn).expect("it can be asked"), "the question for another went over it");
        conn.batch_execute(&written.statement(Engine::Sqlite)).expect("it is written");
        assert!(written.was_committed(&mut conn).expect("it can be asked"));
        assert!(written.was_committed(&mut conn).expect("it can be asked"), "finding it leaves it there");
    }
}
