//! The storm is over: everything must come to its end without a hand, and the provider's own ledger tells whether anything
//! was lost or doubled.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use diesel::prelude::*;
use throughline::connections::ConnectionState;
use throughline::db::schema::{job_probes, leads};
use throughline::leads::{Lead, LeadStatus};
use throughline::outbox::{JobRow, JobState};

use crate::laws::{Broken, DEATHS_MAX, is_over};
use crate::settings::Planted;
use crate::world::{Play, World};

/// Looks at the work, each a little later than the one before; afterwards nothing should wait any more.
const ROUNDS_MAX: usize = 200;

impl World {
    /// Lets the processes work until nothing is left to do.
    pub async fn settle(&mut self) -> Result<(), Broken> {
        self.let_storm_end();
        self.trace.say("world", "the storm is over");
        for round in 0..ROUNDS_MAX {
            self.reconnect_where_asked().await;
            if self.play == Play::Model {
                self.tidy_up().await?;
            }
            for at in 0..self.processes.len() {
                self.work_until_idle(at).await?;
            }
            let probes: i64 = self.ask(|conn| job_probes::table.count().get_result(conn)).await;
            if probes == 0 && !self.seen().iter().any(|row| self.still_waits(row)) {
                return Ok(());
            }
            self.clock.shift(TimeDelta::seconds(if round < 40 { 31 } else { 601 }));
        }
        Err(Broken(format!("it never ends: {:?}", self.seen().iter().find(|row| self.still_waits(row)))))
    }

    /// In the model people decide in the end whatever is uncertain.
    fn still_waits(&self, row: &JobRow) -> bool {
        !is_over(row.state) && (row.state != JobState::Uncertain || self.play == Play::Model)
    }

    async fn work_until_idle(&mut self, at: usize) -> Result<(), Broken> {
        self.beat(at).await?;
        self.rescue(at, true).await?;
        self.rescue(at, false).await?;
        // One by one: their order must follow from the seed.
        while self.look_up(at).await? {}
        loop {
            while let Some(place) = self.processes[at].places(false).first() {
                self.attempt(at, *place).await?;
            }
            while let Some(place) = self.processes[at].places(true).first() {
                self.finish(at, *place).await?;
            }
            self.claim(at).await?;
            if self.processes[at].in_hand.is_empty() {
                return Ok(());
            }
        }
    }

    async fn reconnect_where_asked(&self) {
        let state = self.ask(throughline::connections::summary).await;
        if state.is_some_and(|summary| summary.state == ConnectionState::NeedsReconnect) {
            self.connect().await;
        }
    }

    /// Compares what was promised with what the provider has.
    pub async fn judge(&self) -> Result<(), Broken> {
        if self.play == Play::Model {
            return self.no_change_was_swallowed();
        }
        let mut ledger: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for record in self.sandbox.leads() {
            ledger.entry(line_of(&record)).or_default().push(record["id"].as_str().unwrap_or_default().to_owned());
        }
        let stored: Vec<Lead> = self.ask(|conn| leads::table.select(Lead::as_select()).order(leads::id).load(conn)).await;
        for line in &self.accepted {
            let lead =
                stored.iter().find(|lead| lead.line_id == *line).ok_or(Broken(format!("the lead of {line} was accepted and is gone")))?;
            let job = self.seen().iter().rfind(|row| row.kind == "leads.deliver" && row.subject == lead.id.subject());
            let job = job.ok_or(Broken(format!("lead {} has no job", lead.id)))?;
            let copies = ledger.remove(line).unwrap_or_default();
            self.judge_one(lead, job, &copies)
                .map_err(|why| Broken(format!("lead {}, job {} ({}): {why}", lead.id, job.id, job.state.as_str())))?;
        }
        match ledger.into_iter().next() {
            Some((line, _)) => Err(Broken(format!("the provider has a record of {line}, which nobody accepted"))),
            None => Ok(()),
        }
    }

    fn judge_one(&self, lead: &Lead, job: &JobRow, copies: &[String]) -> Result<(), String> {
        let adopted = lead.zoho_lead_id.is_some() && copies.is_empty() && lead.email.as_deref() == Some("often@example.com");
        match (job.state, copies.len()) {
            (_, 2..) => Err(format!("doubled: the provider has it {} times", copies.len())),
            (JobState::Succeeded, 0) if !adopted => Err("lost: it is done here, and the provider does not have it".into()),
            (JobState::Succeeded, _) if lead.status != LeadStatus::Sent => Err(format!("its lead is {:?}", lead.status)),
            (JobState::Succeeded, 1) if self.planted == Planted::Nothing && lead.zoho_lead_id.as_deref() != Some(&copies[0]) => {
                Err("its lead names another record".into())
            }
            (JobState::Uncertain, _) if self.has_external_field && self.times_taken_back(job.id) <= DEATHS_MAX => {
                Err("uncertain, although every call can be repeated".into())
            }
            (JobState::Dead, _) if job.last_error.is_none() => Err("given up without a reason".into()),
            _ => Ok(()),
        }
    }
}

/// Our line id, which every record carries: in the unique field, or at the end of the description.
fn line_of(record: &serde_json::Value) -> String {
    let by_field = record["External_Lead_Id"].as_str().map(str::to_owned);
    let by_description =
        || record["Description"].as_str().and_then(|text| text.rsplit_once("Throughline: ")).map(|(_, line)| line.to_owned());
    by_field.or_else(by_description).unwrap_or_default()
}
