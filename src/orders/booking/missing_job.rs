//! Paid orders that nobody asked to be booked: those of before Books was used here. Hourly, and when somebody asks, each gets its steps and
//! its job, as if Stripe had just told of it. What is asked for already stays as it is, so nothing is booked twice.

use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{due, failed_queries, missing_queries as queries, queries as steps};
use crate::app::App;
use crate::clock::UtcTime;
use crate::connections::books;
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::orders::{OrderId, queries as orders};
use crate::outbox::schedules::Schedule;
use crate::outbox::{Claimed, Job, JobId, Lane, NewJob, Outcome, Repeatable, Report, enqueue};

/// Orders of one transaction; one that is asked for is three steps, a job and its turn.
const CHUNK: usize = 40;

/// Asks once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BookMissing {}

impl Job for BookMissing {
    const KIND: &'static str = "orders.book_missing";
    const LANE: Lane = Lane::Backfill;
    const REPEATABLE: Repeatable = Repeatable::Always;
    const TIMEOUT_S: u64 = 30 * 60;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let outcome = match book_missing(app).await {
            Ok(asked) => Outcome::Done(json!({ "orders_to_book": asked })),
            Err(cause) => Outcome::Failed(Failure::of_record(FailureClass::Network, cause.to_string())),
        };
        members.iter().zip(std::iter::once(outcome)).map(|(_, outcome)| outcome.into()).collect()
    }
}

async fn book_missing(app: &App) -> Result<usize> {
    put_marks_right(app).await?;
    // Whoever has not chosen where books elsewhere, or not yet.
    if app.store.read(|conn| books::organisation(conn).map_err(Error::from)).await?.is_none() {
        return Ok(0);
    }
    let (mut place, mut total) = (OrderId(0), 0);
    loop {
        let look = move |conn: &mut Conn| queries::window(conn, place).map_err(Error::from);
        let (found, last) = app.store.read(look).await?;
        for chunk in found.chunks(CHUNK) {
            let (now, chunk) = (app.clock.now(), chunk.to_vec());
            total += app.store.write_bulk("orders.book_missing", move |tx| ask_for(tx, now, &chunk).map_err(Error::from)).await?;
        }
        match last {
            Some(last) => place = last,
            None => return Ok(total),
        }
    }
}

async fn put_marks_right(app: &App) -> Result<()> {
    let doubtful = app.store.read(|conn| failed_queries::doubtful(conn).map_err(Error::from)).await?;
    for chunk in doubtful.chunks(CHUNK) {
        let (now, chunk) = (app.clock.now(), chunk.to_vec());
        let restate =
            move |tx: &mut Tx<'_>| chunk.iter().try_for_each(|id| failed_queries::restate(tx, now, *id, None)).map_err(Error::from);
        app.store.write_bulk("orders.booking_failed", restate).await?;
    }
    Ok(())
}

/// Asks for what is due of these orders, and tells of how many anything was.
fn ask_for(tx: &mut Tx<'_>, now: UtcTime, ids: &[OrderId]) -> QueryResult<usize> {
    // Where each stands is read under the lock under which it changes.
    orders::lock(tx.conn())?;
    let mut asked = 0;
    for id in ids {
        let Some(order) = orders::find(tx.conn(), *id)? else { continue };
        if steps::steps(tx.conn(), *id)?.is_empty() {
            due::enqueue_due(tx, now, &order, &order.line_id)?;
            asked += usize::from(!steps::steps(tx.conn(), *id)?.is_empty());
        }
    }
    Ok(asked)
}

fn enqueue_missing(tx: &mut Tx<'_>, now: UtcTime, line: &LineId) -> QueryResult<JobId> {
    let unique_key = Some(BookMissing::KIND);
    enqueue(tx, now, &NewJob { job: &BookMissing {}, line, subject: "orders", unique_key, order_key: None, run_at: now })
}

/// When it is looked for: hourly.
pub fn schedules() -> anyhow::Result<Vec<Schedule>> {
    let hourly = Schedule::new("orders.book_missing", "42 * * * *", chrono_tz::UTC, enqueue_missing)?;
    Ok(vec![hourly.for_purpose("Has paid orders booked in Zoho Books that nobody has asked for yet: those of before it was connected.")])
}
