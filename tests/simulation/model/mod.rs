//! A small model of what the outbox promises, played against the engine: jobs with and without keys come in, people pause,
//! retry, cancel and decide, and after each step the rows are held against what the model remembers. It rides on the
//! simulation: claims, crashes, rescues, refused writes and clock jumps are the same.

pub mod kinds;
mod people;
mod rules;

use std::collections::BTreeMap;

use diesel::prelude::*;
use throughline::clock::UtcTime;
use throughline::db::schema::{call_reservations, pauses};
use throughline::db::{Tx, WriteError};
use throughline::line::LineId;
use throughline::outbox::{Job, JobId, JobRow, NewJob, enqueue};

use crate::laws::{Broken, Law};
use crate::world::World;

/// What the model remembers.
#[derive(Default)]
pub struct Model {
    /// Counts what happened: a run that began after a change has a higher number.
    pub moment: u64,
    /// Unique key -> the job that answered for it, and when it was last asked for.
    pub asked: BTreeMap<String, (JobId, u64)>,
    /// Job -> when its last run was claimed, or a person last decided.
    pub dealt_with: BTreeMap<JobId, u64>,
    /// When runs that call the provider were claimed.
    pub calls: Vec<(UtcTime, i64)>,
    /// Jobs that a person sent again: they come back before those that wait.
    pub sent_again: Vec<JobId>,
}

const ORDER_KEYS: &[&str] = &["customer:1", "customer:2", "customer:3"];
const UNIQUE_KEYS: &[&str] = &["lead:1", "lead:2"];

impl World {
    /// Jobs come in.
    pub async fn enqueue(&mut self) -> Result<(), Broken> {
        for _ in 0..self.dice.between(1, 3) {
            match self.dice.below(6) {
                0 => self.put(kinds::Step {}).await,
                1 => self.put(kinds::Strict {}).await,
                2 => self.put(kinds::Once {}).await,
                3 => self.put(kinds::Urgent {}).await,
                4 => self.put(kinds::Bulk {}).await,
                _ => self.put(kinds::Call {}).await,
            }
        }
        self.check(&Law::JobsArrive).await
    }

    async fn put<J: Job>(&mut self, job: J) {
        // Kinds keep to unique keys of their own: a key names one thing.
        let unique = self.dice.percent(35).then(|| format!("{}:{}", J::KIND, self.dice.pick(UNIQUE_KEYS)));
        let order = self.dice.percent(45).then(|| self.dice.pick(ORDER_KEYS));
        let now = self.clock.now();
        let run_at = if self.dice.percent(15) { now + chrono::TimeDelta::seconds(45) } else { now };
        let (kept, line) = (unique.clone(), LineId::mint(now));
        let put = move |tx: &mut Tx<'_>| {
            let new = NewJob { job: &job, line: &line, subject: "model", unique_key: unique.as_deref(), order_key: order, run_at };
            enqueue(tx, now, &new)
        };
        let written = self.store.write::<_, diesel::result::Error>("outbox.enqueue", order.unwrap_or("free"), put).await;
        let keys = format!("{} {}", order.unwrap_or("no order"), kept.as_deref().unwrap_or("not unique"));
        match (&written, kept) {
            (Ok(id), Some(key)) => {
                self.trace.say("web", format!("asks for {} ({keys}): job {id}", J::KIND));
                self.model.moment += 1;
                self.model.asked.insert(key, (*id, self.model.moment));
            }
            (Ok(id), None) => self.trace.say("web", format!("asks for {} ({keys}): job {id}", J::KIND)),
            (Err(WriteError::Unknown), _) => self.trace.say("web", format!("asks for {} ({keys}), and hears nothing", J::KIND)),
            (Err(cause), _) => self.trace.say("web", format!("asks for {} ({keys}): {cause}", J::KIND)),
        }
    }

    /// What the model remembers of a step, and what it says to it.
    pub async fn hold_against_model(&mut self, law: &Law, before: &[JobRow]) -> Result<(), Broken> {
        let (now, rows) = (self.clock.now(), self.seen().to_vec());
        self.model.moment += 1;
        if let Law::JobsAreClaimed { .. } = law {
            let states: BTreeMap<JobId, _> = before.iter().map(|row| (row.id, row.lease_token)).collect();
            let begun: Vec<&JobRow> =
                rows.iter().filter(|row| row.lease_token.is_some() && states.get(&row.id) != Some(&row.lease_token)).collect();
            let paused: Vec<(String, String, Option<UtcTime>)> =
                self.ask(|conn| pauses::table.select((pauses::scope, pauses::name, pauses::until)).load(conn)).await;
            for row in &begun {
                rules::may_begin(&self.model, row, &rows)
                    .and_then(|()| rules::is_not_paused(row, &paused, now))
                    .map_err(|why| Broken(format!("job {}: {why}", row.id)))?;
                self.model.dealt_with.insert(row.id, self.model.moment);
            }
            let calls = begun.iter().filter(|row| row.connection.is_some()).count();
            self.model.calls.push((now, i64::try_from(calls).unwrap_or_default() * i64::from(kinds::CALLS)));
            let at_once: i64 = self.ask(|conn| call_reservations::table.count().get_result(conn)).await;
            rules::limits_are_kept(&self.model, now, at_once)?;
        }
        rules::unique_is_never_doubled(&rows)?;
        rules::one_of_a_key_at_a_time(&rows)
    }

    /// At the end: whatever was asked for was followed by a run that began later, unless a person decided otherwise.
    pub fn no_change_was_swallowed(&self) -> Result<(), Broken> {
        for (key, (id, asked)) in &self.model.asked {
            if self.model.dealt_with.get(id).is_none_or(|dealt| dealt < asked) {
                return Err(Broken(format!("job {id}: `{key}` was asked for again, and no run followed")));
            }
        }
        Ok(())
    }
}
