//! Orders whose booking stopped and needs a person: since when (`orders.booking_failed_at`), kept as their jobs change, and put right hourly
//! where a change was missed (a payload that one version cannot read, an older process beside the migration).

use diesel::prelude::*;

use super::{BookOrder, queries};
use crate::clock::UtcTime;
use crate::db::schema::{jobs, orders};
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;
use crate::orders::OrderId;
use crate::outbox::{Job, JobId, JobState};

/// States in which nothing happens any more until a person has decided.
pub const STOPPED: [JobState; 2] = [JobState::Dead, JobState::Uncertain];
/// Orders in doubt at once, of those that stopped and of those marked each; a person is behind every one of them.
const DOUBTFUL_MAX: i64 = 500;

/// Marks the order, or takes its mark away: the newest of its jobs has stopped while a step is open. `changed` is a job's state that is being
/// written. What is right already is neither touched nor locked. An event about the same order that is applied in this moment has its
/// locks the other way round: PostgreSQL then ends one of the two, which is done again.
pub fn restate(tx: &mut Tx<'_>, now: UtcTime, order: OrderId, changed: Option<(JobId, JobState)>) -> QueryResult<()> {
    let newest = queries::job_of(tx.conn(), order)?;
    let state = newest.map(|job| changed.filter(|(id, _)| *id == job.id).map_or(job.state, |(_, state)| state));
    let has_stopped =
        state.is_some_and(|state| STOPPED.contains(&state)) && queries::steps(tx.conn(), order)?.iter().any(|step| step.done_at.is_none());
    let row = orders::table.find(order.0);
    let marked = match has_stopped {
        true => {
            diesel::update(row.filter(orders::booking_failed_at.is_null())).set(orders::booking_failed_at.eq(now)).execute(tx.conn())?
        }
        false => diesel::update(row.filter(orders::booking_failed_at.is_not_null()))
            .set(orders::booking_failed_at.eq(None::<UtcTime>))
            .execute(tx.conn())?,
    };
    if marked > 0 {
        tx.touch(Topic::Orders);
    }
    Ok(())
}

/// Orders whose mark may be wrong: those that are marked, and those with a job that stopped.
pub fn doubtful(conn: &mut Conn) -> QueryResult<Vec<OrderId>> {
    // In the words of the indexes `jobs_open` and `orders_to_look_at`.
    let is_open = jobs::state.ne(JobState::Succeeded).and(jobs::state.ne(JobState::Running));
    let stopped: Vec<String> = on_backend!(conn, |c| jobs::table
        .filter(jobs::state.eq_any(STOPPED).and(is_open).and(jobs::kind.eq(BookOrder::KIND)))
        .order(jobs::id.desc())
        .limit(DOUBTFUL_MAX)
        .select(jobs::subject)
        .load(c))?;
    let marked = orders::table.filter(orders::booking_failed_at.is_not_null()).order((orders::placed_at.desc(), orders::id.desc()));
    let mut ids: Vec<OrderId> = marked.limit(DOUBTFUL_MAX).select(orders::id).load(conn)?;
    ids.extend(stopped.iter().filter_map(|subject| subject.strip_prefix("order:")?.parse().ok()).map(OrderId));
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
