//! The loop that turns the engine. A turn writes down what has ended and claims anew; two are under way at once, so that the
//! database works while handlers run. Claims again at once while there is more; sleeps until woken, or until the next job is
//! due, otherwise.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use super::claim::Claim;
use super::engine::Engine;
use super::finish::Ended;
use super::looks::{Look, Looks};
use super::prober;
use super::process::{Announcement, HEARTBEAT};
use super::room::Room;
use super::runs::{Joined, Runs};
use super::survey::Group;
use crate::clock::Stopwatch;
use crate::db::Topic;
use crate::random;

/// Runs under way at once in one process, where nobody says otherwise.
pub const SLOTS: usize = 1_200;
/// Turns under way at once: while one commits the other is filled.
const TURNS: usize = 2;
/// Jobs finished in one transaction, about.
const FINISHED_MAX: usize = 500;
/// Other processes' enqueues are found by looking: soon after work, seldom when idle.
const POLL_BUSY: Duration = Duration::from_millis(20);
const POLL_IDLE: Duration = Duration::from_secs(1);
/// How long what has ended waits for a database that is away. Then the sweep for lost leases decides.
const UNWRITTEN_MAX: u32 = 60;
const UNWRITTEN_PAUSE: Duration = Duration::from_millis(500);
/// How long open calls may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(15);
/// How long a look at an uncertain job may go on after that: it is simply made again.
const LOOKS_DRAIN: Duration = Duration::from_secs(2);

/// Runs until `stop` turns true, then finishes or gives back what it holds.
pub async fn work(engine: Engine, announcement: Announcement, mut stop: watch::Receiver<bool>) {
    let mut wake = engine.app().store.subscribe();
    let beats = tokio::spawn(keep_beating(engine.clone(), announcement));
    let mut looks = tokio::spawn(prober::keep_looking(engine.clone(), stop.clone()));
    let mut desk = Desk::new(engine.clone(), SLOTS);
    while !*stop.borrow() {
        desk.begin_turns();
        desk.begin_sweep();
        let pause = desk.pause();
        tokio::select! {
            biased;
            _ = stop.changed() => {}
            Some(ended) = desk.runs.join_next(), if !desk.runs.is_empty() => desk.note_end(ended),
            Some(turned) = desk.turns.join_next(), if !desk.turns.is_empty() => desk.note_turn(turned),
            Some(swept) = desk.sweeps.join_next(), if !desk.sweeps.is_empty() => desk.note_sweep(swept),
            () = woken(&mut wake), if !desk.is_woken => desk.look(),
            () = tokio::time::sleep(pause) => desk.look_again(),
        }
    }
    desk.drain().await;
    if tokio::time::timeout(LOOKS_DRAIN, &mut looks).await.is_err() {
        looks.abort();
    }
    // Before the good-bye: a heartbeat after it would bring the process's row back.
    beats.abort();
    if let Err(cause) = engine.leave().await {
        tracing::warn!(error = %cause, "The worker could not say good-bye; its jobs are rescued when its lease runs out");
    }
}

/// Waits for a committed write that may have made a job ready.
async fn woken(wake: &mut broadcast::Receiver<Topic>) {
    loop {
        match wake.recv().await {
            Ok(Topic::Ready | Topic::Connections) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What one turn brought.
struct Turned {
    key: String,
    claim: crate::Result<Option<(Look, Claim)>>,
    /// What could not be written down.
    unwritten: Option<Arc<Vec<Ended>>>,
}

/// What is under way.
struct Desk {
    engine: Engine,
    slots: usize,
    runs: Runs<Ended>,
    turns: JoinSet<Turned>,
    /// Each leads to another writer, where there is more than one.
    idle_keys: Vec<String>,
    ended: Vec<Ended>,
    /// What could not be written the last time.
    owed: Vec<Arc<Vec<Ended>>>,
    /// Something may be ready that no turn has looked at yet.
    is_woken: bool,
    looks: Looks,
    /// One at most: a look at everything where claims no longer make it.
    sweeps: JoinSet<(crate::Result<Vec<Group>>, Duration)>,
    pause: Duration,
    /// How often in a row outcomes could not be written.
    unwritten: u32,
}

impl Desk {
    fn new(engine: Engine, slots: usize) -> Self {
        let (idle_keys, looks) = (engine.app().store.spread_keys("outbox.turn", TURNS), engine.looks());
        Self {
            engine,
            slots,
            runs: Runs::new(),
            turns: JoinSet::new(),
            idle_keys,
            ended: Vec::new(),
            owed: Vec::new(),
            is_woken: true,
            looks,
            sweeps: JoinSet::new(),
            pause: POLL_BUSY,
            unwritten: 0,
        }
    }

    fn look(&mut self) {
        self.is_woken = true;
        self.pause = POLL_BUSY;
    }

    fn look_again(&mut self) {
        self.is_woken = true;
        self.pause = (self.pause * 2).min(POLL_IDLE);
    }

    /// Jittered, so that processes do not look in step.
    fn pause(&self) -> Duration {
        if self.unwritten > 0 { UNWRITTEN_PAUSE } else { self.pause.mul_f64(0.9 + 0.2 * random::fraction()) }
    }

    fn room(&self) -> Room {
        Room::of(self.slots, self.runs.in_use())
    }

    /// Starts what turns there is work for.
    fn begin_turns(&mut self) {
        loop {
            // While nothing can be written nothing is claimed, and the pause decides when to try again.
            let is_stuck = self.unwritten > 0 && !self.is_woken;
            let has_ended = !self.ended.is_empty() || !self.owed.is_empty();
            let finishes = has_ended && !is_stuck;
            let claims = self.unwritten == 0 && (self.is_woken || finishes || self.looks.has_backlog()) && !self.room().is_full();
            if !claims && !finishes {
                return;
            }
            let Some(key) = self.idle_keys.pop() else { return };
            self.is_woken &= claims && self.looks.has_backlog();
            let ended = self.next_ended();
            let claims = claims.then(|| (self.room(), self.looks.next()));
            self.turns.spawn(turn(self.engine.clone(), key, ended, claims));
        }
    }

    /// About as much as one transaction should write.
    fn next_ended(&mut self) -> Arc<Vec<Ended>> {
        if let Some(owed) = self.owed.pop() {
            return owed;
        }
        let mut jobs = 0;
        let until = self.ended.iter().position(|ended| {
            jobs += ended.run.rows.len();
            jobs > FINISHED_MAX
        });
        let rest = self.ended.split_off(until.map_or(self.ended.len(), |until| until.max(1)));
        Arc::new(std::mem::replace(&mut self.ended, rest))
    }

    /// At most one at a time, and only while claims do not look at everything themselves.
    fn begin_sweep(&mut self) {
        if self.looks.begins_sweep() {
            let (engine, watch) = (self.engine.clone(), Stopwatch::start());
            self.sweeps.spawn(async move { (engine.sweep().await, watch.elapsed()) });
        }
    }

    fn note_sweep(&mut self, swept: Result<(crate::Result<Vec<Group>>, Duration), tokio::task::JoinError>) {
        match swept {
            Ok((Ok(found), took)) => {
                if self.looks.note_sweep(&found, took) {
                    self.look();
                }
            }
            Ok((Err(cause), took)) => {
                tracing::warn!(error = %cause, "The search for jobs that became ready late failed; trying again");
                self.looks.note_failed_sweep(took);
            }
            Err(cause) => {
                tracing::error!(error = %cause, "A search ended unexpectedly; this is a bug");
                self.looks.note_failed_sweep(Duration::ZERO);
            }
        }
    }

    fn note_turn(&mut self, turned: Result<Turned, tokio::task::JoinError>) {
        let Turned { key, claim, unwritten } = match turned {
            Ok(turned) => turned,
            Err(cause) => {
                tracing::error!(error = %cause, "A turn ended unexpectedly; this is a bug");
                return;
            }
        };
        self.idle_keys.push(key);
        self.note_unwritten(unwritten);
        match claim {
            Ok(None) => {}
            Ok(Some((look, mut claim))) => {
                self.is_woken |= !look.is_fresh() && claim.backlog.is_empty();
                self.looks.note(&look, &mut claim);
                self.start(claim);
            }
            Err(cause) => {
                tracing::warn!(error = %cause, "Jobs could not be claimed; trying again");
                self.pause = POLL_IDLE;
            }
        }
    }

    fn start(&mut self, claim: Claim) {
        if let Some(due) = claim.next_due {
            let wait = (due - self.engine.app().clock.now()).to_std().unwrap_or_default();
            self.pause = self.pause.min(wait.max(Duration::from_millis(1)));
        }
        if !claim.runs.is_empty() {
            self.pause = POLL_BUSY;
        }
        for run in claim.runs {
            let engine = self.engine.clone();
            self.runs.begin(run.kind, run.lane, async move { engine.attempt(run).await });
        }
    }

    /// A run has ended, and perhaps others with it: what came of them waits for the next turn.
    fn note_end(&mut self, joined: Joined<Ended>) {
        self.ended.extend(self.runs.end(joined));
    }

    /// What a provider did must be written down: a database that is away is waited for, as long as the lease may last.
    fn note_unwritten(&mut self, unwritten: Option<Arc<Vec<Ended>>>) {
        let Some(unwritten) = unwritten else {
            self.unwritten = 0;
            return;
        };
        self.unwritten += 1;
        if self.unwritten > UNWRITTEN_MAX {
            tracing::error!(runs = unwritten.len(), "The outcome of runs could not be written; the sweep for lost leases takes them back");
            self.unwritten = 0;
            return;
        }
        self.owed.push(unwritten);
    }

    /// Waits for open calls and writes down how they ended; what is still open then is given back.
    async fn drain(mut self) {
        let since = Stopwatch::start();
        loop {
            self.finish_all().await;
            if self.runs.is_empty() {
                return;
            }
            let left = DRAIN.saturating_sub(since.elapsed());
            match tokio::time::timeout(left, self.runs.join_next()).await {
                Ok(Some(ended)) => self.note_end(ended),
                Ok(None) => {}
                Err(_elapsed) => {
                    tracing::warn!(open_calls = self.runs.len(), "Calls still open at the end of the shutdown are given back");
                    self.runs.shutdown().await;
                    return self.finish_all().await;
                }
            }
        }
    }

    async fn finish_all(&mut self) {
        while let Some(turned) = self.turns.join_next().await {
            self.note_turn(turned);
        }
        while !(self.ended.is_empty() && self.owed.is_empty()) {
            let ended = self.next_ended();
            if let Err(cause) = self.engine.finish_by("outbox.turn", ended).await {
                tracing::error!(error = %cause, "The outcome of runs could not be written at the end; they are rescued when the lease runs out");
            }
        }
    }
}

/// Writes down what has ended and claims what there is room for. The two are handed to the same writer one behind the other:
/// they share a commit, and neither suffers for the other.
async fn turn(engine: Engine, key: String, ended: Arc<Vec<Ended>>, claims: Option<(Room, Look)>) -> Turned {
    let finish = async { if ended.is_empty() { Ok(0) } else { engine.finish_by(&key, Arc::clone(&ended)).await } };
    let claim = async {
        match claims {
            Some((room, look)) => engine.claim_into(&key, room, look.clone()).await.map(|claim| Some((look, claim))),
            None => Ok(None),
        }
    };
    let (finished, claim) = futures_util::future::join(finish, claim).await;
    let unwritten = match finished {
        Ok(_) => None,
        Err(cause) => {
            tracing::warn!(error = %cause, runs = ended.len(), "The outcome of runs could not be written yet");
            Some(ended)
        }
    };
    Turned { key, claim, unwritten }
}

/// Heartbeats apart from the work, so that a long call does not look like death; the rescue sweep rides along.
async fn keep_beating(engine: Engine, announcement: Announcement) {
    let mut every = tokio::time::interval(HEARTBEAT);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut swept: Option<(Stopwatch, Duration)> = None;
    loop {
        every.tick().await;
        if let Err(cause) = engine.beat(announcement.clone()).await {
            tracing::warn!(error = %cause, "The heartbeat could not be written");
            continue;
        }
        // A tenth of the time at most: PostgreSQL may have to walk over many leases that it could not clear away yet.
        if swept.is_some_and(|(since, took)| since.elapsed() < took * 10) {
            continue;
        }
        let watch = Stopwatch::start();
        report_sweep(engine.rescue_silent().await, "of a process that ended");
        report_sweep(engine.rescue_lost().await, "whose claim or outcome was lost with the database");
        swept = Some((Stopwatch::start(), watch.elapsed()));
    }
}

fn report_sweep(swept: crate::Result<usize>, whose: &str) {
    match swept {
        Ok(0) => {}
        Ok(rescued) => tracing::warn!(rescued, "Jobs {whose} were taken back"),
        Err(cause) => tracing::warn!(error = %cause, "The sweep for jobs {whose} failed"),
    }
}
