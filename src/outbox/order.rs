//! Order keys: jobs with the same key run one at a time, the lowest unfinished id first. Whoever adds or removes a job of a
//! key first locks the key's row, so that two processes never both see "nobody before me", nor both miss the next.

use diesel::prelude::*;

use super::kind::{JobId, JobState, Lane};
use crate::clock::UtcTime;
use crate::db::schema::{jobs, order_keys};
use crate::db::{Conn, Tx};
use crate::on_backend;

/// `jobs.order_place` of the job whose turn it is.
pub(super) const HEAD: i64 = 0;
/// `jobs.order_place` of a job behind it: it takes no part in the claim's scan.
pub(super) const BEHIND: i64 = 1;

/// The job that keeps another one of its key waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocker {
    pub id: JobId,
    /// `Dead`: it failed for good, and its kind holds those behind it until a person decides.
    pub state: JobState,
}

/// Locks the key until the end of the transaction.
pub(super) fn lock(tx: &mut Tx<'_>, now: UtcTime, key: &str) -> QueryResult<()> {
    on_backend!(tx.conn(), |c| diesel::insert_into(order_keys::table)
        .values((order_keys::order_key.eq(key), order_keys::changed_at.eq(now)))
        .on_conflict(order_keys::order_key)
        .do_update()
        .set(order_keys::changed_at.eq(now))
        .execute(c))
    .map(drop)
}

/// The place of a job that is about to be added, under the lock.
pub(super) fn place_for_newcomer(conn: &mut Conn, key: &str) -> QueryResult<i64> {
    let before = holders(conn, key, 1)?;
    Ok(if before.is_empty() { HEAD } else { BEHIND })
}

/// After a job was added behind others: those before it go in its lane, if that is higher. Only the head is changed now; the
/// others are lifted when their turn comes, so that a long line costs nothing here.
pub(super) fn lift(tx: &mut Tx<'_>, key: &str, newcomer: JobId, lane: Lane) -> QueryResult<()> {
    let Some(head) = holders(tx.conn(), key, 1)?.into_iter().next() else { return Ok(()) };
    if head.id >= newcomer {
        return Ok(());
    }
    let row = order_keys::table.filter(order_keys::order_key.eq(key));
    let lifted: Option<Option<Lane>> = row.select(order_keys::lifted_to).first(tx.conn()).optional()?;
    let to = lifted.flatten().map_or(lane, |lifted: Lane| lifted.min(lane));
    if to < head.lane {
        diesel::update(row).set((order_keys::lifted_to.eq(to), order_keys::lifted_until.eq(newcomer.0))).execute(tx.conn())?;
        if head.state == JobState::Pending {
            diesel::update(jobs::table.filter(jobs::id.eq(head.id))).set(jobs::lane.eq(to)).execute(tx.conn())?;
        }
    }
    Ok(())
}

/// Gives each its place again, after a job of the key was added, ended or came back. Only the two lowest can be concerned:
/// none behind them was ever the head. Call it under the lock.
pub(super) fn settle(tx: &mut Tx<'_>, key: &str) -> QueryResult<()> {
    let lowest = holders(tx.conn(), key, 2)?;
    if lowest.is_empty() {
        return diesel::delete(order_keys::table.filter(order_keys::order_key.eq(key))).execute(tx.conn()).map(drop);
    }
    let busy = busy(tx.conn(), key)?;
    for (nth, holder) in lowest.iter().enumerate().filter(|(_, holder)| holder.state == JobState::Pending) {
        let place = if nth == 0 && busy.is_none() { HEAD } else { BEHIND };
        if holder.place == Some(place) {
            continue;
        }
        let lane = if place == HEAD { lifted_lane(tx.conn(), key, holder)? } else { holder.lane };
        diesel::update(jobs::table.filter(jobs::id.eq(holder.id)).filter(jobs::state.eq(JobState::Pending)))
            .set((jobs::order_place.eq(place), jobs::lane.eq(lane)))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Who keeps this job waiting; None: nobody does.
pub fn blocker(conn: &mut Conn, key: &str, job: JobId) -> QueryResult<Option<Blocker>> {
    if let Some(id) = busy(conn, key)?.filter(|id| *id != job) {
        return Ok(Some(Blocker { id, state: JobState::Running }));
    }
    let head = holders(conn, key, 1)?.into_iter().next().filter(|head| head.id < job);
    Ok(head.map(|head| Blocker { id: head.id, state: head.state }))
}

#[derive(Queryable)]
struct Holder {
    id: JobId,
    state: JobState,
    place: Option<i64>,
    lane: Lane,
}

/// The lowest jobs that hold a place: unfinished ones, and dead ones that hold those behind them.
fn holders(conn: &mut Conn, key: &str, most: i64) -> QueryResult<Vec<Holder>> {
    jobs::table
        .filter(jobs::order_key.eq(key))
        .filter(jobs::order_place.is_not_null())
        .order(jobs::id)
        .limit(most)
        .select((jobs::id, jobs::state, jobs::order_place, jobs::lane))
        .load(conn)
}

/// The job of the key that runs, or of which nobody knows how it ended.
fn busy(conn: &mut Conn, key: &str) -> QueryResult<Option<JobId>> {
    let running = jobs::table.filter(jobs::order_key.eq(key)).filter(jobs::order_place.is_not_null());
    let one_of = jobs::state.eq(JobState::Running).or(jobs::state.eq(JobState::Uncertain));
    running.filter(one_of).order(jobs::id).select(jobs::id).first(conn).optional()
}

fn lifted_lane(conn: &mut Conn, key: &str, holder: &Holder) -> QueryResult<Lane> {
    let lifted: Option<(Option<Lane>, Option<i64>)> = order_keys::table
        .filter(order_keys::order_key.eq(key))
        .select((order_keys::lifted_to, order_keys::lifted_until))
        .first(conn)
        .optional()?;
    Ok(match lifted {
        Some((Some(lane), Some(until))) if holder.id.0 < until => lane.min(holder.lane),
        _ => holder.lane,
    })
}
