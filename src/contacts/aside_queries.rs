//! All SQL about events that could not be linked.

use diesel::prelude::*;

use super::linker_queries::Passed;
use crate::clock::UtcTime;
use crate::db::schema::people_linker_aside::{self as aside, dsl};
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;

/// A count ends here.
pub const COUNT_MAX: i64 = 10_000;
/// Characters of a reason that are kept.
const REASON_MAX: usize = 500;

/// An event that could not be linked.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = aside)]
pub struct SetAside {
    pub event_id: i64,
    pub subject: String,
    pub reason: String,
    pub tries: i64,
    pub set_at: UtcTime,
    pub tried_at: UtcTime,
}

/// What was set aside, up to a limit, and the first of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aside {
    pub count: i64,
    pub first: Vec<SetAside>,
}

/// Sets an event aside; a second time it keeps its place.
pub fn set_aside(tx: &mut Tx<'_>, now: UtcTime, event: &Passed, reason: &str) -> QueryResult<()> {
    tx.touch(Topic::People);
    let reason: String = reason.chars().take(REASON_MAX).collect();
    let row = (
        aside::event_id.eq(event.id),
        aside::subject.eq(&event.subject),
        aside::reason.eq(reason),
        aside::tries.eq(1_i64),
        aside::set_at.eq(now),
        aside::tried_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(aside::table).values(row).on_conflict_do_nothing().execute(c)).map(drop)
}

/// It could not be linked this time either.
pub fn failed_again(tx: &mut Tx<'_>, now: UtcTime, event_id: i64, reason: &str) -> QueryResult<()> {
    tx.touch(Topic::People);
    let reason: String = reason.chars().take(REASON_MAX).collect();
    diesel::update(aside::table.find(event_id))
        .set((aside::reason.eq(reason), aside::tries.eq(dsl::tries + 1), aside::tried_at.eq(now)))
        .execute(tx.conn())
        .map(drop)
}

/// It is linked.
pub fn forget(tx: &mut Tx<'_>, event_id: i64) -> QueryResult<()> {
    tx.touch(Topic::People);
    diesel::delete(aside::table.find(event_id)).execute(tx.conn()).map(drop)
}

/// Those whose last try was before a moment, in the order in which they are tried again.
pub fn tried_before(conn: &mut Conn, before: UtcTime, most: i64) -> QueryResult<Vec<SetAside>> {
    let waiting = aside::table.filter(aside::tried_at.lt(before)).order((aside::tried_at, aside::event_id));
    waiting.limit(most).select(SetAside::as_select()).load(conn)
}

/// How many there are, and the first of them.
pub fn all(conn: &mut Conn, shown: i64) -> QueryResult<Aside> {
    let ids: Vec<i64> = aside::table.select(aside::event_id).limit(COUNT_MAX).load(conn)?;
    let first = aside::table.order(aside::event_id).limit(shown).select(SetAside::as_select()).load(conn)?;
    Ok(Aside { count: i64::try_from(ids.len()).unwrap_or(COUNT_MAX), first })
}
