//! What the writer does not do: wait for ever, take more than it may hold, work for nobody, call itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use diesel::prelude::*;
use diesel::result::Error;
use futures_util::FutureExt;
use throughline::db::schema::write_batches;
use throughline::db::{Engine, ReadError, Tx, WriteError};

use super::group::{KEY, Plug, enqueue};
use super::rows::{is_there, put, write_row};
use crate::harness::{TestApp, both_engines, on_engine};

both_engines! {
    async fn a_full_writer_says_busy_and_keeps_what_it_took(app: TestApp) {
        let store = app.open_store(|options| options.queue_max = 3);
        let plug = Plug::hold(&store).await;
        let taken = [enqueue(&store, |tx| put(tx, "a")), enqueue(&store, |tx| put(tx, "b")), enqueue(&store, |tx| put(tx, "c"))];
        let refused = enqueue(&store, |tx| put(tx, "d")).await;
        assert!(matches!(refused, Err(WriteError::Busy)), "{refused:?}");
        plug.release().await;
        for write in taken {
            write.await.expect("it was taken, so it is written");
        }
        assert!(is_there(&app.url, "c") && !is_there(&app.url, "d"));
        store.write("test.later", KEY, |tx| put(tx, "e")).await.expect("there is room again");
    }

    async fn a_write_nobody_waits_for_is_left_out_only_before_it_began(app: TestApp) {
        let store = &app.store;
        let plug = Plug::hold(store).await;
        let ran = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&ran);
        let abandoned = enqueue(store, move |tx| { counted.fetch_add(1, Ordering::SeqCst); put(tx, "abandoned") });
        drop(abandoned);
        plug.release().await;
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (begun, wait) = (std::sync::Mutex::new(begun), Arc::new(std::sync::Barrier::new(2)));
        let inside = Arc::clone(&wait);
        let left = enqueue(store, move |tx| { begun.lock().expect("one thread").send(()).expect("the test waits"); inside.wait(); put(tx, "begun") });
        tokio::task::block_in_place(|| { has_begun.recv().expect("it begins"); drop(left); wait.wait() });
        store.flush().await;
        assert_eq!(ran.load(Ordering::SeqCst), 0);
        assert!(is_there(&app.url, "begun") && !is_there(&app.url, "abandoned"));
    }

    async fn asking_the_store_inside_a_write_is_an_error(app: TestApp) {
        let (store, handle) = (app.store.clone(), tokio::runtime::Handle::current());
        let asked = app.store.write("test.guard", "k", move |tx| {
            let read = handle.block_on(store.read(|_| Ok::<(), ReadError>(())));
            let write = handle.block_on(store.write("test.inner", "k", |_| Ok::<(), Error>(())));
            // Also where the call is only made here and awaited elsewhere.
            let elsewhere = handle.block_on(handle.spawn({ let store = store.clone(); let call = store.read(|_| Ok::<(), ReadError>(())).now_or_never(); async move { call } }));
            put(tx, "a")?;
            Ok::<_, Error>((read.is_err(), matches!(write, Err(WriteError::NotWritten(_))), matches!(elsewhere, Ok(Some(Err(_))))))
        });
        assert_eq!(asked.await.expect("the outer write goes on"), (true, true, true));
        app.store.read(|_| Ok::<(), ReadError>(())).await.expect("outside it is allowed");
    }

    async fn ids_of_old_batches_are_forgotten_and_fresh_ones_kept(app: TestApp) {
        app.store.write("test.old", "k", |tx| {
            for number in 0..700 {
                put(tx, &format!("old {number}"))?;
            }
            Ok::<(), Error>(())
        }).await.expect("it is written");
        let now = app.clock.now();
        app.store.write("test.fresh", "k", move |tx| {
            diesel::insert_into(write_batches::table).values((write_batches::id.eq("fresh"), write_batches::committed_at.eq(now))).execute(tx.conn())
        }).await.expect("it is written");
        assert_eq!(app.store.forget_old_batches().await.expect("they go"), 700);
        assert!(is_there(&app.url, "fresh"));
    }
}

/// How many batches it takes to commit so many closures that wait at once.
async fn batches_for(app: &TestApp, closures: usize, change: fn(&mut Tx<'_>) -> Result<(), Error>) -> i64 {
    let plug = Plug::hold(&app.store).await;
    let writes: Vec<_> = (0..closures).map(|_| enqueue(&app.store, change)).collect();
    plug.release().await;
    for write in writes {
        write.await.expect("it is written");
    }
    // One row a batch.
    let batches = app.store.read(|conn| write_batches::table.count().get_result::<i64>(conn).map_err(ReadError::from)).await;
    batches.expect("it reads")
}

#[test]
fn a_batch_ends_after_128_closures() {
    on_engine(Engine::Postgres, |app| async move {
        assert!(batches_for(&app, 300, |_| Ok(())).await >= 3);
    });
}

#[test]
fn a_batch_ends_after_20_ms_of_work() {
    on_engine(Engine::Postgres, |app| async move {
        let slow = |_: &mut Tx<'_>| {
            std::thread::sleep(Duration::from_millis(12));
            Ok(())
        };
        // Two closures fill a batch; on a busy machine one may do.
        assert!(batches_for(&app, 6, slow).await >= 3);
    });
}

#[test]
fn readers_that_panic_or_forget_a_transaction_are_not_handed_out_again() {
    on_engine(Engine::Sqlite, |app| async move {
        let store = app.open_store(|options| options.readers = 1);
        let panicked = store.read(|_| -> Result<(), ReadError> { panic!("on purpose") }).await;
        assert!(matches!(panicked, Err(ReadError::Failed(_))), "{panicked:?}");
        use diesel::connection::{Connection, TransactionManager};
        type Transactions = <throughline::db::Conn as Connection>::TransactionManager;
        let forgotten = |conn: &mut throughline::db::Conn| Transactions::begin_transaction(conn).map_err(ReadError::from);
        store.read(forgotten).await.expect("it begins");
        let depth = |conn: &mut throughline::db::Conn| {
            Transactions::transaction_manager_status_mut(conn).transaction_depth().map_err(ReadError::from)
        };
        assert_eq!(store.read(depth).await.expect("it reads"), None, "a fresh reader has no transaction open");
        write_row(&store, "a").await.expect("it is written");
    });
}
