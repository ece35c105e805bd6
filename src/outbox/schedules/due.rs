//! When a schedule is due: nominal instants, computed in its own zone and compared in UTC, so that each is itself once,
//! whatever the clocks of that zone do. A fixed time that a spring leaves out is due when the gap ends; one that an
//! autumn repeats is due the first time; what is due every so often goes by real time.

use chrono::{DateTime, Offset, SubsecRound, TimeDelta};
use chrono_tz::Tz;

use super::Schedule;
use crate::clock::UtcTime;

/// Due times decided at once: of more than that, the oldest leave no row.
pub const DECIDED_MAX: usize = 100;

/// A due time to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTime {
    pub at: UtcTime,
    /// The zone's clocks are set by this much between the due time before and this one.
    pub clocks_move: Option<TimeDelta>,
}

/// Where the decided due times end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// This one was decided.
    Decided(UtcTime),
    /// None was, and the schedule is known since then: that moment itself may be due.
    Known(UtcTime),
}

impl After {
    fn leaves(self, due_at: UtcTime) -> bool {
        match self {
            Self::Decided(last) => due_at > last,
            Self::Known(since) => due_at >= since,
        }
    }
}

impl Schedule {
    /// The last due time at or before `now`.
    pub(super) fn last_due(&self, now: UtcTime) -> Option<UtcTime> {
        self.cron.find_previous_occurrence(&self.local(now), true).ok().map(|due| due.naive_utc())
    }

    /// Whether something is due that was not decided.
    pub(super) fn is_due(&self, after: After, now: UtcTime) -> bool {
        self.last_due(now).is_some_and(|due_at| after.leaves(due_at))
    }

    /// The due times up to `now` that were not decided, oldest first; the last [`DECIDED_MAX`] of them.
    pub(super) fn undecided(&self, after: After, now: UtcTime) -> Vec<UtcTime> {
        let mut due = Vec::new();
        let mut next = self.last_due(now);
        while let Some(due_at) = next.filter(|due_at| after.leaves(*due_at) && due.len() < DECIDED_MAX) {
            due.push(due_at);
            next = self.cron.find_previous_occurrence(&self.local(due_at), false).ok().map(|due| due.naive_utc());
        }
        due.reverse();
        due
    }

    /// The next due times after `now`.
    pub fn next_due(&self, now: UtcTime, count: usize) -> Vec<DueTime> {
        let mut due = Vec::new();
        let mut last = self.local(now);
        while due.len() < count
            && let Ok(next) = self.cron.find_next_occurrence(&last, false)
        {
            let moved = offset(&next) - offset(&last);
            due.push(DueTime { at: next.naive_utc(), clocks_move: Some(moved).filter(|moved| !moved.is_zero()) });
            last = next;
        }
        due
    }

    fn local(&self, at: UtcTime) -> DateTime<Tz> {
        // `croner` hands the fraction of the second through: without this each tick would find a due time of its own.
        at.and_utc().trunc_subsecs(0).with_timezone(&self.zone)
    }
}

fn offset(at: &DateTime<Tz>) -> TimeDelta {
    TimeDelta::seconds(i64::from(at.offset().fix().local_minus_utc()))
}
