//! What waits for one writer: writes that somebody waits for, and chunks of bulk work that get a turn now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::task::Task;

/// So many batches of ordinary writes go before a chunk of bulk work that waits.
const BATCHES_BEFORE_BULK: u32 = 3;
/// How many chunks may wait for one writer. Whoever has more waits for an answer before sending the next.
const BULK_QUEUE_MAX: usize = 32;

/// The side of those who write. Clones lead to the same writer.
#[derive(Clone)]
pub(super) struct Door {
    ordinary: SyncSender<Letter>,
    bulk: SyncSender<Box<dyn Task>>,
    /// Ordinary writes that the writer has not taken up yet; the inbox counts them down.
    waiting: Arc<AtomicUsize>,
}

/// The writer's side.
pub(super) struct Inbox {
    ordinary: Receiver<Letter>,
    bulk: Receiver<Box<dyn Task>>,
    /// The next chunk of bulk work, taken out of its channel to see whether there is one.
    next_chunk: Option<Box<dyn Task>>,
    batches_since_bulk: u32,
    waiting: Arc<AtomicUsize>,
}

enum Letter {
    Write(Box<dyn Task>),
    /// Only wakes the writer: there is bulk work.
    BulkCame,
}

/// What the writer does next.
pub(super) enum Turn {
    /// The first of a batch that others may join.
    Ordinary(Box<dyn Task>),
    /// A batch of its own.
    Bulk(Box<dyn Task>),
}

/// Why a write was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotTaken {
    Full,
    /// The writer is gone.
    Ended,
}

/// A writer's inbox and the door to it; `max` ordinary writes may wait.
pub(super) fn inbox(max: usize) -> (Door, Inbox) {
    let (ordinary, ordinary_inbox) = sync_channel(max);
    let (bulk, bulk_inbox) = sync_channel(BULK_QUEUE_MAX);
    let waiting = Arc::new(AtomicUsize::new(0));
    let door = Door { ordinary, bulk, waiting: Arc::clone(&waiting) };
    (door, Inbox { ordinary: ordinary_inbox, bulk: bulk_inbox, next_chunk: None, batches_since_bulk: 0, waiting })
}

impl Door {
    pub(super) fn offer(&self, task: Box<dyn Task>) -> Result<(), NotTaken> {
        // Counted first: the writer may have taken it up by the time this returns.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.ordinary.try_send(Letter::Write(task)).map_err(|refused| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            NotTaken::from(refused)
        })
    }

    pub(super) fn offer_bulk(&self, chunk: Box<dyn Task>) -> Result<(), NotTaken> {
        self.bulk.try_send(chunk).map_err(NotTaken::from)?;
        // Full: then the writer is awake, and looks for bulk work after each batch.
        let _is_awake = self.ordinary.try_send(Letter::BulkCame);
        Ok(())
    }

    /// Writes that wait, bulk work apart.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Puts one task behind everything that waits, of either sort. Blocks while there is no room.
    pub(super) fn put_behind_all(&self, ordinary: Box<dyn Task>, bulk: Box<dyn Task>) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _has_ended = self.ordinary.send(Letter::Write(ordinary));
        let _has_ended = self.bulk.send(bulk);
        let _is_awake = self.ordinary.try_send(Letter::BulkCame);
    }
}

impl Inbox {
    /// Waits for work. None: everybody is gone and everything is done.
    pub(super) fn next(&mut self) -> Option<Turn> {
        loop {
            if self.next_chunk.is_none() {
                self.next_chunk = self.bulk.try_recv().ok();
            }
            let letter = match self.next_chunk.take() {
                None => self.ordinary.recv().ok()?,
                Some(chunk) if self.batches_since_bulk >= BATCHES_BEFORE_BULK => return Some(self.bulk_turn(chunk)),
                Some(chunk) => match self.ordinary.try_recv() {
                    Err(_) => return Some(self.bulk_turn(chunk)),
                    Ok(letter) => {
                        self.next_chunk = Some(chunk);
                        letter
                    }
                },
            };
            if let Letter::Write(task) = letter {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                self.batches_since_bulk = self.batches_since_bulk.saturating_add(1);
                return Some(Turn::Ordinary(task));
            }
        }
    }

    /// One more ordinary write, if one waits.
    pub(super) fn try_next(&self) -> Option<Box<dyn Task>> {
        std::iter::from_fn(|| self.ordinary.try_recv().ok()).find_map(|letter| match letter {
            Letter::Write(task) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Some(task)
            }
            Letter::BulkCame => None,
        })
    }

    fn bulk_turn(&mut self, chunk: Box<dyn Task>) -> Turn {
        self.batches_since_bulk = 0;
        Turn::Bulk(chunk)
    }
}

impl<T> From<TrySendError<T>> for NotTaken {
    fn from(refused: TrySendError<T>) -> Self {
        match refused {
            TrySendError::Full(_) => Self::Full,
            TrySendError::Disconnected(_) => Self::Ended,
        }
    }
}
