//! The sweep as a job: hourly, one at a time, whichever process takes it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rules;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::{Claimed, Job, JobId, Lane, NewJob, Outcome, Repeatable, Report, enqueue};

/// Sweeps once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ForgetOld {}

impl Job for ForgetOld {
    const KIND: &'static str = "retention.sweep";
    const LANE: Lane = Lane::Backfill;
    const REPEATABLE: Repeatable = Repeatable::Always;
    // The first sweep of an old database has much to do; what it does not finish the next one does.
    const TIMEOUT_S: u64 = 30 * 60;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let outcome = match rules::sweep(app).await {
            Ok(forgotten) => Outcome::Done(json!({ "forgotten_rows": forgotten })),
            Err(cause) => Outcome::Failed(Failure::of_record(FailureClass::Network, cause.to_string())),
        };
        members.iter().zip(std::iter::once(outcome)).map(|(_, outcome)| outcome.into()).collect()
    }
}

/// Enqueues a sweep, unless one is waiting or running.
pub fn enqueue_sweep(tx: &mut Tx<'_>, now: UtcTime, line: &LineId) -> diesel::QueryResult<JobId> {
    let unique_key = Some("retention.sweep");
    enqueue(tx, now, &NewJob { job: &ForgetOld {}, line, subject: "retention", unique_key, order_key: None, run_at: now })
}
