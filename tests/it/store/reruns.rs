//! What may succeed when run again is run again, alone, at most three times; what cannot is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use throughline::db::{Engine, WriteError};

use super::group::{Plug, enqueue};
use super::rows::{is_there, put, second_connection, write_row};
use crate::harness::{TestApp, on_engine};

/// Makes PostgreSQL fail with this code, as it would by itself.
fn raise(code: &str, message: &str) -> String {
    format!("DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END $$")
}

async fn fails_at_first(app: &TestApp, sql: String, times: u32) -> (Result<(), WriteError<diesel::result::Error>>, u32) {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let plug = Plug::hold(&app.store).await;
    let before = enqueue(&app.store, |tx| put(tx, "before"));
    let failing = enqueue(&app.store, move |tx| {
        put(tx, "again")?;
        if counted.fetch_add(1, Ordering::SeqCst) < times { tx.conn().batch_execute(&sql) } else { Ok(()) }
    });
    let after = enqueue(&app.store, |tx| put(tx, "after"));
    plug.release().await;
    before.await.expect("the neighbour before is written");
    after.await.expect("the neighbour after is written");
    (failing.await, runs.load(Ordering::SeqCst))
}

#[test]
fn a_serialization_failure_is_run_again_until_it_succeeds() {
    on_engine(Engine::Postgres, |app| async move {
        let (answer, runs) = fails_at_first(&app, raise("40001", "not in that order"), 3).await;
        answer.expect("the third rerun succeeds");
        assert_eq!(runs, 4);
        assert!(is_there(&app.url, "again") && is_there(&app.url, "before") && is_there(&app.url, "after"));
    });
}

#[test]
fn after_three_reruns_it_is_given_up() {
    on_engine(Engine::Postgres, |app| async move {
        let (answer, runs) = fails_at_first(&app, raise("40P01", "deadlock detected"), u32::MAX).await;
        assert!(matches!(answer, Err(WriteError::NotWritten(_))), "{answer:?}");
        assert_eq!(runs, 4);
        assert!(!is_there(&app.url, "again"));
        write_row(&app.store, "later").await.expect("the writer goes on");
    });
}

#[test]
fn a_real_deadlock_between_two_writers_ends_well_for_both() {
    on_engine(Engine::Postgres, |app| async move {
        write_row(&app.store, "x").await.expect("it is written");
        write_row(&app.store, "y").await.expect("it is written");
        let (first, second) = (app.open_store(|_| {}), app.open_store(|_| {}));
        let (runs, meeting) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let crossing = |names: [&'static str; 2]| {
            let (runs, meeting) = (Arc::clone(&runs), Arc::clone(&meeting));
            move |tx: &mut throughline::db::Tx<'_>| {
                runs.fetch_add(1, Ordering::SeqCst);
                let lock = "UPDATE write_batches SET committed_at = committed_at + interval '1 second' WHERE id = $1";
                diesel::sql_query(lock).bind::<Text, _>(names[0]).execute(tx.conn())?;
                meeting.fetch_add(1, Ordering::SeqCst);
                // Until the other holds its row, too; on later runs both have long been here.
                while meeting.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
                diesel::sql_query(lock).bind::<Text, _>(names[1]).execute(tx.conn())
            }
        };
        let one = first.write("test.cross", "a", crossing(["x", "y"]));
        let other = second.write("test.cross", "b", crossing(["y", "x"]));
        let (one, other) = futures_util::future::join(one, other).await;
        assert_eq!(one.expect("it ends well"), 1);
        assert_eq!(other.expect("it ends well"), 1);
        let runs = runs.load(Ordering::SeqCst);
        assert!(runs >= 3, "PostgreSQL ended one of them, and that one ran again: {runs} runs");
    });
}

/// Holds SQLite's write lock from a connection of its own until told.
fn hold_lock(app: &TestApp) -> std::sync::mpsc::Sender<()> {
    let (release, released) = channel::<()>();
    let mut other = second_connection(&app.url);
    other.batch_execute("BEGIN IMMEDIATE").expect("the lock is free");
    std::thread::spawn(move || {
        let _until_told = released.recv();
        other.batch_execute("COMMIT").expect("the lock is given back");
    });
    release
}

#[test]
fn a_lock_of_another_program_is_waited_for() {
    on_engine(Engine::Sqlite, |app| async move {
        // SQLite itself gives up after 20 ms; the writer insists.
        let store = app.open_store(|options| options.setup_sql = Some("PRAGMA busy_timeout = 20".into()));
        let release = hold_lock(&app);
        let waiting = tokio::spawn(async move { write_row(&store, "a").await });
        tokio::time::sleep(Duration::from_millis(150)).await;
        assert!(!waiting.is_finished());
        release.send(()).expect("the other program waits");
        waiting.await.expect("no panic").expect("it is written after the wait");
        assert!(is_there(&app.url, "a"));
    });
}

#[test]
fn the_write_lock_is_taken_before_the_first_closure_reads() {
    on_engine(Engine::Sqlite, |app| async move {
        let (url, got_in) = (app.url.clone(), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&got_in);
        let written = app.store.write("test.reads_first", "k", move |tx| {
            diesel::sql_query("SELECT id FROM write_batches").execute(tx.conn())?;
            // What was just read would be out of date, and the write below refused, if another could write now.
            let other = second_connection(&url).batch_execute("INSERT INTO write_batches VALUES ('other', CURRENT_TIMESTAMP)");
            counted.fetch_add(u32::from(other.is_ok()), Ordering::SeqCst);
            put(tx, "a")
        });
        written.await.expect("it is written");
        assert_eq!(got_in.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn a_lock_that_stays_is_told_and_the_writer_recovers() {
    on_engine(Engine::Sqlite, |app| async move {
        let store = app.open_store(|options| {
            options.setup_sql = Some("PRAGMA busy_timeout = 20".into());
            options.patience = Duration::from_millis(100);
        });
        let release = hold_lock(&app);
        let answer = write_row(&store, "a").await;
        assert!(matches!(&answer, Err(WriteError::NotWritten(why)) if why.contains("locked")), "{answer:?}");
        release.send(()).expect("the other program waits");
        let recovered = async { while write_row(&store, "b").await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(5), recovered).await.expect("it recovers by itself");
        assert!(is_there(&app.url, "b") && !is_there(&app.url, "a"));
    });
}

#[test]
fn a_connection_killed_between_writes_or_within_one_is_replaced() {
    on_engine(Engine::Postgres, |app| async move {
        const KILL: &str =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
        write_row(&app.store, "a").await.expect("it is written");
        second_connection(&app.url).batch_execute(KILL).expect("the owner may");
        write_row(&app.store, "b").await.expect("on a new connection");
        let runs = Arc::new(AtomicU32::new(0));
        let (counted, url) = (Arc::clone(&runs), app.url.clone());
        let killed = app.store.write("test.killed", "k", move |tx| {
            put(tx, "c")?;
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                second_connection(&url).batch_execute(KILL)?;
            }
            put(tx, "d")
        });
        killed.await.expect("COMMIT was never sent, so it is run again");
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert!(["a", "b", "c", "d"].iter().all(|name| is_there(&app.url, name)));
        app.store.readiness().await.expect("readers recover, too");
    });
}
