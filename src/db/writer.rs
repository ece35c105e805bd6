//! The group-commit writer: one thread, one connection, one channel. It runs many closures in one transaction, commits
//! once and answers all. docs: ARCHITECTURE.md, "Storage"; each rule here was found by breaking a prototype.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;
use tracing::{error, warn};

use super::fault::Fault;
use super::inbox::{Inbox, Turn};
use super::link::{Breakdown, CommitFailure, Durability, Link, Part};
use super::mark::BatchMark;
use super::outage::Outage;
use super::seat::Pulse;
use super::slow::SlowWrites;
use super::target::Target;
use super::task::{Task, Verdict};
use super::tx::Topic;
use super::wal::WalWatch;
use crate::clock::{Clock, Stopwatch};
use crate::random;

/// A batch ends after this many closures …
const BATCH_MAX: usize = 128;
/// … or this much work, so that the first caller does not wait for the last.
const BATCH_WORK_MAX: Duration = Duration::from_millis(20);
/// How often a closure is run again, alone.
const RERUNS_MAX: u32 = 3;

/// What a writer thread stands on.
pub(super) struct Writer {
    pub(super) target: Target,
    pub(super) clock: Clock,
    pub(super) topics: broadcast::Sender<Topic>,
    /// Shared by all writers and the store: see `Store::changes_told`.
    pub(super) changes_told: Arc<AtomicU64>,
    /// The seat's: a successor finds in it what this one did not come to.
    pub(super) inbox: Arc<Mutex<Inbox>>,
    pub(super) pulse: Arc<Pulse>,
    /// None: it broke and is opened again for the next batch.
    pub(super) link: Option<Link>,
    pub(super) setup_sql: Option<String>,
    /// How long BEGIN on SQLite and the resolving of an unknown COMMIT may take.
    pub(super) patience: Duration,
    pub(super) wal: WalWatch,
    pub(super) outage: Outage,
    pub(super) slow: SlowWrites,
}

/// What became of a batch.
enum End {
    Committed(Vec<Topic>),
    /// There is no connection to be had, or no transaction.
    Unreachable(String),
    /// Rolled back because of the closure at this place, or of none of them.
    RolledBack {
        culprit: Option<usize>,
        breakdown: Breakdown,
    },
    /// COMMIT was sent and no answer came.
    Unknown {
        /// None: a relaxed batch leaves no mark by which it could be known again.
        mark: Option<BatchMark>,
        topics: Vec<Topic>,
        why: String,
    },
}

/// Which closures an attempt may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    /// These, and whatever else arrives.
    AndMore,
    OnlyThese,
}

impl Writer {
    /// Works until every sender is gone and the inbox is empty, or somebody else sits in its place.
    pub(super) fn run(mut self) {
        while let Some(turn) = self.next_turn() {
            self.pulse.beat();
            let (first, take) = match turn {
                Turn::Ordinary(first) => (first, Take::AndMore),
                Turn::Bulk(chunk) => (chunk, Take::OnlyThese),
            };
            // A panic in here is a mistake of ours. The tasks are dropped with their senders, which tells the callers
            // that nothing is known; the writer goes on with a new connection.
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(first, take)));
            if served.is_err() {
                error!("The writer panicked; it goes on with a new connection");
                self.link = None;
            }
            self.wal.look();
            self.pulse.rest();
        }
    }

    fn next_turn(&self) -> Option<Turn> {
        if self.pulse.is_relieved() { None } else { self.inbox().next() }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&mut self, first: Box<dyn Task>, take: Take) {
        let mut batch = Vec::with_capacity(16);
        if !first.is_abandoned() {
            batch.push(first);
        }
        match self.attempt(&mut batch, take) {
            End::Committed(topics) => self.confirm(&mut batch, topics),
            End::Unreachable(why) => self.refuse_all(&mut batch, why),
            End::RolledBack { culprit, breakdown } => self.one_by_one(batch, culprit, &breakdown),
            End::Unknown { mark, topics, why } => match self.resolve(mark.as_ref(), &why) {
                Some(true) => self.confirm(&mut batch, topics),
                Some(false) => self.one_by_one(batch, None, &Breakdown { fault: Fault::Lost, why }),
                None => answer_all(&mut batch, &Verdict::Unknown),
            },
        }
    }

    /// Runs the closures, each in its savepoint, in one transaction.
    fn attempt(&mut self, batch: &mut Vec<Box<dyn Task>>, take: Take) -> End {
        if self.pulse.is_relieved() {
            return End::Unreachable("the connection hung".into());
        }
        if let Some(why) = self.outage.just_now() {
            return End::Unreachable(why);
        }
        if let Err(why) = self.begin(batch.first().map(|task| task.name())) {
            self.outage.met(&why);
            return End::Unreachable(why);
        }
        self.outage.over();
        let watch = Stopwatch::start();
        // The durability of those who wrote: relaxed only if everybody was.
        let (mut topics, mut wrote, mut next) = (Vec::new(), None, 0);
        loop {
            if next == batch.len() {
                let room = take == Take::AndMore && next < BATCH_MAX && watch.elapsed() < BATCH_WORK_MAX;
                match if room { self.inbox().try_next() } else { None } {
                    Some(task) if task.is_abandoned() => continue,
                    Some(task) => batch.push(task),
                    None => break,
                }
            }
            // Which closure ended the transaction behind our back is found out by running each alone.
            if let Some(Err(breakdown)) = self.link.as_mut().map(Link::next_savepoint) {
                return self.break_off(None, breakdown);
            }
            match self.run_one(batch[next].as_mut()) {
                Ok(Part::Wrote { touched, is_relaxed }) => {
                    let relaxed = is_relaxed && wrote != Some(Durability::Full);
                    wrote = Some(if relaxed { Durability::Relaxed } else { Durability::Full });
                    topics.extend(touched);
                }
                Ok(Part::Nothing) => {}
                Err(breakdown) => return self.break_off(Some(next), breakdown),
            }
            next += 1;
        }
        match wrote {
            Some(durability) => self.commit(topics, durability),
            None => self.end_without_commit(),
        }
    }

    fn begin(&mut self, first: Option<&'static str>) -> Result<(), String> {
        let watch = Stopwatch::start();
        loop {
            let link = match self.link.take() {
                Some(link) => link,
                None => Link::open(&self.target, self.setup_sql.as_deref()).map_err(|cause| format!("{cause:#}"))?,
            };
            match self.link.insert(link).begin(first) {
                Ok(()) => return Ok(()),
                // Another program holds SQLite's write lock: SQLite itself waits before it says so, we insist.
                Err(breakdown) if breakdown.fault == Fault::Transient && watch.elapsed() < self.patience => {}
                // The server closed an idle connection: a new one, unless that was a new one.
                Err(breakdown) if breakdown.fault == Fault::Lost && watch.elapsed() < self.patience => {
                    self.link = None;
                    jitter(1);
                }
                Err(breakdown) => {
                    self.link = None;
                    return Err(breakdown.why);
                }
            }
        }
    }

    fn run_one(&mut self, task: &mut dyn Task) -> Result<Part, Breakdown> {
        let Some(link) = self.link.as_mut() else {
            return Err(Breakdown { fault: Fault::Lost, why: "there is no connection".into() });
        };
        self.pulse.beat();
        let watch = Stopwatch::start();
        let part = link.run(task);
        self.slow.took(task.name(), watch.elapsed(), self.clock.now());
        part
    }

    fn commit(&mut self, topics: Vec<Topic>, wanted: Durability) -> End {
        let mark = BatchMark::new(&self.clock);
        let Some(link) = self.link.as_mut() else {
            return End::Unreachable("there is no connection".into());
        };
        self.pulse.beat();
        let durability = match link.close_batch(&mark, wanted) {
            Ok(durability) => durability,
            Err(breakdown) => return self.break_off(None, breakdown),
        };
        match link.commit(&mark, wanted) {
            Ok(()) => End::Committed(topics),
            Err(CommitFailure::Refused(breakdown)) => self.break_off(None, breakdown),
            Err(CommitFailure::Unknown(why)) => {
                self.link = None;
                End::Unknown { mark: (durability == Durability::Full).then_some(mark), topics, why }
            }
        }
    }

    /// Everybody refused or only looked: there is nothing to commit, and what was answered stands.
    fn end_without_commit(&mut self) -> End {
        if self.link.as_mut().is_none_or(|link| link.roll_back().is_err()) {
            self.link = None;
        }
        End::Committed(Vec::new())
    }

    /// Rolls back. The connection is kept only after a failure that says nothing against it.
    fn break_off(&mut self, culprit: Option<usize>, breakdown: Breakdown) -> End {
        let rolled_back = self.link.as_mut().is_some_and(|link| link.roll_back().is_ok());
        if !rolled_back || breakdown.fault != Fault::Transient {
            self.link = None;
        }
        End::RolledBack { culprit, breakdown }
    }

    /// After a rollback: each closure again, in a transaction of its own, so that none suffers for another.
    fn one_by_one(&mut self, batch: Vec<Box<dyn Task>>, culprit: Option<usize>, breakdown: &Breakdown) {
        warn!(closures = batch.len(), error = %breakdown.why, "A group of writes was rolled back; each is run again alone");
        let alone = batch.len() == 1;
        let mut unreachable = None;
        for (place, task) in batch.into_iter().enumerate() {
            let mut single = vec![task];
            let is_culprit = culprit == Some(place) || (alone && culprit.is_none());
            if is_culprit && matches!(breakdown.fault, Fault::Fatal | Fault::Constraint) {
                answer_all(&mut single, &Verdict::NotWritten(breakdown.why.clone()));
            } else if let Some(why) = &unreachable {
                answer_all(&mut single, &Verdict::NotWritten(String::clone(why)));
            } else {
                unreachable = self.rerun(&mut single);
            }
        }
    }

    /// Runs one closure alone, up to three times; tells why if the database cannot be reached at all.
    fn rerun(&mut self, single: &mut Vec<Box<dyn Task>>) -> Option<String> {
        let mut last = String::new();
        for attempt in 1..=RERUNS_MAX {
            jitter(attempt);
            match self.attempt(single, Take::OnlyThese) {
                End::Committed(topics) => {
                    self.confirm(single, topics);
                    return None;
                }
                End::Unreachable(why) => {
                    answer_all(single, &Verdict::NotWritten(why.clone()));
                    return Some(why);
                }
                End::RolledBack { breakdown: Breakdown { fault: Fault::Transient | Fault::Lost, why }, .. } => last = why,
                End::RolledBack { breakdown, .. } => {
                    answer_all(single, &Verdict::NotWritten(breakdown.why));
                    return None;
                }
                End::Unknown { mark, topics, why } => match self.resolve(mark.as_ref(), &why) {
                    Some(true) => {
                        self.confirm(single, topics);
                        return None;
                    }
                    Some(false) => last = why,
                    None => {
                        answer_all(single, &Verdict::Unknown);
                        return None;
                    }
                },
            }
        }
        answer_all(single, &Verdict::NotWritten(last));
        None
    }

    /// Finds out whether a batch whose COMMIT was not answered was committed. None: it could not be found out.
    fn resolve(&mut self, mark: Option<&BatchMark>, why: &str) -> Option<bool> {
        let Some(mark) = mark else {
            warn!(error = why, "The answer to the COMMIT of relaxed writes was lost; their callers hear that nothing is known");
            return None;
        };
        error!(error = why, batch.id = mark.id(), "The answer to a COMMIT was lost");
        let (watch, mut last) = (Stopwatch::start(), String::new());
        while watch.elapsed() < self.patience {
            self.pulse.beat();
            let asked = Link::open(&self.target, self.setup_sql.as_deref()).and_then(|mut link| {
                let committed = link.was_committed(mark)?;
                self.link = Some(link);
                Ok(committed)
            });
            match asked {
                Ok(committed) => {
                    warn!(batch.id = mark.id(), committed, "It is known again what became of a lost COMMIT");
                    return Some(committed);
                }
                Err(cause) => last = format!("{cause:#}"),
            }
            // Those who came later need not wait for this: of them nothing has begun.
            self.outage.met(&last);
            self.refuse_all(&mut Vec::new(), last.clone());
            std::thread::sleep(Duration::from_millis(200));
        }
        error!(error = last, batch.id = mark.id(), "It could not be found out what became of a lost COMMIT");
        None
    }

    fn confirm(&self, batch: &mut [Box<dyn Task>], topics: Vec<Topic>) {
        answer_all(batch, &Verdict::Committed);
        let mut told = Vec::new();
        for topic in topics {
            if !told.contains(&topic) {
                told.push(topic);
                self.changes_told.fetch_add(1, Ordering::SeqCst);
                let _nobody_listens = self.topics.send(topic);
            }
        }
    }

    /// Nobody waits for a database that is known to be away: whoever is in the channel is told as well.
    fn refuse_all(&mut self, batch: &mut Vec<Box<dyn Task>>, why: String) {
        if !self.pulse.is_relieved() {
            let mut inbox = self.inbox();
            batch.extend(std::iter::from_fn(|| inbox.try_next()).take(BATCH_MAX));
        }
        self.outage.refused(batch.len());
        answer_all(batch, &Verdict::NotWritten(why));
    }
}

fn answer_all(batch: &mut [Box<dyn Task>], verdict: &Verdict) {
    for task in batch {
        task.answer(verdict);
    }
}

/// Waits a little longer each time, never twice the same: two writers that met must not meet again.
fn jitter(attempt: u32) {
    std::thread::sleep(Duration::from_millis(10 * u64::from(attempt)).mul_f64(0.5 + random::fraction()));
}
