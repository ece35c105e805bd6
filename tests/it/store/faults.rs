//! A closure that goes wrong harms nobody else: panics, constraint violations, swallowed errors, a full disk.

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::BigInt;
use throughline::db::schema::write_batches;
use throughline::db::{Conn, Engine, Store, Tx, WriteError};

use super::group::{Plug, enqueue};
use super::rows::{is_there, put, put_on, second_connection, write_row};
use crate::harness::{TestApp, both_engines, on_engine};

/// A write that goes wrong stands between two that must not notice; so must whatever comes later.
async fn neighbours_survive(app: &TestApp, store: &Store, bad: fn(&mut Tx<'_>) -> QueryResult<()>) -> WriteError<Error> {
    let plug = Plug::hold(store).await;
    let before = enqueue(store, |tx| put(tx, "before"));
    let failing = enqueue(store, bad);
    let after = enqueue(store, |tx| put(tx, "after"));
    plug.release().await;
    before.await.expect("the neighbour before is written");
    let failure = failing.await.expect_err("the bad one fails");
    after.await.expect("the neighbour after is written");
    write_row(store, "later").await.expect("the writer goes on");
    for name in ["before", "after", "later"] {
        assert!(is_there(&app.url, name), "`{name}` was answered and is not there");
    }
    assert!(!is_there(&app.url, "bad"), "the bad one left something");
    failure
}

both_engines! {
    async fn a_panic_at_depth_one_harms_nobody_else(app: TestApp) {
        let failure = neighbours_survive(&app, &app.store, |tx| {
            put(tx, "bad")?;
            panic!("on purpose");
        });
        let failure = failure.await;
        assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("on purpose")), "{failure:?}");
    }

    async fn a_panic_at_depth_two_harms_nobody_else(app: TestApp) {
        let failure = neighbours_survive(&app, &app.store, |tx| {
            tx.conn().transaction(|conn| {
                put_on(conn, "bad")?;
                panic!("on purpose, deeper");
            })
        });
        let failure = failure.await;
        assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("deeper")), "{failure:?}");
    }

    async fn a_constraint_violation_is_the_closures_own_refusal(app: TestApp) {
        let failure = neighbours_survive(&app, &app.store, |tx| { put(tx, "bad")?; put(tx, "before") }).await;
        assert!(matches!(failure, WriteError::Refused(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _))), "{failure:?}");
    }

    async fn a_swallowed_database_error_is_not_a_success(app: TestApp) {
        let failure = neighbours_survive(&app, &app.store, |tx| {
            put(tx, "bad")?;
            let _swallowed = tx.conn().transaction(|conn| put_on(conn, "before"));
            Ok(())
        });
        let failure = failure.await;
        assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("ON CONFLICT")), "{failure:?}");
    }

    async fn a_statement_that_cannot_be_is_not_the_neighbours_fault(app: TestApp) {
        let failure = neighbours_survive(&app, &app.store, |tx| {
            put(tx, "bad")?;
            tx.conn().batch_execute("SELECT * FROM no_such_table")
        });
        let failure = failure.await;
        assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("no_such_table")), "{failure:?}");
    }

    async fn a_transaction_left_open_is_not_a_success(app: TestApp) {
        let failure = neighbours_survive(&app, &app.store, |tx| {
            <Conn as Connection>::TransactionManager::begin_transaction(tx.conn())?;
            put(tx, "bad")
        });
        let failure = failure.await;
        assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("left a transaction open")), "{failure:?}");
    }

    async fn ending_the_outer_transaction_is_found_out(app: TestApp) {
        let store = &app.store;
        let plug = Plug::hold(store).await;
        let before = enqueue(store, |tx| put(tx, "before"));
        let failing = enqueue(store, |tx| tx.conn().batch_execute("ROLLBACK"));
        let after = enqueue(store, |tx| put(tx, "after"));
        plug.release().await;
        failing.await.expect_err("the savepoint is gone");
        before.await.expect("it is run again");
        after.await.expect("it is run again");
        assert!(is_there(&app.url, "before") && is_there(&app.url, "after"));
    }
}

#[derive(QueryableByName)]
struct Pages {
    #[diesel(sql_type = BigInt)]
    page_count: i64,
}

/// A store whose database may grow by so many pages of 4 KiB, no more.
fn store_with_little_room(app: &TestApp, pages: i64) -> Store {
    let mut conn = second_connection(&app.url);
    let now: Pages = diesel::sql_query("PRAGMA page_count").get_result(&mut conn).expect("SQLite tells");
    app.open_store(|options| options.setup_sql = Some(format!("PRAGMA max_page_count = {}", now.page_count + pages)))
}

/// 4 MB: far more than there is room for.
fn put_too_much(tx: &mut Tx<'_>) -> QueryResult<()> {
    put(tx, "bad")?;
    put(tx, &"x".repeat(4 << 20))
}

/// The same through RETURNING, where Diesel's own reporting does not see SQLite's error.
fn put_too_much_returning(tx: &mut Tx<'_>) -> throughline::Result<String> {
    put(tx, "bad")?;
    let row = (write_batches::id.eq("x".repeat(4 << 20)), write_batches::committed_at.eq(chrono::NaiveDateTime::default()));
    Ok(diesel::insert_into(write_batches::table).values(row).returning(write_batches::id).get_result(tx.conn())?)
}

async fn disk_full_at(app: TestApp, place: usize) {
    let store = store_with_little_room(&app, 8);
    let plug = Plug::hold(&store).await;
    let names = ["one", "two", "three"];
    let (mut good, mut full) = (Vec::new(), None);
    for slot in 0..4 {
        if slot == place {
            full = Some(enqueue(&store, put_too_much));
        } else {
            let name = names[good.len()];
            good.push((name, enqueue(&store, move |tx| put(tx, name))));
        }
    }
    plug.release().await;
    let failure = full.expect("one of them").await.expect_err("there is no room");
    assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("full")), "{failure:?}");
    for (name, write) in good {
        write.await.expect("there is room for it");
        assert!(is_there(&app.url, name), "`{name}` was answered and is not there");
    }
    assert!(!is_there(&app.url, "bad"), "the full disk left a part");
    write_row(&store, "later").await.expect("small things still fit");
    assert!(is_there(&app.url, "later"));
}

#[test]
fn disk_full_in_the_first_closure() {
    on_engine(Engine::Sqlite, |app| disk_full_at(app, 0));
}

#[test]
fn disk_full_in_the_middle() {
    on_engine(Engine::Sqlite, |app| disk_full_at(app, 2));
}

#[test]
fn disk_full_in_the_last_closure() {
    on_engine(Engine::Sqlite, |app| disk_full_at(app, 3));
}

#[test]
fn disk_full_behind_a_closures_own_error_is_still_found() {
    on_engine(Engine::Sqlite, |app| async move {
        let store = store_with_little_room(&app, 8);
        let plug = Plug::hold(&store).await;
        let before = enqueue(&store, |tx| put(tx, "before"));
        let full = enqueue(&store, put_too_much_returning);
        let after = enqueue(&store, |tx| put(tx, "after"));
        plug.release().await;
        let failure = full.await.expect_err("there is no room");
        assert!(matches!(&failure, WriteError::NotWritten(why) if why.contains("full")), "{failure:?}");
        before.await.expect("there is room");
        after.await.expect("there is room");
        assert!(is_there(&app.url, "before") && is_there(&app.url, "after") && !is_there(&app.url, "bad"));
    });
}

#[test]
fn after_a_failure_of_unknown_kind_the_connection_is_replaced() {
    on_engine(Engine::Postgres, |app| async move {
        #[derive(QueryableByName)]
        struct Backend {
            #[diesel(sql_type = diesel::sql_types::Integer)]
            pid: i32,
        }
        let pid = |tx: &mut Tx<'_>| {
            diesel::sql_query("SELECT pg_backend_pid() AS pid").get_result::<Backend>(tx.conn()).map(|backend| backend.pid)
        };
        let before = app.store.write("test.pid", "k", pid).await.expect("it reads");
        assert_eq!(app.store.write("test.pid", "k", pid).await.expect("it reads"), before, "one writer, one connection");
        let refused = app.store.write("test.refuse", "k", |tx| put(tx, "a").and_then(|()| put(tx, "a"))).await;
        assert!(matches!(refused, Err(WriteError::Refused(_))));
        assert_eq!(app.store.write("test.pid", "k", pid).await.expect("it reads"), before, "a refusal says nothing against it");
        app.store.write("test.fatal", "k", |tx| tx.conn().batch_execute("SELECT 1/0")).await.expect_err("division by zero");
        assert_ne!(app.store.write("test.pid", "k", pid).await.expect("it reads"), before);
    });
}
