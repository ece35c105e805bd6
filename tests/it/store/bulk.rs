//! Bulk work gets its turn and holds nobody up for longer than one chunk.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use diesel::result::Error;
use throughline::db::{Engine, Store, Tx, WriteError};

use super::group::{Pending, Plug, enqueue};
use super::rows::{is_there, put};
use crate::harness::{TestApp, both_engines};
use futures_util::FutureExt;

/// The order in which closures ran.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);

impl Log {
    /// A closure that only writes down that it ran.
    fn note(&self, name: &'static str) -> impl Fn(&mut Tx<'_>) -> Result<(), Error> + Send + 'static {
        let log = self.clone();
        move |tx| {
            tx.wrote_nothing();
            log.0.lock().expect("no panic").push(name);
            Ok(())
        }
    }

    fn entries(&self) -> Vec<&'static str> {
        self.0.lock().expect("no panic").clone()
    }
}

/// Hands a chunk in at once.
fn enqueue_bulk(store: &Store, change: impl Fn(&mut Tx<'_>) -> Result<(), Error> + Send + 'static) -> Pending<(), Error> {
    let store = store.clone();
    let mut pending: Pending<(), Error> = Box::pin(async move { store.write_bulk("test.bulk", change).await });
    if let Some(at_once) = (&mut pending).now_or_never() {
        return Box::pin(std::future::ready(at_once));
    }
    pending
}

/// One writer on either engine, so that ordinary writes and chunks meet.
fn one_writer(app: &TestApp) -> Store {
    app.open_store(|options| options.writers = 1)
}

both_engines! {
    async fn under_a_steady_stream_bulk_work_gets_its_turn_between_batches(app: TestApp) {
        let (store, log) = (one_writer(&app), Log::default());
        let plug = Plug::hold(&store).await;
        let chunks: Vec<_> = (0..3).map(|_| enqueue_bulk(&store, log.note("bulk"))).collect();
        // More than nine full batches, all waiting before the first chunk gets its turn on SQLite.
        let writes: Vec<_> = (0..1000).map(|_| enqueue(&store, log.note("write"))).collect();
        plug.release().await;
        for pending in chunks.into_iter().chain(writes) {
            pending.await.expect("it is done");
        }
        let order = log.entries();
        let chunks: Vec<usize> = order.iter().enumerate().filter(|(_, name)| **name == "bulk").map(|(place, _)| place).collect();
        assert_eq!((chunks.len(), order.len()), (3, 1003));
        if store.engine() == Engine::Sqlite {
            assert!(chunks.windows(2).all(|pair| pair[1] > pair[0] + 1), "two chunks ran without a write between them: {chunks:?}");
        }
    }

    async fn an_ordinary_write_waits_for_one_chunk_at_most_and_on_postgresql_for_none(app: TestApp) {
        let (store, log) = (one_writer(&app), Log::default());
        let (release, released) = channel::<()>();
        let (begun, has_begun) = channel();
        let (released, begun) = (Mutex::new(released), Mutex::new(begun));
        let (first, noted) = (log.note("bulk"), log.clone());
        let held = enqueue_bulk(&store, move |tx| {
            begun.lock().expect("one thread").send(()).expect("the test waits");
            released.lock().expect("one thread").recv().expect("the test releases");
            first(tx)
        });
        tokio::task::block_in_place(|| has_begun.recv()).expect("the chunk begins");
        let chunks: Vec<_> = (0..5).map(|_| enqueue_bulk(&store, noted.note("bulk"))).collect();
        let write = enqueue(&store, log.note("write"));
        let expected = if store.engine() == Engine::Sqlite {
            release.send(()).expect("the chunk waits");
            write.await.expect("it is done");
            ["bulk", "write"]
        } else {
            write.await.expect("it is done");
            release.send(()).expect("the chunk waits");
            ["write", "bulk"]
        };
        held.await.expect("it is done");
        for chunk in chunks {
            chunk.await.expect("it is done");
        }
        assert_eq!(log.entries()[..2], expected, "the write came right after the chunk that was running, or before it ended");
    }

    async fn too_many_chunks_are_refused_and_none_that_was_taken_is_lost(app: TestApp) {
        let store = one_writer(&app);
        let plug = Plug::hold_by(|plug| enqueue_bulk(&store, plug)).await;
        let names: Vec<&'static str> = (0..100).map(|number| &*Box::leak(format!("chunk {number}").into_boxed_str())).collect();
        let chunks: Vec<_> = names.into_iter().map(|name| (name, enqueue_bulk(&store, move |tx| put(tx, name)))).collect();
        plug.release().await;
        let mut taken = 0;
        for (name, chunk) in chunks {
            match chunk.await {
                Ok(()) => taken += 1,
                Err(refusal) => {
                    assert!(matches!(refusal, WriteError::Busy), "{refusal:?}");
                    assert!(!is_there(&app.url, name));
                    continue;
                }
            }
            assert!(is_there(&app.url, name), "`{name}` was answered and is not there");
        }
        assert_eq!(taken, 32, "as many as may wait");
    }

    async fn a_chunk_shares_its_transaction_with_nobody(app: TestApp) {
        let store = one_writer(&app);
        let chunk = enqueue_bulk(&store, |tx| { put(tx, "chunk")?; panic!("on purpose") });
        let write = enqueue(&store, |tx| put(tx, "write"));
        chunk.await.expect_err("it panics");
        write.await.expect("it is written");
        assert!(is_there(&app.url, "write") && !is_there(&app.url, "chunk"));
    }

    async fn closing_and_flushing_wait_for_bulk_work_too(app: TestApp) {
        let store = one_writer(&app);
        let plug = Plug::hold(&store).await;
        let first = enqueue_bulk(&store, |tx| put(tx, "first"));
        let flushing = tokio::spawn({ let store = store.clone(); async move { store.flush().await } });
        plug.release().await;
        flushing.await.expect("no panic");
        assert!(is_there(&app.url, "first"), "flushed and not there");
        let second = enqueue_bulk(&store, |tx| put(tx, "second"));
        store.close().await;
        assert!(is_there(&app.url, "second"), "closed and not there");
        assert!(matches!(store.write_bulk("test.bulk", |tx: &mut Tx<'_>| put(tx, "third")).await, Err(WriteError::NotWritten(_))));
        first.await.expect("it is written");
        second.await.expect("it is written");
    }
}
