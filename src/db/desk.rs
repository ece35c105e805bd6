//! The readers' desk: the pool, with a permit for each reader. Where the connections hang (`seat.rs` says how), a new desk is
//! opened and the old one is left to whoever still stands there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use super::conn::Conn;
use super::readers::{self, ReaderPool};
use super::store::ReadError;
use super::target::Target;
use crate::clock::Stopwatch;

/// The desk that is open now.
pub(super) struct Desks {
    target: Target,
    size: u32,
    open: RwLock<Arc<Desk>>,
}

/// A pool and its permits.
pub(super) struct Desk {
    pool: ReaderPool,
    /// One permit for each reader: whoever waits does so without holding a thread.
    permits: Arc<Semaphore>,
    since: Stopwatch,
    /// Milliseconds after `since` at which a read last ended well.
    served_at: AtomicU64,
}

impl Desks {
    pub(super) fn new(target: Target, size: u32) -> Self {
        let open = RwLock::new(Arc::new(Desk::open(&target, size)));
        Self { target, size, open }
    }

    /// The desk to go to.
    pub(super) fn open(&self) -> Arc<Desk> {
        Arc::clone(&self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens another desk, unless somebody has done so already or this one served somebody lately.
    pub(super) fn leave(&self, desk: &Arc<Desk>, hang_max: Duration) {
        // A question that panicked, or a moment in which everybody asks, says nothing against the connections.
        if desk.idle_ms() < hang_max.as_millis() {
            return;
        }
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&open, desk) {
            tracing::error!("No reader got on for {} s; new connections take their place", hang_max.as_secs());
            *open = Arc::new(Desk::open(&self.target, self.size));
        }
    }
}

impl Desk {
    fn open(target: &Target, size: u32) -> Self {
        Self {
            pool: readers::pool(target.clone(), size),
            permits: Arc::new(Semaphore::new(size as usize)),
            since: Stopwatch::start(),
            served_at: AtomicU64::new(0),
        }
    }

    /// Asks a reader. The outer error: there was none to be had.
    pub(super) async fn ask<T, E>(
        self: &Arc<Self>,
        ask: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, ReadError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let permit = tokio::time::timeout(readers::WAIT_MAX, Arc::clone(&self.permits).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(ReadError::Unavailable) };
        let desk = Arc::clone(self);
        let asked = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut reader = desk.pool.get().map_err(|_| ReadError::Unavailable)?;
            let answered = ask(&mut reader.conn);
            desk.served_at.store(u64::try_from(desk.since.elapsed_ms()).unwrap_or_default(), Ordering::Relaxed);
            Ok(answered)
        });
        asked.await.unwrap_or_else(|failure| Err(ReadError::Failed(format!("a read did not end: {failure}"))))
    }

    fn idle_ms(&self) -> u128 {
        self.since.elapsed().as_millis().saturating_sub(u128::from(self.served_at.load(Ordering::Relaxed)))
    }
}
