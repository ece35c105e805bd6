//! What a check is: a stable id, a state, what was seen, and a sentence. docs/health.md lists the ids with their thresholds;
//! alerts will watch the same list.

use serde::Serialize;
use serde_json::Value;

/// Every id there is. They stay as they are.
pub const IDS: [&str; 31] = [
    "database:answers",
    "database:size",
    "database:disk-free",
    "zoho-crm:connection",
    "zoho-crm:unique-field",
    "zoho-crm:token",
    "zoho-crm:refresh",
    "zoho-crm:breaker",
    "zoho-crm:quota",
    "zoho-crm:last-success",
    "stripe:webhooks",
    "stripe:events",
    "inbox:failed",
    "zoho-books:connection",
    "orders:booking",
    "orders:disputes",
    "orders:unmatched",
    "people:linking",
    "leads:waiting",
    "leads:oldest-waiting",
    "leads:failed",
    "leads:uncertain",
    "leads:held",
    "leads:success-rate",
    "leads:delivery-time",
    "outbox:failed",
    "outbox:oldest-ready",
    "schedules:runs",
    "processes:heartbeat",
    "processes:clock",
    "configuration:settings",
];

/// How something stands, the better first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Pass,
    /// It works, and somebody should look.
    Warn,
    /// Leads do not go out, or not as they should.
    Fail,
}

impl State {
    /// As it stands in the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "Healthy",
            Self::Warn => "Degraded",
            Self::Fail => "Unhealthy",
        }
    }

    /// The worst of all; healthy where there is nothing.
    pub fn worst(all: impl IntoIterator<Item = Self>) -> Self {
        all.into_iter().max().unwrap_or(Self::Pass)
    }

    /// `fail` from the one limit on, `warn` from the other.
    pub fn from_limits<T: PartialOrd>(value: T, warn: T, fail: T) -> Self {
        if value >= fail {
            Self::Fail
        } else if value >= warn {
            Self::Warn
        } else {
            Self::Pass
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// One of [`IDS`]: the component and what is measured of it.
    pub id: &'static str,
    /// Which of several: the schedule, the process.
    pub of: Option<String>,
    pub title: &'static str,
    pub state: State,
    /// What was seen; null where nothing could be.
    pub value: Value,
    /// `s`, `ms`, `bytes`, `leads`, …; empty where the value has none.
    pub unit: &'static str,
    /// A sentence. Durations, no times of day: it is read in every zone.
    pub output: String,
}

impl Check {
    /// One that has nothing to complain of, so far.
    pub fn pass(id: &'static str, title: &'static str, output: impl Into<String>) -> Self {
        Self { id, of: None, title, state: State::Pass, value: Value::Null, unit: "", output: output.into() }
    }

    /// With its state.
    #[must_use]
    pub fn at(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// With what was seen.
    #[must_use]
    pub fn seen(self, value: impl Into<Value>, unit: &'static str) -> Self {
        Self { value: value.into(), unit, ..self }
    }

    /// With which of several it is about.
    #[must_use]
    pub fn of(self, of: impl Into<String>) -> Self {
        Self { of: Some(of.into()), ..self }
    }
}
