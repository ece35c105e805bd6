//! A writer's seat. libpq waits for an answer for as long as the socket stands, and a proxy or a dead network path may keep
//! it standing and silent for ever: no timeout of the server reaches us then, and where somebody acknowledges our bytes
//! none of the kernel's does. So whoever sits here can be relieved: the inbox stays, another thread takes over with a new
//! connection, and the one that hangs ends by itself whenever its connection does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::broadcast;

use super::inbox::Inbox;
use super::link::Link;
use super::outage::Outage;
use super::slow::SlowWrites;
use super::target::Target;
use super::tx::Topic;
use super::wal::WalWatch;
use super::writer::Writer;
use crate::clock::{Clock, Stopwatch};

/// What every writer of this seat is given.
#[derive(Clone)]
pub(super) struct Equipment {
    pub(super) number: usize,
    pub(super) target: Target,
    pub(super) clock: Clock,
    pub(super) topics: broadcast::Sender<Topic>,
    pub(super) changes_told: Arc<AtomicU64>,
    pub(super) setup_sql: Option<String>,
    pub(super) patience: Duration,
}

/// A seat and whoever sits there.
pub(super) struct Seat {
    equipment: Equipment,
    inbox: Arc<Mutex<Inbox>>,
    on_duty: Mutex<Duty>,
}

struct Duty {
    pulse: Arc<Pulse>,
    /// None after `wait_for_end`.
    thread: Option<JoinHandle<()>>,
}

/// How a writer shows that it gets on.
pub(super) struct Pulse {
    since: Stopwatch,
    /// Milliseconds after `since` of the last sign of life, plus one; 0 while it waits for work.
    felt_at: AtomicU64,
    is_relieved: AtomicBool,
}

impl Seat {
    /// Puts the first writer on the seat.
    pub(super) fn fill(equipment: Equipment, inbox: Inbox, link: Option<Link>) -> anyhow::Result<Self> {
        let inbox = Arc::new(Mutex::new(inbox));
        let on_duty = Mutex::new(sit(&equipment, &inbox, link)?);
        Ok(Self { equipment, inbox, on_duty })
    }

    /// Puts another writer in the place of one that has not got on for so long. What that one had begun is not known; what
    /// waits is done by its successor.
    pub(super) fn relieve_if_stuck(&self, hang_max: Duration) {
        let mut duty = self.on_duty.lock().unwrap_or_else(PoisonError::into_inner);
        if !duty.pulse.is_stuck(hang_max) {
            return;
        }
        tracing::error!(
            writer = self.equipment.number,
            hang_s = hang_max.as_secs(),
            "The database has neither answered nor closed the connection; a new writer takes over with a new one"
        );
        match sit(&self.equipment, &self.inbox, None) {
            Ok(successor) => {
                duty.pulse.is_relieved.store(true, Ordering::SeqCst);
                *duty = successor;
            }
            Err(cause) => tracing::error!(error = %cause, "No thread for another writer; trying again with the next write"),
        }
    }

    /// Waits until the inbox is empty and its doors are gone; not for a writer that hangs.
    pub(super) fn wait_for_end(&self, hang_max: Duration) {
        let thread = {
            let mut duty = self.on_duty.lock().unwrap_or_else(PoisonError::into_inner);
            if duty.pulse.is_stuck(hang_max) { None } else { duty.thread.take() }
        };
        let _ended = thread.map(JoinHandle::join);
    }
}

fn sit(equipment: &Equipment, inbox: &Arc<Mutex<Inbox>>, link: Option<Link>) -> anyhow::Result<Duty> {
    let pulse = Arc::new(Pulse { since: Stopwatch::start(), felt_at: AtomicU64::new(0), is_relieved: AtomicBool::new(false) });
    let Equipment { number, target, clock, topics, changes_told, setup_sql, patience } = equipment.clone();
    let writer = Writer {
        wal: WalWatch::new(&target),
        outage: Outage::default(),
        slow: SlowWrites::default(),
        inbox: Arc::clone(inbox),
        pulse: Arc::clone(&pulse),
        target,
        clock,
        topics,
        changes_told,
        link,
        setup_sql,
        patience,
    };
    let thread = std::thread::Builder::new().name(format!("writer-{number}")).spawn(move || writer.run());
    Ok(Duty { pulse, thread: Some(thread.context("starting a writer thread")?) })
}

impl Pulse {
    /// It gets on.
    pub(super) fn beat(&self) {
        self.felt_at.store(self.now() + 1, Ordering::SeqCst);
    }

    /// It waits for work.
    pub(super) fn rest(&self) {
        self.felt_at.store(0, Ordering::SeqCst);
    }

    /// Somebody else sits there now: begin nothing, take nothing from the inbox.
    pub(super) fn is_relieved(&self) -> bool {
        self.is_relieved.load(Ordering::SeqCst)
    }

    fn is_stuck(&self, hang_max: Duration) -> bool {
        let felt_at = self.felt_at.load(Ordering::SeqCst);
        felt_at > 0 && u128::from(self.now().saturating_sub(felt_at)) > hang_max.as_millis()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.since.elapsed_ms()).unwrap_or_default()
    }
}
