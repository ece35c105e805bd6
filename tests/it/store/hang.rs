//! The wire to PostgreSQL goes silent and no socket is closed: neither side would ever learn of it.

use std::time::Duration;

use diesel::prelude::*;
use throughline::db::schema::write_batches;
use throughline::db::{Conn, Engine, ReadError, Store, WriteError};

use super::rows::write_row;
use super::unknown::store_on_a_wire;
use crate::harness::on_engine;

async fn count_rows(store: &Store) -> Result<i64, ReadError> {
    store.read(|conn: &mut Conn| write_batches::table.count().get_result(conn).map_err(ReadError::from)).await
}

#[test]
fn a_writer_whose_connection_hangs_is_relieved_by_another() {
    on_engine(Engine::Postgres, |app| async move {
        let (store, wire) = store_on_a_wire(&app, Duration::from_secs(1)).await;
        // One for each of the two writers.
        for name in ["a", "b", "c", "d"] {
            write_row(&store, name).await.expect("the wire is whole");
        }
        wire.swallow();

        for name in ["e", "f", "g", "h"] {
            let told = write_row(&store, name).await;
            assert!(matches!(told, Ok(()) | Err(WriteError::Unknown)), "{told:?}");
        }

        for name in ["i", "j", "k", "l"] {
            write_row(&store, name).await.expect("another writer sits there, with a new connection");
        }
        tokio::time::timeout(Duration::from_secs(10), store.close()).await.expect("nobody waits for the one that hangs");
    });
}

#[test]
fn readers_whose_connections_hang_are_replaced() {
    on_engine(Engine::Postgres, |app| async move {
        let (store, wire) = store_on_a_wire(&app, Duration::from_secs(1)).await;
        let asked: [_; 8] = std::array::from_fn(|_| count_rows(&store));
        assert!(futures_util::future::join_all(asked).await.iter().all(Result::is_ok));
        wire.swallow();

        // Whoever asks now is told, and soon after everybody is served again.
        let mut refusals = 0;
        while count_rows(&store).await.is_err() {
            refusals += 1;
            assert!(refusals < 10, "readers stay away");
        }
        assert!(refusals > 0, "the connections hung");
        tokio::time::timeout(Duration::from_secs(10), store.close()).await.expect("nobody waits for those that hang");
    });
}
