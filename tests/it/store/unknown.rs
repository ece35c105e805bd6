//! The answer to a COMMIT is lost: it is found out what became of it, and nothing is written twice or lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use throughline::db::{Engine, Store, StoreOptions, Tx, WriteError};

use super::group::{KEY, Plug, enqueue};
use super::rows::{put, second_connection};
use super::wire::{Cut, Wire};
use crate::harness::{TestApp, on_engine};

/// A row without any unique column: written twice, it is there twice.
fn add_audit_row(tx: &mut Tx<'_>) -> QueryResult<()> {
    diesel::sql_query("INSERT INTO audit (at, actor, action, subject) VALUES (CURRENT_TIMESTAMP, 'test', 'test', 'test:1')")
        .execute(tx.conn())
        .map(drop)
}

fn audit_rows(app: &TestApp) -> i64 {
    #[derive(QueryableByName)]
    struct Count {
        #[diesel(sql_type = BigInt)]
        count: i64,
    }
    let count = diesel::sql_query("SELECT count(*) AS count FROM audit").get_result::<Count>(&mut second_connection(&app.url));
    count.expect("the second connection reads").count
}

/// A store whose connections go through a wire that can be cut.
pub async fn store_on_a_wire(app: &TestApp, hang_max: Duration) -> (Store, Wire) {
    let (before, rest) = app.url.split_once("@127.0.0.1:").expect("the harness's URL");
    let (port, database) = rest.split_once('/').expect("the harness's URL");
    let wire = Wire::to(port.parse().expect("a port")).await;
    let mut options = StoreOptions::new(&format!("{before}@127.0.0.1:{}/{database}", wire.port), app.clock.clone());
    (options.patience, options.hang_max) = (Duration::from_secs(2), hang_max);
    let store = tokio::task::block_in_place(|| Store::open_with(options)).expect("the store opens");
    (store, wire)
}

/// Three writes in one transaction whose COMMIT is cut; the middle one counts how often it ran.
async fn cut_a_group(app: &TestApp, how: Cut) -> ([Result<(), WriteError<diesel::result::Error>>; 3], u32, Store, Wire) {
    let (store, wire) = store_on_a_wire(app, Duration::from_secs(35)).await;
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let plug = Plug::hold(&store).await;
    let first = enqueue(&store, add_audit_row);
    let counting = enqueue(&store, move |tx| {
        counted.fetch_add(1, Ordering::SeqCst);
        add_audit_row(tx)
    });
    let refusing = enqueue(&store, |tx| {
        add_audit_row(tx)?;
        Err::<(), _>(diesel::result::Error::NotFound)
    });
    wire.cut(how);
    plug.release().await;
    let answers = [first.await, counting.await, refusing.await];
    (answers, runs.load(Ordering::SeqCst), store, wire)
}

#[test]
fn committed_and_the_answer_lost_is_a_success_and_not_repeated() {
    on_engine(Engine::Postgres, |app| async move {
        let ([first, counting, refusing], runs, ..) = cut_a_group(&app, Cut::AfterCommit).await;
        first.expect("it was committed");
        counting.expect("it was committed");
        assert!(matches!(refusing, Err(WriteError::Refused(_))), "its refusal stands");
        assert_eq!((runs, audit_rows(&app)), (1, 2), "run once, there once");
    });
}

#[test]
fn a_commit_that_never_arrived_is_run_again_once_it_is_sure() {
    on_engine(Engine::Postgres, |app| async move {
        let ([first, counting, refusing], runs, ..) = cut_a_group(&app, Cut::BeforeCommit).await;
        first.expect("it is run again");
        counting.expect("it is run again");
        assert!(matches!(refusing, Err(WriteError::Refused(_))), "it refuses again");
        assert_eq!((runs, audit_rows(&app)), (2, 2), "run twice, there once");
    });
}

#[test]
fn what_cannot_be_found_out_is_answered_unknown_and_never_repeated() {
    on_engine(Engine::Postgres, |app| async move {
        let ([first, counting, refusing], runs, store, wire) = cut_a_group(&app, Cut::AfterCommitForGood).await;
        assert!(matches!(first, Err(WriteError::Unknown)), "{first:?}");
        assert!(matches!(counting, Err(WriteError::Unknown)), "{counting:?}");
        assert!(matches!(refusing, Err(WriteError::NotWritten(_))), "a refusal wrote nothing either way: {refusing:?}");
        assert_eq!((runs, audit_rows(&app)), (1, 2));
        let away = store.write("test.away", KEY, |tx| put(tx, "a")).await;
        assert!(matches!(away, Err(WriteError::NotWritten(_))), "{away:?}");
        wire.cut(Cut::Never);
        let recovered = async { while store.write("test.back", KEY, |tx| put(tx, "a")).await.is_err() {} };
        tokio::time::timeout(Duration::from_secs(5), recovered).await.expect("it recovers by itself");
    });
}

#[test]
fn a_lost_answer_to_relaxed_writes_stays_unknown_and_is_never_repeated() {
    on_engine(Engine::Postgres, |app| async move {
        let (store, wire) = store_on_a_wire(&app, Duration::from_secs(35)).await;
        let runs = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&runs);
        let plug = Plug::hold(&store).await;
        let relaxed = enqueue(&store, move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            tx.relax();
            add_audit_row(tx)
        });
        wire.cut(Cut::AfterCommit);
        plug.release().await;
        let answer = relaxed.await;
        assert!(matches!(answer, Err(WriteError::Unknown)), "{answer:?}");
        assert_eq!((runs.load(Ordering::SeqCst), audit_rows(&app)), (1, 1), "it was committed, and is not repeated");
        store.write("test.later", KEY, |tx| put(tx, "later")).await.expect("the writer goes on at once");
    });
}

#[test]
fn a_backend_killed_inside_commit_is_run_again_once_it_is_sure() {
    on_engine(Engine::Postgres, |app| async move {
        // The COMMIT itself takes long enough to be killed: a deferred trigger holds it, the first time.
        let hold = "CREATE SEQUENCE held; \
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS \
            $$ BEGIN IF nextval('held') = 1 THEN PERFORM pg_sleep(30); END IF; RETURN NULL; END $$; \
            CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()";
        diesel::connection::SimpleConnection::batch_execute(&mut second_connection(&app.url), hold).expect("the owner may");
        let url = app.url.clone();
        let killer = std::thread::spawn(move || {
            let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query = 'COMMIT' AND wait_event = 'PgSleep'";
            let mut conn = second_connection(&url);
            while diesel::sql_query(kill).execute(&mut conn).expect("the owner may") == 0 {
                std::thread::yield_now();
            }
        });
        app.store.write("test.killed", "k", add_audit_row).await.expect("it is run again");
        killer.join().expect("the backend was killed inside COMMIT");
        assert_eq!(audit_rows(&app), 1, "there once");
    });
}
