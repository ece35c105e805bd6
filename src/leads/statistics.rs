//! How many leads are where: bounded counts, whatever the size of the table.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use serde::Serialize;

use super::model::LeadStatus;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::on_backend;

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
    /// Held for a person to look at; in no other figure.
    pub quarantined: i64,
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
        quarantined: count(conn, LeadStatus::Quarantined, None)?,
        success_rate: percent(sent_today, sent_today + failed_today),
        last_24h: Day { received: received_between(conn, since, now + TimeDelta::days(1))?, sent: sent_today, failed: failed_today },
        counts_capped_at: COUNT_MAX,
    })
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    total: i64,
}

/// How many leads have the status, received at or after `since`; 10,000 at most.
pub fn count(conn: &mut Conn, status: LeadStatus, since: Option<UtcTime>) -> QueryResult<i64> {
    // In the FROM clause, where the query builder cannot put it: the limit ends the walk over the index.
    let sql =
        format!("SELECT COUNT(*) AS total FROM (SELECT 1 FROM leads WHERE status = $1 AND received_at >= $2 LIMIT {COUNT_MAX}) AS first");
    let since = since.unwrap_or_default();
    let counted: Counted =
        on_backend!(conn, |c| diesel::sql_query(sql).bind::<Text, _>(status.as_str()).bind::<Timestamp, _>(since).get_result(c))?;
    Ok(counted.total)
}

/// As the indexes over leads have it, in the words they have it in (see `queries::IsTaken`).
const IS_TAKEN: &str = "status <> 'quarantined' AND status <> 'spam'";

/// How many leads came in from one moment to before another; 10,000 at most.
pub fn received_between(conn: &mut Conn, from: UtcTime, until: UtcTime) -> QueryResult<i64> {
    let sql = format!(
        "SELECT COUNT(*) AS total FROM (SELECT 1 FROM leads WHERE received_at >= $1 AND received_at < $2 AND {IS_TAKEN} LIMIT {COUNT_MAX}) AS first"
    );
    let counted: Counted =
        on_backend!(conn, |c| diesel::sql_query(sql).bind::<Timestamp, _>(from).bind::<Timestamp, _>(until).get_result(c))?;
    Ok(counted.total)
}

fn percent(part: i64, whole: i64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts end at 10,000")]
    (whole > 0).then(|| (part as f64 / whole as f64 * 1000.0).round() / 10.0)
}
