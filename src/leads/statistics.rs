//! How many leads are where: bounded counts, whatever the size of the table.

use chrono::TimeDelta;
use diesel::prelude::*;
use serde::Serialize;

use super::model::LeadStatus;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::leads;

/// Beyond this a count says "at least".
pub const COUNT_MAX: i64 = 10_000;

/// Where leads stand. A count of 10,000 means 10,000 or more.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statistics {
    /// Waiting for their first try.
    pub pending: i64,
    pub processing: i64,
    pub retry: i64,
    pub sent: i64,
    pub failed: i64,
    /// May have arrived; a person decides.
    pub uncertain: i64,
    /// Of those received in the last 24 h and settled, the share that was sent, in percent; None where none was.
    pub success_rate: Option<f64>,
    pub last_24h: Day,
    /// The largest count that is exact.
    pub counts_capped_at: i64,
}

/// The last 24 hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    pub received: i64,
    pub sent: i64,
    pub failed: i64,
}

/// Counts.
pub fn of(conn: &mut Conn, now: UtcTime) -> QueryResult<Statistics> {
    let since = now - TimeDelta::hours(24);
    let sent_today = count(conn, LeadStatus::Sent, Some(since))?;
    let failed_today = count(conn, LeadStatus::Failed, Some(since))?;
    Ok(Statistics {
        pending: count(conn, LeadStatus::Pending, None)?,
        processing: count(conn, LeadStatus::Processing, None)?,
        retry: count(conn, LeadStatus::Retry, None)?,
        sent: count(conn, LeadStatus::Sent, None)?,
        failed: count(conn, LeadStatus::Failed, None)?,
        uncertain: count(conn, LeadStatus::Uncertain, None)?,
        success_rate: percent(sent_today, sent_today + failed_today),
        last_24h: Day { received: received_since(conn, since)?, sent: sent_today, failed: failed_today },
        counts_capped_at: COUNT_MAX,
    })
}

/// How many leads have the status, received at or after `since`; 10,000 at most.
pub fn count(conn: &mut Conn, status: LeadStatus, since: Option<UtcTime>) -> QueryResult<i64> {
    let mut some = leads::table.filter(leads::status.eq(status)).into_boxed();
    if let Some(since) = since {
        some = some.filter(leads::received_at.ge(since));
    }
    // The limit ends the walk over the index; ids are read because a subselect in FROM cannot be written once for both engines.
    let ids: Vec<i64> = some.order(leads::received_at.desc()).limit(COUNT_MAX).select(leads::id).load(conn)?;
    Ok(i64::try_from(ids.len()).unwrap_or(COUNT_MAX))
}

/// How many leads came in at or after `since`; 10,000 at most.
pub fn received_since(conn: &mut Conn, since: UtcTime) -> QueryResult<i64> {
    let ids: Vec<i64> =
        leads::table.filter(leads::received_at.ge(since)).order(leads::received_at.desc()).limit(COUNT_MAX).select(leads::id).load(conn)?;
    Ok(i64::try_from(ids.len()).unwrap_or(COUNT_MAX))
}

fn percent(part: i64, whole: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts end at 10,000")]
    (whole > 0).then(|| (part as f64 / whole as f64 * 1000.0).round() / 10.0)
}
