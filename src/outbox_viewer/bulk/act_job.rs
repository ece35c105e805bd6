//! The job that does an operation. It begins where the row of the operation stands, so that it may be begun any number of times,
//! and gives its slot back after a while, so that it never runs into its timeout.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::chunk::{self, Moved};
use super::model::{Operation, OperationId, OperationState, Piece};
use super::operation_queries::{self as operations, End};
use super::pick_queries;
use crate::app::App;
use crate::clock::Stopwatch;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::admin::Request;
use crate::outbox::{Change, Claimed, Job, JobState, Lane, Outcome, Registry, Repeatable, Report};

/// Chunks of one run; then others of the lane get their turn.
const CHUNKS_MAX: usize = 200;
/// Its progress is written this often at most.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// Does one operation, from where it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BulkAct {
    pub operation: OperationId,
}

impl BulkAct {
    /// All operations stand in one line: they run one after the other, in the order in which they were asked for.
    pub const ORDER_KEY: &'static str = "outbox.bulk";
}

impl Job for BulkAct {
    const KIND: &'static str = "outbox.bulk";
    const LANE: Lane = Lane::Backfill;
    const REPEATABLE: Repeatable = Repeatable::Always;
    const TIMEOUT_S: u64 = 30 * 60;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(members.len());
        for member in members {
            let outcome = match run(app, member).await {
                Ok(outcome) => outcome,
                Err(cause) => Outcome::Failed(Failure::of_record(FailureClass::Network, cause.to_string())),
            };
            reports.push(outcome.into());
        }
        reports
    }

    fn reflect(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> diesel::QueryResult<()> {
        for change in changes {
            let id = change.job.operation;
            let ended = |state| End { state, cancelled_by: None, error: change.error };
            match change.state {
                JobState::Running => operations::mark_running(tx, change.at, id)?,
                JobState::Dead => operations::end(tx, change.at, id, &ended(OperationState::Failed)).map(drop)?,
                JobState::Cancelled => operations::end(tx, change.at, id, &ended(OperationState::Cancelled)).map(drop)?,
                _ => {}
            }
        }
        Ok(())
    }
}

async fn run(app: &App, member: &Claimed<BulkAct>) -> Result<Outcome> {
    let mut reported: Option<Stopwatch> = None;
    for _ in 0..CHUNKS_MAX {
        let id = member.job.operation;
        let read = move |conn: &mut crate::db::Conn| -> Result<(Operation, Piece)> {
            let operation = operations::find(conn, id)?.ok_or(Error::NotFound("operation"))?;
            let piece = pick_queries::next(conn, &operation.walk(), pick_queries::ITEMS_MAX)?;
            Ok((operation, piece))
        };
        let (operation, piece) = app.store.read(read).await?;
        if operation.state != OperationState::Running {
            return Ok(Outcome::Done(summary(&operation)));
        }
        if piece.is_last {
            return finish(app, operation).await;
        }
        if do_piece(app, &member.registry, &operation, piece).await? == Moved::Stopped {
            continue;
        }
        if reported.is_none_or(|before| before.elapsed() >= REPORT_EVERY) {
            reported = Some(Stopwatch::start());
            let total = Some(operation.total).filter(|total| !operation.is_total_floor && *total >= operation.handled());
            if !member.progress.report(operation.handled(), total, Some("as far as the last report")).await? {
                return Ok(Outcome::Done(summary(&operation)));
            }
        }
    }
    Ok(Outcome::Snooze { until: app.clock.now(), why: "It goes on after others of its lane.".into() })
}

async fn do_piece(app: &App, registry: &Registry, operation: &Operation, piece: Piece) -> Result<Moved> {
    let by = on_behalf_of(app, operation);
    let chunk = Chunk { registry: registry.clone(), operation: operation.clone(), piece, by };
    match write(app, chunk.clone()).await {
        Err(cause) if chunk::is_conflict(&cause) => one_by_one(app, chunk).await,
        done => done,
    }
}

#[derive(Clone)]
struct Chunk {
    registry: Registry,
    operation: Operation,
    piece: Piece,
    by: Request,
}

async fn write(app: &App, chunk: Chunk) -> Result<Moved> {
    let apply = move |tx: &mut Tx<'_>| chunk::apply(tx, &chunk.registry, &chunk.operation, &chunk.piece, &chunk.by);
    Ok(app.store.write_bulk("outbox.bulk", apply).await?)
}

async fn one_by_one(app: &App, chunk: Chunk) -> Result<Moved> {
    let mut operation = chunk.operation.clone();
    for item in chunk.piece.items.clone() {
        let piece = Piece { place: Some(item.place.clone()), items: vec![item.clone()], is_last: false };
        let mut moved = write(app, Chunk { operation: operation.clone(), piece, ..chunk.clone() }).await;
        if moved.as_ref().is_err_and(chunk::is_conflict) {
            let (at, by, left) = (operation.clone(), chunk.by.clone(), item.clone());
            moved = Ok(app.store.write_bulk("outbox.bulk", move |tx: &mut Tx<'_>| chunk::leave(tx, &at, &left, &by)).await?);
        }
        if moved? == Moved::Stopped {
            return Ok(Moved::Stopped);
        }
        operation.place = Some(item.place);
    }
    Ok(Moved::On)
}

async fn finish(app: &App, operation: Operation) -> Result<Outcome> {
    let (id, now, note) = (operation.id, app.clock.now(), summary(&operation));
    let end = move |tx: &mut Tx<'_>| -> Result<()> {
        operations::end(tx, now, id, &End { state: OperationState::Done, cancelled_by: None, error: None })?;
        tx.touch(Topic::Jobs);
        Ok(())
    };
    app.store.write("outbox.bulk_end", "outbox.bulk", end).await?;
    Ok(Outcome::Done(note))
}

fn summary(operation: &Operation) -> serde_json::Value {
    json!({ "operation": operation.id, "done": operation.done, "skipped": operation.skipped, "refused": operation.refused })
}

/// Each job's audit row names the person and the operation.
fn on_behalf_of(app: &App, operation: &Operation) -> Request {
    let why = operation.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    Request {
        actor: operation.started_by.clone(),
        reason: Some(format!("Bulk operation {}{why}", operation.id)),
        address: None,
        now: app.clock.now(),
    }
}
