//! Puts writes into one transaction on purpose, in a known order.

use std::pin::Pin;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};

use futures_util::FutureExt;
use throughline::db::{Store, Tx, WriteError, WriteRefusal};

/// Every write of a group has the same key, so that the same writer takes them.
pub const KEY: &str = "group";

/// A write that was enqueued and is not yet awaited.
pub type Pending<T, E> = Pin<Box<dyn Future<Output = Result<T, WriteError<E>>> + Send>>;

/// A write without a result.
pub type Closure = Box<dyn Fn(&mut Tx<'_>) -> Result<(), diesel::result::Error> + Send>;

/// Holds the writer inside a closure until released; what is enqueued meanwhile shares the next transaction.
pub struct Plug {
    release: Sender<()>,
    plugged: Pending<(), diesel::result::Error>,
}

impl Plug {
    /// Plugs the writer, and waits until it is inside the closure.
    pub async fn hold(store: &Store) -> Self {
        Self::hold_by(|plug| enqueue(store, plug)).await
    }

    /// The same for whichever writer it is handed in to.
    pub async fn hold_by(hand_in: impl FnOnce(Closure) -> Pending<(), diesel::result::Error>) -> Self {
        let (release, released) = channel();
        let (begun, has_begun) = channel();
        let (released, begun) = (Mutex::new(released), Mutex::new(begun));
        let plugged = hand_in(Box::new(move |_| {
            begun.lock().expect("one thread").send(()).expect("the test waits");
            // Longer than a batch may work: nothing else joins the plug's own transaction.
            std::thread::sleep(std::time::Duration::from_millis(25));
            released.lock().expect("one thread").recv().expect("the test releases");
            // A refusal: the plug's own transaction ends without a COMMIT, so the next one is the group's.
            Err(diesel::result::Error::NotFound)
        }));
        tokio::task::block_in_place(|| has_begun.recv()).expect("the writer begins");
        Self { release, plugged }
    }

    /// Lets the writer go on.
    pub async fn release(self) {
        self.release.send(()).expect("the writer waits");
        self.plugged.await.expect_err("the plug refuses");
    }
}

/// Enqueues a write at once, in the order of the calls.
pub fn enqueue<T, E>(store: &Store, change: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Pending<T, E>
where
    T: Send + 'static,
    E: WriteRefusal,
{
    let store = store.clone();
    let mut pending: Pending<T, E> = Box::pin(async move { store.write("test.group", KEY, change).await });
    if let Some(at_once) = (&mut pending).now_or_never() {
        return Box::pin(std::future::ready(at_once));
    }
    pending
}
