//! Books' limits: calls in a minute, calls in a day by plan, calls at once.

use std::collections::VecDeque;

use chrono::{NaiveDate, TimeDelta};

use super::error;
use crate::clock::UtcTime;
use crate::sandbox::answer::SandboxAnswer;

/// In any minute, all programs of an organisation together.
const PER_MINUTE: usize = 100;

/// What the customer pays Zoho for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BooksPlan {
    Free,
    Standard,
    Professional,
    Premium,
    /// A day of so few calls that a test uses it up.
    Tiny,
}

impl BooksPlan {
    pub(super) fn calls_per_day(self) -> u64 {
        match self {
            Self::Free => 1_000,
            Self::Standard => 2_000,
            Self::Professional => 5_000,
            Self::Premium => 10_000,
            Self::Tiny => 3,
        }
    }

    pub(super) fn at_once_max(self) -> usize {
        if self == Self::Free { 5 } else { 10 }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Free | Self::Tiny => "FREE",
            Self::Standard => "STANDARD",
            Self::Professional => "PROFESSIONAL",
            Self::Premium => "PREMIUM",
        }
    }
}

/// Calls that were made. Days end at midnight UTC (inferred: Zoho does not say).
#[derive(Default)]
pub(super) struct Calls {
    minute: VecDeque<UtcTime>,
    day: Option<NaiveDate>,
    today: u64,
}

impl Calls {
    /// Counts one, or refuses it.
    pub(super) fn count(&mut self, plan: BooksPlan, now: UtcTime) -> Result<(), SandboxAnswer> {
        if self.day != Some(now.date()) {
            (self.day, self.today) = (Some(now.date()), 0);
        }
        while self.minute.pop_front_if(|at| *at + TimeDelta::seconds(60) <= now).is_some() {}
        if self.today >= plan.calls_per_day() {
            let told = format!("The API call for this organization has exceeded the maximum call rate limit of {}.", plan.calls_per_day());
            return Err(error(429, 45, &told));
        }
        if self.minute.len() >= PER_MINUTE {
            let told = "For security reasons your organization has been blocked as it have exceeded the maximum number of requests per \
                        minute that can originate from an organization.";
            return Err(error(429, 44, told));
        }
        self.today += 1;
        self.minute.push_back(now);
        Ok(())
    }

    pub(super) fn today(&self) -> u64 {
        self.today
    }

    /// Seconds until the day's calls come back.
    pub(super) fn reset_s(&self, now: UtcTime) -> i64 {
        let midnight = (now.date() + TimeDelta::days(1)).and_hms_opt(0, 0, 0).unwrap_or(now);
        (midnight - now).num_seconds() + 1
    }
}
