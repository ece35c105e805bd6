//! What a provider allows, kept over all processes: calls in each of its windows and calls at once. A claim locks the
//! connection's row, reserves what its runs may need, and what was not used is given back when they end.

use chrono::{DateTime, TimeDelta};
use diesel::prelude::*;

use super::breaker;
use super::kind::Lane;
use super::waiting::provider_name;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::schema::{call_reservations, call_usage, connections};
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::on_backend;

/// Of each window, so many percent are kept for payments and leads.
const RESERVE_PERCENT: i64 = 10;
/// From this share of a window on, pages warn.
pub const WARNING_PERCENT: i64 = 80;
/// The window whose number a person may choose (`connections.calls_per_day`).
pub const DAY_S: i64 = 24 * 3600;
/// A window is counted in so many buckets. One bucket more than the window is added up: never too little.
const BUCKETS: i64 = 60;

/// A provider's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub at_once: i64,
    pub windows: Vec<Window>,
}

/// So many calls in any stretch of so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub seconds: i64,
    pub calls: i64,
}

/// What one connection has used, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gauge {
    pub at_once: i64,
    pub under_way: i64,
    /// Calls used or reserved in each window.
    pub windows: Vec<(Window, i64)>,
}

/// What is left of one connection's limits inside a claim.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    slots: i64,
    /// Per window: left for all, and left for lanes without the reserve.
    left: Vec<(i64, i64)>,
}

/// Calls and a slot that one run holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    pub id: i64,
    pub connection: &'static str,
    pub calls: i64,
    pub at: UtcTime,
}

impl Window {
    /// `24 hours`, `minute`: after "in any".
    pub fn in_words(self) -> String {
        match self.seconds {
            86_400 => "24 hours".into(),
            3_600 => "hour".into(),
            60 => "minute".into(),
            1 => "second".into(),
            other => format!("{other} seconds"),
        }
    }

    fn bucket_s(self) -> i64 {
        (self.seconds / BUCKETS).max(1)
    }

    fn bucket_of(self, at: UtcTime) -> UtcTime {
        let seconds = at.and_utc().timestamp();
        let start = seconds - seconds.rem_euclid(self.bucket_s());
        DateTime::from_timestamp(start, 0).unwrap_or_default().naive_utc()
    }

    /// When a call made at `at` no longer counts.
    fn forgotten_at(self, at: UtcTime) -> UtcTime {
        self.bucket_of(at) + TimeDelta::seconds(self.seconds + self.bucket_s())
    }

    /// What only payments and leads may use.
    pub fn reserve(self) -> i64 {
        self.calls * RESERVE_PERCENT / 100
    }

    /// What a lane may use.
    fn most_for(self, lane: Lane) -> i64 {
        if lane.has_reserve() { self.calls } else { self.calls - self.reserve() }
    }

    /// The buckets that still count, oldest first.
    fn buckets(self, conn: &mut Conn, connection: &str, now: UtcTime) -> QueryResult<Vec<(UtcTime, i64)>> {
        call_usage::table
            .filter(call_usage::connection.eq(connection))
            .filter(call_usage::window_s.eq(self.seconds))
            .filter(call_usage::bucket_at.gt(now - TimeDelta::seconds(self.seconds + self.bucket_s())))
            .order(call_usage::bucket_at)
            .select((call_usage::bucket_at, call_usage::calls))
            .load(conn)
    }

    fn used(self, conn: &mut Conn, connection: &str, now: UtcTime) -> QueryResult<i64> {
        Ok(sum(&self.buckets(conn, connection, now)?))
    }
}

fn sum(buckets: &[(UtcTime, i64)]) -> i64 {
    buckets.iter().map(|(_, calls)| calls).sum()
}

impl Budget {
    /// Nothing is left: a probe is under way.
    pub(super) fn none() -> Self {
        Self { slots: 0, left: Vec::new() }
    }

    /// How many runs of a lane may begin that need `calls` each.
    pub(super) fn runs(&self, lane: Lane, calls: i64) -> usize {
        let by_windows = self.left.iter().map(|(all, unreserved)| if lane.has_reserve() { *all } else { *unreserved } / calls.max(1));
        let runs = by_windows.fold(self.slots, i64::min);
        usize::try_from(runs).unwrap_or_default()
    }

    pub(super) fn take(&mut self, runs: usize, calls: i64) {
        let runs = i64::try_from(runs).unwrap_or(i64::MAX);
        self.slots -= runs;
        for (all, unreserved) in &mut self.left {
            *all -= runs * calls;
            *unreserved -= runs * calls;
        }
    }
}

/// What is left. Exact only while the connection's row is locked.
pub(super) fn budget(conn: &mut Conn, connection: &str, limits: &Limits, now: UtcTime) -> QueryResult<Budget> {
    let gauge = gauge(conn, connection, limits, now)?;
    let left = gauge.windows.iter().map(|(window, used)| (window.calls - used, window.calls - window.reserve() - used));
    Ok(Budget { slots: gauge.at_once - gauge.under_way, left: left.collect() })
}

/// The limits with the day's number that a person has chosen for this connection, where one has.
fn chosen(conn: &mut Conn, connection: &str, limits: &Limits) -> QueryResult<Limits> {
    let mut limits = limits.clone();
    let Some(day) = limits.windows.iter_mut().find(|window| window.seconds == DAY_S) else { return Ok(limits) };
    let row = connections::table.filter(connections::provider.eq(connection)).select(connections::calls_per_day);
    if let Some(calls) = row.first::<Option<i64>>(conn).optional()?.flatten() {
        day.calls = calls;
    }
    Ok(limits)
}

/// What is used.
pub fn gauge(conn: &mut Conn, connection: &str, limits: &Limits, now: UtcTime) -> QueryResult<Gauge> {
    let limits = &chosen(conn, connection, limits)?;
    let under_way = call_reservations::table.filter(call_reservations::connection.eq(connection)).count().get_result(conn)?;
    let mut windows = Vec::with_capacity(limits.windows.len());
    for window in &limits.windows {
        windows.push((*window, window.used(conn, connection, now)?));
    }
    Ok(Gauge { at_once: limits.at_once, under_way, windows })
}

/// Calls counted since a moment, in whole buckets of the window.
pub fn used_since(conn: &mut Conn, connection: &str, window: Window, since: UtcTime) -> QueryResult<i64> {
    let buckets = window.buckets(conn, connection, since + TimeDelta::seconds(window.seconds))?;
    Ok(sum(&buckets))
}

/// When the fullest window has room again for a call of this lane; None: there is room now.
pub fn room_at(conn: &mut Conn, connection: &str, limits: &Limits, lane: Lane, now: UtcTime) -> QueryResult<Option<UtcTime>> {
    room_for(conn, connection, limits, (lane, 1), now)
}

fn room_for(conn: &mut Conn, connection: &str, limits: &Limits, (lane, calls): (Lane, i64), now: UtcTime) -> QueryResult<Option<UtcTime>> {
    let limits = &chosen(conn, connection, limits)?;
    let mut latest = None;
    for window in &limits.windows {
        let most = window.most_for(lane);
        let buckets = window.buckets(conn, connection, now)?;
        let mut used = sum(&buckets);
        if used + calls <= most {
            continue;
        }
        let freed = buckets.into_iter().find(|(_, freed)| {
            used -= freed;
            used + calls <= most
        });
        latest = latest.max(freed.map(|(bucket_at, _)| window.forgotten_at(bucket_at)));
    }
    Ok(latest)
}

/// Reserves for one run, under the lock of the connection's row.
pub(super) fn reserve(
    tx: &mut Tx<'_>,
    connection: &'static str,
    limits: &Limits,
    (process_id, calls): (&str, i64),
    now: UtcTime,
) -> QueryResult<Reservation> {
    let row = (
        call_reservations::connection.eq(connection),
        call_reservations::process_id.eq(process_id),
        call_reservations::calls.eq(calls),
        call_reservations::reserved_at.eq(now),
    );
    let id: i64 = on_backend!(tx.conn(), |c| diesel::insert_into(call_reservations::table)
        .values(row)
        .returning(call_reservations::id)
        .get_result(c))?;
    count(tx, connection, limits, calls, now)?;
    Ok(Reservation { id, connection, calls, at: now })
}

/// Ends a reservation: what was not used is given back, in the buckets it was taken from. One that a rescue has ended
/// already stays as it is counted.
pub(super) fn settle(tx: &mut Tx<'_>, limits: &Limits, reservation: &Reservation, made: i64) -> QueryResult<()> {
    let ended = diesel::delete(call_reservations::table.filter(call_reservations::id.eq(reservation.id))).execute(tx.conn())?;
    if ended == 1 && made != reservation.calls {
        count(tx, reservation.connection, limits, made - reservation.calls, reservation.at)?;
    }
    Ok(())
}

/// Asks for calls outside of any job, such as those a page waits for. They count like all others; a limit that is used up is
/// a refusal that says until when.
pub async fn ask(app: &App, connection: &'static str, limits: &Limits, calls: i64) -> Result<()> {
    let (limits, now) = (limits.clone(), app.clock.now());
    let ask = move |tx: &mut Tx<'_>| -> Result<()> {
        breaker::lock(tx.conn(), connection)?;
        // A person who waits may have the reserve. Slots are for runs: one call of a person is not kept waiting for them.
        let left = budget(tx.conn(), connection, &limits, now)?.left;
        if left.iter().all(|(all, _)| *all >= calls) {
            return Ok(count(tx, connection, &limits, calls, now)?);
        }
        tx.wrote_nothing();
        let until = room_for(tx.conn(), connection, &limits, (Lane::Payment, calls), now)?.unwrap_or(now);
        let name = provider_name(connection);
        let windows: Vec<String> =
            limits.windows.iter().map(|window| format!("{} calls in any {}", window.calls, window.in_words())).collect();
        Err(Error::Unavailable(format!(
            "{name} allows {}, and they are used up until {} UTC. Try again then, or raise the limit in the settings if your edition allows more.",
            windows.join(" and "),
            until.format("%H:%M")
        )))
    };
    app.store.write("outbox.ask", "outbox.claim", ask).await.map_err(Error::from)
}

/// What calls outside of any job say of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Works,
    /// In words.
    Failed(String),
}

/// Counts calls that were made outside of any job and not asked for, since a customer waited for them. What works ends the wait of an open
/// breaker; what failed is told, and holds nothing back.
pub async fn note(app: &App, connection: &'static str, limits: &Limits, calls: i64, seen: Seen) -> Result<()> {
    let (limits, now) = (limits.clone(), app.clock.now());
    let note = move |tx: &mut Tx<'_>| -> Result<()> {
        breaker::lock(tx.conn(), connection)?;
        count(tx, connection, &limits, calls, now)?;
        let told = match &seen {
            Seen::Works => breaker::works(tx, now, connection),
            Seen::Failed(why) => breaker::tell(tx, now, connection, why),
        };
        told.map_err(Error::from)
    };
    app.store.write("outbox.note_calls", "outbox.claim", note).await.map_err(Error::from)
}

fn count(tx: &mut Tx<'_>, connection: &str, limits: &Limits, calls: i64, at: UtcTime) -> QueryResult<()> {
    for window in &limits.windows {
        let row = (
            call_usage::connection.eq(connection),
            call_usage::window_s.eq(window.seconds),
            call_usage::bucket_at.eq(window.bucket_of(at)),
            call_usage::calls.eq(calls),
        );
        on_backend!(tx.conn(), |c| diesel::insert_into(call_usage::table)
            .values(row)
            .on_conflict((call_usage::connection, call_usage::window_s, call_usage::bucket_at))
            .do_update()
            .set(call_usage::calls.eq(call_usage::calls + calls))
            .execute(c))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> UtcTime {
        DateTime::from_timestamp(1_780_000_000 + s, 0).expect("a time").naive_utc()
    }

    #[test]
    fn the_last_tenth_is_for_payments_and_leads() {
        let mut budget = Budget { slots: 5, left: vec![(10, 9)] };
        assert_eq!((budget.runs(Lane::Lead, 1), budget.runs(Lane::Sync, 1)), (5, 5), "slots bind first");
        budget.take(2, 4);
        assert_eq!((budget.runs(Lane::Lead, 1), budget.runs(Lane::Sync, 1)), (2, 1));
        assert_eq!((budget.runs(Lane::Payment, 3), budget.runs(Lane::Backfill, 2)), (0, 0));
    }

    #[test]
    fn a_call_counts_for_the_whole_window_and_one_bucket() {
        let minute = Window { seconds: 60, calls: 100 };
        assert_eq!(minute.bucket_of(at(0)), at(0));
        assert_eq!(minute.forgotten_at(at(0)), at(61));
        let day = Window { seconds: 86_400, calls: 5_000 };
        assert!(day.forgotten_at(at(0)) >= at(86_400));
        assert!(day.bucket_of(at(0)) <= at(0));
    }
}
