//! The safety net: every 15 minutes, and daily, leads that should be on their way and have no job get one.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::LeadId;
use super::{actions, queries};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::error::Error;
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::schedules::Schedule;
use crate::outbox::{Claimed, Job, JobId, Lane, NewJob, Outcome, Repeatable, Report, enqueue};

/// Leads looked up in one transaction.
const BATCH: i64 = 100;

/// Sweeps once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SweepLeads {}

impl Job for SweepLeads {
    const KIND: &'static str = "leads.sweep";
    const LANE: Lane = Lane::Sync;
    const REPEATABLE: Repeatable = Repeatable::Always;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let outcome = match sweep(app).await {
            Ok(found) => Outcome::Done(json!({ "stranded_leads": found })),
            Err(cause) => Outcome::Failed(Failure::of_record(FailureClass::Network, cause.to_string())),
        };
        members.iter().zip(std::iter::once(outcome)).map(|(_, outcome)| outcome.into()).collect()
    }
}

async fn sweep(app: &App) -> crate::Result<usize> {
    let now = app.clock.now();
    let mut delivered_total = 0;
    loop {
        // Looked for by a reader: over a large backlog that takes a while, and writers must not wait for it.
        let found = app.store.read(|conn| queries::stranded(conn, None, BATCH).map_err(Error::from)).await?;
        let ids: Vec<LeadId> = found.into_iter().map(|(id, _)| id).collect();
        let deliver = move |tx: &mut Tx<'_>| actions::deliver_stranded(tx, now, &ids).map_err(Error::from);
        let delivered = app.store.write("leads.sweep", "leads.sweep", deliver).await?;
        delivered_total += delivered;
        if delivered == 0 {
            return Ok(delivered_total);
        }
    }
}

/// Enqueues a sweep, unless one is waiting already.
pub fn enqueue_sweep(tx: &mut Tx<'_>, now: UtcTime, line: &LineId) -> diesel::QueryResult<JobId> {
    enqueue(tx, now, &NewJob { job: &SweepLeads {}, line, subject: "leads", unique_key: Some("leads.sweep"), order_key: None, run_at: now })
}

/// When leads are swept: every 15 minutes, and daily at the configured time in the seller's zone.
pub fn schedules(app: &App) -> anyhow::Result<Vec<Schedule>> {
    Ok(vec![
        Schedule::new("leads.sweep", "*/15 * * * *", chrono_tz::UTC, enqueue_sweep)?
            .for_purpose("Gives a job to leads that should be on their way and have none."),
        Schedule::new("leads.daily_sweep", &app.config.daily_sweep, app.config.zone, enqueue_sweep)?
            .in_local_time()
            .for_purpose("The same once a day, at the time that THROUGHLINE_DAILY_SWEEP names."),
    ])
}
