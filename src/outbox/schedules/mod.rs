//! What is due by the clock. Each due time is a row, and whoever inserts it first has decided it: no leader is needed.
//! This file is what a schedule is; `due` computes, `tick` decides, `acts` is what people may do, `history` what they see.

mod acts;
mod due;
#[cfg(test)]
mod due_tests;
mod history;
mod tick;

pub use acts::{pause, resume, run_now};
pub use due::DueTime;
pub use history::{Pause, Run, RunOutcome, ScheduleRow, known, last_run, runs};
pub use tick::tick;

use std::sync::Arc;

use anyhow::Context;
use chrono_tz::Tz;
use croner::Cron;
use diesel::QueryResult;

use super::kind::JobId;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::line::LineId;

type Enqueue = dyn Fn(&mut Tx<'_>, UtcTime, &LineId) -> QueryResult<JobId> + Send + Sync;

/// What becomes of a due time at which no process ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// Nothing: it is written down as missed.
    Skip,
    /// The last one is made up, late; those before it are written down as missed.
    Once,
}

/// What becomes of a due time while the job of the run before is unfinished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// It is skipped, and written down as such.
    Skip,
    /// It fires all the same.
    Allow,
}

/// Something that is due by the clock.
#[derive(Clone)]
pub struct Schedule {
    name: &'static str,
    purpose: &'static str,
    cron: Cron,
    zone: Tz,
    is_local: bool,
    missed: Missed,
    overlap: Overlap,
    enqueue: Arc<Enqueue>,
}

impl Schedule {
    /// `cron` has five fields (minute first) and is read in `zone`. Made up once when missed; never over itself.
    pub fn new(
        name: &'static str,
        cron: &str,
        zone: Tz,
        enqueue: impl Fn(&mut Tx<'_>, UtcTime, &LineId) -> QueryResult<JobId> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let cron = cron.parse().with_context(|| format!("reading `{cron}` of schedule `{name}`"))?;
        Ok(Self {
            name,
            purpose: "",
            cron,
            zone,
            is_local: false,
            missed: Missed::Once,
            overlap: Overlap::Skip,
            enqueue: Arc::new(enqueue),
        })
    }

    /// Says what it is for, in a sentence that people read.
    #[must_use]
    pub fn for_purpose(self, purpose: &'static str) -> Self {
        Self { purpose, ..self }
    }

    /// Its pattern is read in the zone of the people here, which may change while the program runs ([`in_local_zone`]).
    #[must_use]
    pub fn in_local_time(self) -> Self {
        Self { is_local: true, ..self }
    }

    /// Decides about due times at which no process ran.
    #[must_use]
    pub fn when_missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }

    /// Decides about due times while the run before is unfinished.
    #[must_use]
    pub fn when_overlapping(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }

    /// Stable: rows carry it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What it is for; may be empty.
    pub fn purpose(&self) -> &'static str {
        self.purpose
    }

    /// The pattern as it was written.
    pub fn cron(&self) -> &str {
        self.cron.as_str()
    }

    /// The zone in which the pattern is read.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// What happens to due times that were missed.
    pub fn missed(&self) -> Missed {
        self.missed
    }

    /// What happens to due times while the run before is unfinished.
    pub fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// `Every 15 minutes`, `At 09:00, on Monday`.
    pub fn in_words(&self) -> String {
        let words = self.cron.describe();
        let words = words.trim_end_matches('.');
        words.strip_prefix("At every ").map_or_else(|| words.to_owned(), |rest| format!("Every {rest}"))
    }
}

/// The schedules as they are due where the zone of the people here is `zone`.
pub fn in_local_zone(schedules: &[Schedule], zone: Tz) -> Vec<Schedule> {
    schedules.iter().cloned().map(|schedule| if schedule.is_local { Schedule { zone, ..schedule } } else { schedule }).collect()
}

/// Every schedule of the program, for pages.
#[derive(Clone)]
pub struct Schedules(Arc<[Schedule]>);

impl Schedules {
    /// Keeps them in the order in which they are shown.
    pub fn new(schedules: Vec<Schedule>) -> Self {
        Self(schedules.into())
    }

    /// All of them, where the zone of the people here is this one.
    pub fn all(&self, zone: Tz) -> Vec<Schedule> {
        in_local_zone(&self.0, zone)
    }

    /// The one of that name, likewise.
    pub fn find(&self, name: &str, zone: Tz) -> Option<Schedule> {
        self.all(zone).into_iter().find(|schedule| schedule.name == name)
    }
}
