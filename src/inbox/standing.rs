//! How the connection to Stripe stands, seen from what came in: for its page and for the report on health.

use chrono::TimeDelta;
use diesel::QueryResult;

use super::feed_queries::{self, Feed};
use super::model::{ReceiptState, Verdict};
use super::refused_queries::{self, LOOK_BACK};
use super::{list_queries, refusals, statistics};
use crate::clock::UtcTime;
use crate::config::StripeConfig;
use crate::connections;
use crate::db::Conn;
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::signature::Flaw;

/// While events happen, a webhook that nobody has seen for so long does not come any more.
pub const SILENT_AFTER: TimeDelta = TimeDelta::hours(24);

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// How many signing secrets are set.
    pub secrets: usize,
    pub has_key: bool,
    /// When the last event was pushed to us, and when we last read one that was not.
    pub last_webhook_at: Option<UtcTime>,
    pub last_fetched_at: Option<UtcTime>,
    /// None: nobody has read any.
    pub feed: Option<Feed>,
    /// Wrong signatures of the last 24 hours, those with the most first.
    pub refused: Vec<(Flaw, i64)>,
    /// Receipts that could not be interpreted, up to `statistics::COUNT_MAX`.
    pub failed: i64,
    /// Why Stripe's API refuses us; None: it does not.
    pub refusal: Option<String>,
}

/// Looks, at a bounded number of rows.
pub fn of_stripe(conn: &mut Conn, config: &StripeConfig, now: UtcTime) -> QueryResult<Standing> {
    Ok(Standing {
        secrets: config.webhook_secrets.len(),
        has_key: config.secret_key.is_some(),
        last_webhook_at: list_queries::last_at(conn, PROVIDER, Verdict::Verified)?,
        last_fetched_at: list_queries::last_at(conn, PROVIDER, Verdict::Fetched)?,
        feed: feed_queries::find(conn, PROVIDER)?,
        refused: refused_queries::counts_since(conn, refusals::hour_of(now - LOOK_BACK))?,
        failed: statistics::count(conn, ReceiptState::Failed)?,
        refusal: connections::refusal(conn, PROVIDER)?,
    })
}

impl Standing {
    /// Whether anything of Stripe is set.
    pub fn is_used(&self) -> bool {
        self.has_key || self.secrets > 0
    }

    /// Wrong signatures of the last 24 hours.
    pub fn refused_total(&self) -> i64 {
        self.refused.iter().map(|(_, count)| count).sum()
    }

    /// Events happen, and no webhook tells of them: since when the last of them was read.
    pub fn is_deaf(&self, now: UtcTime) -> Option<UtcTime> {
        let is_silent = self.last_webhook_at.is_none_or(|at| at + SILENT_AFTER < now);
        self.last_fetched_at.filter(|fetched| is_silent && self.last_webhook_at.is_none_or(|at| at < *fetched))
    }
}
