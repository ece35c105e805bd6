//! The CRM's limits by edition: calls at once, and credits in any 24 hours (Zoho's API-limits page and Kaizen 203, read
//! 2026-11-21). One user is assumed.

use std::collections::VecDeque;

use chrono::TimeDelta;

use crate::clock::UtcTime;

/// Credits count for this long.
const WINDOW: TimeDelta = TimeDelta::hours(24);
/// Credits of the same minute are kept as one entry.
const GRAIN: TimeDelta = TimeDelta::minutes(1);

/// Of the calls that weigh more (bulk, COQL, convert, mail), so many at once, whatever the edition (Kaizen 203).
pub(super) const HEAVY_AT_ONCE_MAX: usize = 10;

/// Whether a call is one of those.
pub(super) fn is_heavy(path: &str) -> bool {
    path == "/crm/v8/coql"
}

/// What the customer pays Zoho for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Edition {
    Free,
    Standard,
    Professional,
    Enterprise,
    Ultimate,
}

impl Edition {
    /// Reads its name in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        <Self as clap::ValueEnum>::from_str(text, false).ok()
    }

    /// Calls at once.
    pub fn concurrency_max(self) -> usize {
        match self {
            Self::Free => 5,
            Self::Standard => 10,
            Self::Professional => 15,
            Self::Enterprise => 20,
            Self::Ultimate => 25,
        }
    }

    /// Credits in any 24 hours.
    pub fn credits_max(self) -> u64 {
        match self {
            Self::Free => 5_000,
            Self::Standard => 50_250,
            Self::Professional => 50_500,
            Self::Enterprise => 51_000,
            Self::Ultimate => 52_000,
        }
    }
}

/// Credits used up.
#[derive(Default)]
pub(super) struct Credits {
    spent: VecDeque<(UtcTime, u64)>,
    total: u64,
}

impl Credits {
    /// Takes credits where there are enough left.
    pub(super) fn spend(&mut self, credits: u64, max: u64, now: UtcTime) -> bool {
        while let Some((_, old)) = self.spent.pop_front_if(|(at, _)| *at + WINDOW <= now) {
            self.total -= old;
        }
        if self.total + credits > max {
            return false;
        }
        self.total += credits;
        match self.spent.back_mut() {
            Some((at, sum)) if now - *at < GRAIN => *sum += credits,
            _ => self.spent.push_back((now, credits)),
        }
        true
    }

    /// Credits used up in the last 24 hours, as of the last call.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}
