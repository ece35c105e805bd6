//! How many leads are where: bounded counts, whatever the size of the table.

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use serde::Serialize;

use super::model::{LeadId, LeadStatus};
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::leads;
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
    /// Of those received in the last 24 h and settled, the share that was sent, in percent; None where none was settled.
    pub success_rate: Option<f64>,
    /// How many settled leads the rate is of. Where more were settled than are counted it is of the newest (see [`Rated`]).
    pub success_rate_of: i64,
    /// The stretch behind the rate.
    #[serde(skip)]
    pub rated: Rated,
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

/// What became of the leads of a stretch of time that could be counted whole: of two counts that ended at their limit no rate
/// follows. It reaches back 24 hours, or to where the first of them ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rated {
    pub since: UtcTime,
    pub sent: i64,
    pub failed: i64,
}

impl Rated {
    /// How many were settled.
    pub fn settled(&self) -> i64 {
        self.sent + self.failed
    }
}

/// Counts.
pub fn of(conn: &mut Conn, now: UtcTime) -> QueryResult<Statistics> {
    let since = now - TimeDelta::hours(24);
    let sent_today = count(conn, LeadStatus::Sent, Some(since))?;
    let failed_today = count(conn, LeadStatus::Failed, Some(since))?;
    let rated = rated(conn, Rated { since, sent: sent_today, failed: failed_today })?;
    Ok(Statistics {
        pending: count(conn, LeadStatus::Pending, None)?,
        processing: count(conn, LeadStatus::Processing, None)?,
        retry: count(conn, LeadStatus::Retry, None)?,
        sent: count(conn, LeadStatus::Sent, None)?,
        failed: count(conn, LeadStatus::Failed, None)?,
        uncertain: count(conn, LeadStatus::Uncertain, None)?,
        quarantined: count(conn, LeadStatus::Quarantined, None)?,
        success_rate: percent(rated.sent, rated.settled()),
        success_rate_of: rated.settled(),
        rated,
        last_24h: Day { received: received_between(conn, since, now + TimeDelta::days(1))?, sent: sent_today, failed: failed_today },
        counts_capped_at: COUNT_MAX,
    })
}

/// The stretch that can be counted whole, out of one with counts that may have ended at their limit.
fn rated(conn: &mut Conn, day: Rated) -> QueryResult<Rated> {
    let ended = [(LeadStatus::Sent, day.sent), (LeadStatus::Failed, day.failed)].into_iter().filter(|(_, count)| *count == COUNT_MAX);
    let mut since = day.since;
    for (status, _) in ended {
        since = since.max(received_last(conn, status, since)?.unwrap_or(since));
    }
    if since == day.since {
        return Ok(day);
    }
    Ok(Rated { since, sent: count(conn, LeadStatus::Sent, Some(since))?, failed: count(conn, LeadStatus::Failed, Some(since))? })
}

/// When the last was received of as many newest leads with the status as are counted; None where there are fewer.
fn received_last(conn: &mut Conn, status: LeadStatus, since: UtcTime) -> QueryResult<Option<UtcTime>> {
    leads::table
        .filter(leads::status.eq(status).and(leads::received_at.ge(since)))
        .order((leads::received_at.desc(), leads::id.desc()))
        .offset(COUNT_MAX - 1)
        .select(leads::received_at)
        .first(conn)
        .optional()
}

/// The lead that has waited longest to be sent.
pub fn oldest_waiting(conn: &mut Conn) -> QueryResult<Option<(LeadId, UtcTime)>> {
    let mut oldest: Option<(LeadId, UtcTime)> = None;
    for status in [LeadStatus::Pending, LeadStatus::Retry, LeadStatus::Processing] {
        oldest = oldest.into_iter().chain(self::oldest(conn, status)?).min_by_key(|(_, received_at)| *received_at);
    }
    Ok(oldest)
}

/// The lead with this status that was received first.
pub fn oldest(conn: &mut Conn, status: LeadStatus) -> QueryResult<Option<(LeadId, UtcTime)>> {
    leads::table
        .filter(leads::status.eq(status))
        .order((leads::received_at, leads::id))
        .select((leads::id, leads::received_at))
        .first(conn)
        .optional()
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
