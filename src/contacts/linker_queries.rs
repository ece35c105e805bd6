//! What the linker asks and writes: how far it has come, the events after that, and the gaps it left.

use chrono::TimeDelta;
use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::{events, people_linker, people_linker_gaps, stripe_objects};
use crate::db::{Conn, Tx};
use crate::orders::Object;

/// How long an id that was passed is waited for. Longer than any transaction of ours can last (statements end after 30 s, a
/// transaction that idles after 60 s): an id that is not there by then belongs to a row that was never committed.
pub const GAP_LIFE: TimeDelta = TimeDelta::minutes(10);

/// An event as the linker needs it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = events)]
pub struct Passed {
    pub id: i64,
    pub line_id: String,
    pub source: String,
    pub kind: String,
    pub subject: String,
    pub occurred_at: UtcTime,
}

/// Ids that were passed without being seen, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = people_linker_gaps)]
pub struct Gap {
    pub first_id: i64,
    pub last_id: i64,
    pub seen_at: UtcTime,
}

/// The last event that was passed, and the last there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub passed: i64,
    pub last: i64,
}

/// How far the linker has come.
pub fn progress(conn: &mut Conn) -> QueryResult<Progress> {
    let passed = people_linker::table.find(1).select(people_linker::event_id).first(conn)?;
    let last: Option<i64> = events::table.order(events::id.desc()).select(events::id).first(conn).optional()?;
    Ok(Progress { passed, last: last.unwrap_or(0) })
}

/// Whether there is anything to do.
pub fn is_any_new(conn: &mut Conn, now: UtcTime) -> QueryResult<bool> {
    let Progress { passed, last } = progress(conn)?;
    if last > passed {
        return Ok(true);
    }
    for gap in gaps(conn, 100)? {
        if gap.seen_at <= now - GAP_LIFE || !within(conn, gap, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Locks the linker's place and tells it. None: another process is linking at this moment.
pub fn lock(conn: &mut Conn) -> QueryResult<Option<i64>> {
    let place = people_linker::table.filter(people_linker::id.eq(1)).select(people_linker::event_id);
    match conn {
        // Row locks are PostgreSQL's alone. Skipped where held: the other does the work.
        Conn::Postgres(c) => place.for_update().skip_locked().first(c).optional(),
        Conn::Sqlite(c) => place.first(c).optional(),
    }
}

/// Writes down how far it has come.
pub fn save(tx: &mut Tx<'_>, now: UtcTime, passed: i64) -> QueryResult<()> {
    diesel::update(people_linker::table.find(1))
        .set((people_linker::event_id.eq(passed), people_linker::linked_at.eq(now)))
        .execute(tx.conn())
        .map(drop)
}

/// The next events.
pub fn after(conn: &mut Conn, id: i64, most: i64) -> QueryResult<Vec<Passed>> {
    events::table.filter(events::id.gt(id)).order(events::id).limit(most).select(Passed::as_select()).load(conn)
}

/// The gaps, the longest known first.
pub fn gaps(conn: &mut Conn, most: i64) -> QueryResult<Vec<Gap>> {
    people_linker_gaps::table
        .order((people_linker_gaps::seen_at, people_linker_gaps::first_id))
        .limit(most)
        .select(Gap::as_select())
        .load(conn)
}

/// What is there by now of a gap.
pub fn within(conn: &mut Conn, gap: Gap, most: i64) -> QueryResult<Vec<Passed>> {
    events::table.filter(events::id.between(gap.first_id, gap.last_id)).order(events::id).limit(most).select(Passed::as_select()).load(conn)
}

/// Notes a gap.
pub fn open_gap(tx: &mut Tx<'_>, gap: Gap) -> QueryResult<()> {
    diesel::insert_into(people_linker_gaps::table).values(gap).execute(tx.conn()).map(drop)
}

/// Forgets a gap; false: it was not there.
pub fn close_gap(tx: &mut Tx<'_>, gap: Gap) -> QueryResult<bool> {
    diesel::delete(people_linker_gaps::table.find(gap.first_id)).execute(tx.conn()).map(|gone| gone == 1)
}

/// The event whose turn is next, and where it was found.
#[derive(Clone, Debug)]
pub struct Next {
    /// How far the linker has come.
    pub place: i64,
    /// None: behind the place.
    pub gap: Option<Gap>,
    pub event: Passed,
}

/// The event whose turn is next.
pub fn next(conn: &mut Conn) -> QueryResult<Option<Next>> {
    let place = progress(conn)?.passed;
    for gap in gaps(conn, 100)? {
        if let Some(event) = within(conn, gap, 1)?.pop() {
            return Ok(Some(Next { place, gap: Some(gap), event }));
        }
    }
    Ok(after(conn, place, 1)?.pop().map(|event| Next { place, gap: None, event }))
}

/// An event by its id.
pub fn event(conn: &mut Conn, id: i64) -> QueryResult<Option<Passed>> {
    events::table.find(id).select(Passed::as_select()).first(conn).optional()
}

/// What Stripe told of a customer, outside of orders.
pub fn objects_of_customer(conn: &mut Conn, customer: &str, most: i64) -> QueryResult<Vec<Object>> {
    stripe_objects::table
        .filter(stripe_objects::customer.eq(customer))
        .filter(stripe_objects::order_id.is_null())
        .order(stripe_objects::id.desc())
        .limit(most)
        .select(Object::as_select())
        .load(conn)
}
