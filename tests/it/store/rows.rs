//! Rows that the store's tests write (in `write_batches`: all they need is a unique text), and how others see them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use throughline::db::schema::write_batches;
use throughline::db::{Conn, Store, Tx, WriteError};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Puts a row with this name.
pub fn put(tx: &mut Tx<'_>, name: &str) -> QueryResult<()> {
    put_on(tx.conn(), name)
}

/// Puts a row with this name, on a bare connection.
pub fn put_on(conn: &mut Conn, name: &str) -> QueryResult<()> {
    diesel::insert_into(write_batches::table)
        .values((write_batches::id.eq(name), write_batches::committed_at.eq(chrono::NaiveDateTime::default())))
        .execute(conn)
        .map(drop)
}

/// Writes a row through the store.
pub async fn write_row(store: &Store, name: &'static str) -> Result<(), WriteError<diesel::result::Error>> {
    store.write("test.put", name, move |tx| put(tx, name)).await
}

/// Whether the row is there, seen from a connection of its own that shares nothing with the store.
pub fn is_there(url: &str, name: &str) -> bool {
    let mut conn = second_connection(url);
    let found =
        diesel::sql_query("SELECT count(*) AS count FROM write_batches WHERE id = $1").bind::<Text, _>(name).get_result::<Count>(&mut conn);
    found.expect("the second connection reads").count == 1
}

/// A connection that the store knows nothing of.
pub fn second_connection(url: &str) -> Conn {
    match url.strip_prefix("sqlite:") {
        Some(path) => Conn::Sqlite(diesel::sqlite::SqliteConnection::establish(path).expect("SQLite opens")),
        None => Conn::Postgres(diesel::pg::PgConnection::establish(url).expect("PostgreSQL answers")),
    }
}
