//! What one look at the database and at this machine saw. Plain values: the rules read them, the pages print them.

use std::time::Duration;

use chrono::TimeDelta;

use super::configuration::Finding;
use crate::clock::UtcTime;
use crate::connections::Summary;
use crate::contacts::aside_queries::Aside;
use crate::inbox::Standing;
use crate::inbox::statistics::Backlog;
use crate::leads::LeadId;
use crate::leads::statistics::Statistics;
use crate::orders::trouble_queries::Troubles;
use crate::outbox::limits::Gauge;
use crate::outbox::lists::{KindCount, ReadySince};
use crate::outbox::pauses::Pause;
use crate::outbox::{SILENT_AFTER, breaker};
use crate::web::format;

/// Everything a report rests on.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it was seen.
    pub at: UtcTime,
    /// How long the database took to answer all of it.
    pub answered_in: Duration,
    pub size_bytes: i64,
    /// None where the database has another machine's disk.
    pub disk: Option<Disk>,
    pub zoho: Zoho,
    pub stripe: Standing,
    /// Where the receipts of all providers stand.
    pub inbox: Backlog,
    pub books: Books,
    /// Disputes, and money without an order.
    pub troubles: Troubles,
    /// What could not be linked to a contact.
    pub aside: Aside,
    pub leads: LeadFigures,
    pub jobs: Vec<KindCount>,
    pub ready: Vec<ReadySince>,
    /// Kinds that need no connection.
    pub free_kinds: Vec<&'static str>,
    pub schedules: Vec<ScheduleFacts>,
    pub processes: Vec<ProcessFacts>,
    pub findings: Vec<Finding>,
}

/// The volume that holds the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// The connection to Zoho CRM.
#[derive(Clone, Debug, Default)]
pub struct Zoho {
    /// None: nobody has connected it yet.
    pub summary: Option<Summary>,
    pub breaker: Option<breaker::ConnectionState>,
    pub gauge: Option<Gauge>,
    /// Calls made in the last hour.
    pub calls_last_hour: i64,
    /// Refreshes of the token within ten minutes, oldest first, with what went wrong.
    pub refreshes: Vec<(UtcTime, Option<String>)>,
    /// What people hold of it, or of the jobs that use it.
    pub pauses: Vec<Pause>,
}

/// The connection to Zoho Books, and what is to be booked there.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// None: no organisation was ever chosen.
    pub summary: Option<Summary>,
    /// Its id and name, where one is chosen.
    pub organisation: Option<String>,
    pub organisation_name: Option<String>,
    /// What people hold of it, or of the jobs that use it.
    pub pauses: Vec<Pause>,
    /// Orders that wait to be booked, those that are tried again among them.
    pub waiting: i64,
    /// Orders that are not tried again by themselves.
    pub failed: i64,
    /// Paid orders of before that nobody asked to be booked.
    pub missing: i64,
}

/// Where leads stand.
#[derive(Clone, Debug)]
pub struct LeadFigures {
    pub statistics: Statistics,
    /// Sent and failed, of those received in the last hour and the last 7 days.
    pub hour: (i64, i64),
    pub week: (i64, i64),
    pub oldest_waiting: Option<(LeadId, UtcTime)>,
    /// The submission that has waited longest for somebody to look at it, and since when.
    pub oldest_held: Option<(LeadId, UtcTime)>,
    pub delivery: Option<Delivery>,
}

/// How long leads took from 201 to the CRM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Of so many leads, the last that were sent.
    pub count: usize,
    pub p50: TimeDelta,
    pub p95: TimeDelta,
}

/// A schedule and what became of its due times.
#[derive(Clone, Debug)]
pub struct ScheduleFacts {
    pub name: &'static str,
    pub is_paused: bool,
    /// When it last fired or was decided otherwise.
    pub last_at: Option<UtcTime>,
    /// The first due time nobody has decided about.
    pub overdue_since: Option<UtcTime>,
    /// The last due time at which no process ran, within a day.
    pub missed_at: Option<UtcTime>,
    /// The job of its last run has failed.
    pub has_failed: bool,
}

/// A process, as it last said.
#[derive(Clone, Debug)]
pub struct ProcessFacts {
    pub host: String,
    pub roles: String,
    pub heartbeat_at: UtcTime,
    pub clock_ahead_ms: i64,
}

impl ProcessFacts {
    /// Whether it beat lately.
    pub fn lives(&self, now: UtcTime) -> bool {
        self.heartbeat_at > now - SILENT_AFTER
    }
}

impl Facts {
    /// Leads that are not settled yet.
    pub fn waiting(&self) -> i64 {
        let counts = &self.leads.statistics;
        counts.pending + counts.processing + counts.retry
    }

    /// Whether jobs may use the connection now.
    pub fn is_open(&self) -> bool {
        self.zoho.breaker.as_ref().is_some_and(|breaker| breaker.is_open(self.at)) && self.zoho.pauses.is_empty()
    }

    /// Live processes with this role.
    pub fn living<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a ProcessFacts> {
        self.processes.iter().filter(move |process| process.lives(self.at) && process.roles.split(',').any(|one| one == role))
    }

    /// `12 min ago`, by the time of the look.
    pub fn ago(&self, at: UtcTime) -> String {
        format!("{} ago", format::duration((self.at - at).max(TimeDelta::milliseconds(1))))
    }
}
