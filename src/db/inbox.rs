//! What waits for one writer: writes that somebody waits for, and chunks of bulk work that get a turn now and then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use super::fair_share::FairShare;
use super::task::Task;

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
    share: FairShare,
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
    (door, Inbox { ordinary: ordinary_inbox, bulk: bulk_inbox, next_chunk: None, share: FairShare::default(), waiting })
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
        self.share.turn_ended();
        loop {
            if self.next_chunk.is_none() {
                self.next_chunk = self.bulk.try_recv().ok();
            }
            let letter = match self.next_chunk.take() {
                None => self.ordinary.recv().ok()?,
                Some(chunk) => match self.before_bulk() {
                    None => {
                        self.share.bulk_begins();
                        return Some(Turn::Bulk(chunk));
                    }
                    Some(letter) => {
                        self.next_chunk = Some(chunk);
                        letter
                    }
                },
            };
            if let Some(task) = self.taken(letter) {
                return Some(Turn::Ordinary(task));
            }
        }
    }

    /// One more ordinary write, if one waits.
    pub(super) fn try_next(&mut self) -> Option<Box<dyn Task>> {
        while let Ok(letter) = self.ordinary.try_recv() {
            let task = self.taken(letter);
            if task.is_some() {
                return task;
            }
        }
        None
    }

    /// What goes before a chunk that waits; None: it is the chunk's turn.
    fn before_bulk(&self) -> Option<Letter> {
        if self.share.is_bulk_due() {
            return None;
        }
        match self.ordinary.try_recv() {
            Ok(letter) => Some(letter),
            Err(TryRecvError::Disconnected) => None,
            // Whoever waits for a batch to be answered comes back in a moment.
            Err(TryRecvError::Empty) => self.ordinary.recv_timeout(self.share.pause()).ok(),
        }
    }

    fn taken(&mut self, letter: Letter) -> Option<Box<dyn Task>> {
        let Letter::Write(task) = letter else { return None };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.share.wrote();
        Some(task)
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
