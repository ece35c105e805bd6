//! What can happen next, and what happens then. A step is one thing that one process does, awaited to its end: between two
//! steps everything may have come in between, and chance decides what does.

use std::fmt::Display;
use std::sync::Arc;

use chrono::TimeDelta;
use serde_json::{Map, Value, json};
use throughline::db::{Tx, WriteError};
use throughline::leads::model::{Arrived, LeadKind};
use throughline::leads::{actions, submission};
use throughline::line::LineId;

use crate::laws::{Broken, Law};
use crate::planted;
use crate::process::{Hand, InHand, Process};
use crate::settings::Planted;
use crate::world::{Play, World};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Receive,
    Claim,
    Attempt,
    Finish,
    /// A process ends without a word, whatever it has in hand.
    Crash,
    /// A process commits its outcome and ends at that moment.
    FinishAndCrash,
    /// A process commits its claim and ends at that moment.
    ClaimAndCrash,
    /// A process is told to stop, and gives back what it holds.
    Leave,
    Beat,
    RescueSilent,
    RescueLost,
    LookUp,
    TimePasses,
    ClockIsSetBack,
    /// A person sends a job again, cancels it, or declares it done.
    Decide,
    Pause,
}

const STEPS: &[(usize, Step)] = &[
    (10, Step::Receive),
    (22, Step::Claim),
    (22, Step::Attempt),
    (22, Step::Finish),
    (3, Step::Crash),
    (2, Step::FinishAndCrash),
    (2, Step::ClaimAndCrash),
    (2, Step::Leave),
    (2, Step::Beat),
    (6, Step::RescueSilent),
    (3, Step::RescueLost),
    (5, Step::LookUp),
    (12, Step::TimePasses),
    (1, Step::ClockIsSetBack),
];

impl World {
    /// Something happens; whatever is done on the way is held against the laws at once.
    pub async fn step(&mut self) -> Result<(), Broken> {
        let step = match self.play {
            Play::Leads => self.dice.weighted(STEPS),
            Play::Model => self.dice.weighted(&[STEPS, &[(6, Step::Decide), (2, Step::Pause)]].concat()),
        };
        let at = self.dice.below(self.processes.len());
        match step {
            Step::Receive if self.play == Play::Model => self.enqueue().await,
            Step::Receive => self.receive().await,
            Step::Decide => self.decide().await,
            Step::Pause => self.pause().await,
            Step::Claim => self.claim(at).await,
            Step::ClaimAndCrash => {
                self.claim(at).await?;
                self.crash(at, "right after its claim").await
            }
            Step::Attempt => match self.any_in_hand(at, false) {
                Some(place) => self.attempt(at, place).await,
                None => Ok(()),
            },
            Step::Finish => match self.any_in_hand(at, true) {
                Some(place) => self.finish(at, place).await,
                None => Ok(()),
            },
            Step::FinishAndCrash => match self.any_in_hand(at, true) {
                Some(place) => {
                    self.finish(at, place).await?;
                    self.crash(at, "right after its outcome was written").await
                }
                None => Ok(()),
            },
            Step::Crash => self.crash(at, "").await,
            Step::Leave => self.leave(at).await,
            Step::Beat => self.beat(at).await,
            Step::RescueSilent => self.rescue(at, true).await,
            Step::RescueLost => self.rescue(at, false).await,
            Step::LookUp => self.look_up(at).await.map(|_| ()),
            Step::TimePasses => self.time_passes().await,
            Step::ClockIsSetBack => self.set_clock_back().await,
        }
    }

    /// The place of a run that has ended, or not, chosen by chance.
    fn any_in_hand(&self, at: usize, ended: bool) -> Option<usize> {
        let places = self.processes[at].places(ended);
        if places.is_empty() { None } else { Some(self.dice.pick(&places)) }
    }

    /// Leads arrive, some from an address that has asked before.
    async fn receive(&mut self) -> Result<(), Broken> {
        for _ in 0..self.dice.between(1, 4) {
            let number = self.accepted.len() + 1;
            let email = if self.dice.percent(10) { "often@example.com".to_owned() } else { format!("lead-{number}@example.com") };
            let fields: Map<String, Value> = [("name", format!("Ada {number}")), ("email", email)]
                .into_iter()
                .map(|(field, text)| (field.to_owned(), json!(text)))
                .collect();
            let new = submission::check(LeadKind::Quote, fields, None).expect("a lead that can be read");
            let (now, line) = (self.clock.now(), LineId::mint(self.clock.now()));
            let (token_hash, key) = (line.to_string(), line.clone());
            let receive =
                move |tx: &mut Tx<'_>| actions::receive(tx, now, &Arrived { line: &line, status_token_hash: &token_hash, new: &new });
            let received = self.store.write::<_, diesel::result::Error>("leads.receive", key.as_str(), receive).await;
            self.trace.say("web", format!("takes in lead {number}: {}", if received.is_ok() { "201" } else { "503" }));
            // What is not known to be written was written here: the strike says so.
            if matches!(received, Ok(_) | Err(WriteError::Unknown)) {
                self.accepted.push(key.to_string());
            }
        }
        self.check(&Law::JobsArrive).await
    }

    pub async fn claim(&mut self, at: usize) -> Result<(), Broken> {
        let room = self.dice.between(1, 3);
        let by = self.processes[at].name.clone();
        match self.processes[at].engine.claim(room).await {
            Ok(runs) => {
                let rows = if runs.is_empty() { Vec::new() } else { self.rows().await };
                for run in runs {
                    let ids: Vec<i64> = run.ids().iter().map(|id| id.0).collect();
                    let row = rows.iter().find(|row| Some(&row.id.0) == ids.first());
                    self.trace.say(&by, format!("claims {} {ids:?}", row.map_or("?", |row| &row.kind)));
                    let lease = row.and_then(|row| row.lease_token).unwrap_or_default();
                    self.processes[at].in_hand.push(InHand { ids, lease, what: Hand::Claimed(run) });
                }
            }
            Err(cause) => self.trace.say(&by, format!("cannot claim: {cause}")),
        }
        self.check(&Law::JobsAreClaimed { by }).await
    }

    /// Does the work of a run. A process that crashes over it is started again, later than anyone waits for its refresh.
    pub async fn attempt(&mut self, at: usize, place: usize) -> Result<(), Broken> {
        let process = &mut self.processes[at];
        let InHand { ids, lease, what } = process.in_hand.swap_remove(place);
        let Hand::Claimed(run) = what else { return Ok(()) };
        self.trace.say(&process.name, format!("runs {ids:?}"));
        match process.wire.unless_it_crashes(process.engine.attempt(run)).await {
            Some(ended) => {
                process.in_hand.push(InHand { ids, lease, what: Hand::Ended(ended) });
                self.check(&Law::NothingChanges).await
            }
            None => {
                self.check(&Law::NothingChanges).await?;
                self.clock.shift(TimeDelta::seconds(31));
                self.replace(at).await
            }
        }
    }

    /// Writes down what came of a run.
    pub async fn finish(&mut self, at: usize, place: usize) -> Result<(), Broken> {
        let InHand { ids, lease, what } = self.processes[at].in_hand.swap_remove(place);
        let Hand::Ended(ended) = what else { return Ok(()) };
        if self.planted == Planted::Lease {
            planted::ignore_the_lease(self, &ids, lease).await;
        }
        let (process, ended) = (&self.processes[at], Arc::new(vec![ended]));
        // What could not be written is tried again, as the worker does, unless the process gives up before.
        loop {
            match process.engine.finish(Arc::clone(&ended)).await {
                Ok(_) => self.trace.say(&process.name, format!("writes the outcome of {ids:?}")),
                Err(cause) => {
                    self.trace.say(&process.name, format!("cannot write the outcome of {ids:?}: {cause}"));
                    if self.dice.percent(80) {
                        continue;
                    }
                }
            }
            break;
        }
        process.wire.do_what_was_hoped().await;
        self.check(&Law::OnlyUnderTheLease { lease }).await
    }

    async fn crash(&mut self, at: usize, when: &str) -> Result<(), Broken> {
        self.trace.say(&self.processes[at].name, format!("crashes {when}"));
        self.replace(at).await
    }

    /// What the process had in hand is forgotten; another one takes its place.
    async fn replace(&mut self, at: usize) -> Result<(), Broken> {
        drop(self.processes.remove(at));
        self.start_process().await
    }

    async fn leave(&mut self, at: usize) -> Result<(), Broken> {
        let process = self.processes.remove(at);
        let left = process.engine.leave().await;
        self.trace.say(&process.name, format!("leaves: {}", told(left.map(|()| "and gives back what it held"))));
        self.beats.remove(&process.name);
        self.check(&Law::JobsAreTakenBack).await?;
        self.start_process().await
    }

    pub async fn beat(&mut self, at: usize) -> Result<(), Broken> {
        let (process, refused) = (&self.processes[at], self.refused());
        let beaten = process.engine.beat(Process::announcement(process.engine.app(), self.clock.now())).await;
        self.trace.say(&process.name, if beaten.is_ok() { "lives" } else { "lives, and cannot say so" });
        if self.refused() == refused {
            self.beats.insert(process.name.clone(), self.clock.now());
        }
        self.check(&Law::NothingChanges).await
    }

    pub async fn rescue(&mut self, at: usize, silent: bool) -> Result<(), Broken> {
        let process = &self.processes[at];
        let (rescued, whose) = if silent {
            (process.engine.rescue_silent().await, "silent processes held")
        } else {
            (process.engine.rescue_lost().await, "it holds and does not run")
        };
        if !matches!(rescued, Ok(0)) {
            self.trace.say(&process.name, format!("takes back what {whose}: {}", told(rescued)));
        }
        self.check(&Law::JobsAreTakenBack).await
    }

    /// An uncertain job whose time has come is looked up at the provider. False: there was none.
    pub async fn look_up(&mut self, at: usize) -> Result<bool, Broken> {
        let process = &self.processes[at];
        match process.wire.unless_it_crashes(process.engine.look_up_some(1)).await {
            Some(Ok(0)) => self.check(&Law::DoubtIsCleared).await.map(|()| false),
            Some(looked) => {
                self.trace.say(&process.name, format!("looks up uncertain jobs: {}", told(looked)));
                self.check(&Law::DoubtIsCleared).await.map(|()| true)
            }
            None => {
                self.check(&Law::DoubtIsCleared).await?;
                self.clock.shift(TimeDelta::seconds(31));
                self.replace(at).await.map(|()| true)
            }
        }
    }

    /// Time passes; most processes say meanwhile that they live, some hang.
    async fn time_passes(&mut self) -> Result<(), Broken> {
        let (least, most) = self.dice.weighted(&[(12, (1, 20)), (4, (31, 95)), (2, (300, 400)), (1, (3_300, 7_200))]);
        let seconds = self.dice.between(least, most);
        self.clock.shift(TimeDelta::seconds(seconds as i64));
        self.trace.say("clock", format!("{seconds} s later"));
        for at in 0..self.processes.len() {
            if self.dice.percent(75) {
                self.beat(at).await?;
            }
        }
        self.check(&Law::NothingChanges).await
    }

    async fn set_clock_back(&mut self) -> Result<(), Broken> {
        let seconds = self.dice.between(1, 10);
        self.clock.shift(-TimeDelta::seconds(seconds as i64));
        self.trace.say("clock", format!("is set back by {seconds} s"));
        self.check(&Law::NothingChanges).await
    }
}

pub fn told<T: Display, E: Display>(result: Result<T, E>) -> String {
    result.map_or_else(|cause| cause.to_string(), |value| value.to_string())
}
