//! What cannot be linked is set aside with its reason: one event never stops those behind it. Every hour, and when somebody asks, it is
//! tried again. Whether an event or the database is to blame shows by the row itself: where that cannot be written, nothing is set aside.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::aside_queries as queries;
use super::linker::{self, EVENTS_MAX, WRITE};
use super::linker_queries;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Tx, WriteError};
use crate::error::{Error, Result};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::schedules::Schedule;
use crate::outbox::{Claimed, Job, JobId, Lane, NewJob, Outcome, Repeatable, Report, enqueue};

/// Set aside in one call at most: where everything fails the next second goes on.
const ASIDE_MAX: usize = 20;
/// Tried again in one run at most.
const AGAIN_MAX: i64 = 1_000;

/// A chunk was not linked: passes its events one by one, and tells how many.
pub(super) async fn after(app: &App, cause: WriteError<Error>) -> Result<usize> {
    reason(cause)?;
    let (mut passed, mut aside) = (0, 0);
    while passed < usize::try_from(EVENTS_MAX).unwrap_or_default() && aside < ASIDE_MAX {
        let Some(next) = app.store.read(|conn| linker_queries::next(conn).map_err(Error::from)).await? else { break };
        let (now, event) = (app.clock.now(), next.clone());
        let link = move |tx: &mut Tx<'_>| linker::pass(tx, now, &event, None).map_err(Error::from);
        let is_ours = match app.store.write_bulk(WRITE, link).await {
            Ok(is_ours) => is_ours,
            Err(cause) => {
                let why = reason(cause)?;
                tracing::warn!(event.id = next.event.id, subject = next.event.subject, "An event could not be linked and is set aside");
                aside += 1;
                let set = move |tx: &mut Tx<'_>| linker::pass(tx, now, &next, Some(&why)).map_err(Error::from);
                app.store.write_bulk(WRITE, set).await?
            }
        };
        if !is_ours {
            break;
        }
        passed += 1;
    }
    Ok(passed)
}

/// Why an event could not be linked; Err: it was the database, and later it may do.
fn reason(cause: WriteError<Error>) -> Result<String> {
    match cause {
        WriteError::Refused(Error::Internal(cause)) => Ok(format!("{cause:#}")),
        WriteError::NotWritten(why) => Ok(why),
        other => Err(other.into()),
    }
}

/// Tries again what was set aside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkAgain {}

impl Job for LinkAgain {
    const KIND: &'static str = "people.link_again";
    const LANE: Lane = Lane::Backfill;
    // A link that is there is not made twice.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const TIMEOUT_S: u64 = 10 * 60;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let outcome = match try_again(app).await {
            Ok((linked, failed)) => Outcome::Done(json!({ "linked": linked, "still_set_aside": failed })),
            Err(cause) => Outcome::Failed(Failure::of_record(FailureClass::Network, cause.to_string())),
        };
        members.iter().zip(std::iter::once(outcome)).map(|(_, outcome)| outcome.into()).collect()
    }
}

async fn try_again(app: &App) -> Result<(usize, usize)> {
    let (now, mut linked, mut failed) = (app.clock.now(), 0, 0);
    // In the order in which they happened: what came first says whose the rest is.
    let mut due = app.store.read(move |conn| queries::tried_before(conn, now, AGAIN_MAX).map_err(Error::from)).await?;
    due.sort_by_key(|row| row.event_id);
    for row in due {
        let link = move |tx: &mut Tx<'_>| linker::link_late(tx, now, row.event_id).map_err(Error::from);
        match app.store.write_bulk(WRITE, link).await {
            Ok(true) => linked += 1,
            Ok(false) => failed += 1,
            Err(cause) => {
                let why = reason(cause)?;
                let note = move |tx: &mut Tx<'_>| queries::failed_again(tx, now, row.event_id, &why).map_err(Error::from);
                app.store.write_bulk(WRITE, note).await?;
                failed += 1;
            }
        }
    }
    Ok((linked, failed))
}

fn enqueue_again(tx: &mut Tx<'_>, now: UtcTime, line: &LineId) -> diesel::QueryResult<JobId> {
    let unique_key = Some(LinkAgain::KIND);
    enqueue(tx, now, &NewJob { job: &LinkAgain {}, line, subject: "people", unique_key, order_key: None, run_at: now })
}

/// When it is tried again.
pub fn schedules() -> anyhow::Result<Vec<Schedule>> {
    let hourly = Schedule::new("people.link_again", "12 * * * *", chrono_tz::UTC, enqueue_again)?;
    Ok(vec![hourly.for_purpose("Tries again to link the events that could not be linked to a contact and were set aside.")])
}
