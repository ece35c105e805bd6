//! One chunk of an operation: its rows are dealt with and its place is moved along in one transaction. A row that cannot be
//! changed after all (somebody else was faster between the look and the change) undoes its chunk, which is then gone through
//! one by one.

use super::model::{Act, Fate, Item, ItemId, Operation, Piece, Tally};
use super::operation_queries::{self as operations};
use super::twin_queries;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::inbox::actions::{self as inbox, Replay};
use crate::inbox::model::{ReceiptId, ReceiptState};
use crate::inbox::walk_queries;
use crate::leads::{self, LeadStatus};
use crate::outbox::admin::{self, Request};
use crate::outbox::{JobId, JobState, Lane, Registry};
use crate::outbox_viewer::list_queries;

const CHANGED: &str = "It has changed since the operation began";
const GONE: &str = "It is no longer kept";
const TWIN: &str = "Another job for the same thing is already waiting; it will do the work";
const BEING_SENT: &str = "It is being sent right now";
const MAY_HAVE_ARRIVED: &str = "It may have arrived: somebody must decide about it alone";
const INTERPRETED_ANYWAY: &str = "It is waiting to be interpreted already";
const EMPTIED: &str = "What it said was removed, as it is after 90 days";
const FASTER: &str = "Somebody else, or the worker, was faster";

/// What came of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    On,
    /// It was cancelled, or another process goes on with it.
    Stopped,
}

/// Deals with all rows of a piece. A `Conflict` means that nothing was done.
pub fn apply(tx: &mut Tx<'_>, registry: &Registry, operation: &Operation, piece: &Piece, by: &Request) -> Result<Moved> {
    if !operations::advance(tx, by.now, operation, piece.place.as_deref())? {
        return Ok(Moved::Stopped);
    }
    let mut tally = Tally::default();
    for item in &piece.items {
        tally.count(deal_with(tx, registry, operation, item.id, by)?);
    }
    operations::add(tx, operation.id, &tally)?;
    tx.touch(crate::db::Topic::Jobs);
    Ok(Moved::On)
}

/// Writes down that a row was left alone since somebody else was faster.
pub fn leave(tx: &mut Tx<'_>, operation: &Operation, item: &Item, by: &Request) -> Result<Moved> {
    if !operations::advance(tx, by.now, operation, Some(&item.place))? {
        return Ok(Moved::Stopped);
    }
    let mut tally = Tally::default();
    tally.count(Fate::Refused(FASTER));
    operations::add(tx, operation.id, &tally)?;
    Ok(Moved::On)
}

fn deal_with(tx: &mut Tx<'_>, registry: &Registry, operation: &Operation, id: ItemId, by: &Request) -> Result<Fate> {
    match id {
        ItemId::Job(id) => job(tx, registry, operation, id, by),
        ItemId::Lead(id) => lead(tx, registry, operation, id, by),
        ItemId::Receipt(id) => receipt(tx, registry, operation, id, by),
    }
}

/// The refusals that are foreseen are told apart here: an error of the database inside a transaction would undo all of it.
fn job(tx: &mut Tx<'_>, registry: &Registry, operation: &Operation, id: JobId, by: &Request) -> Result<Fate> {
    let Some(row) = list_queries::find(tx.conn(), id)? else { return Ok(Fate::Skipped(GONE)) };
    if row.updated_at > operation.created_at || !operation.act.job_states().contains(&row.state) {
        return Ok(Fate::Skipped(CHANGED));
    }
    match operation.act {
        Act::Retry if twin_queries::has_twin(tx.conn(), &row)? => return Ok(Fate::Refused(TWIN)),
        Act::Retry => admin::retry(tx, registry, id, by)?,
        Act::Cancel | Act::Discard => admin::cancel(tx, registry, id, by)?,
        // Not of jobs: `Act::fits`.
        Act::Replay | Act::ReplayWithMails => return Ok(Fate::Skipped(CHANGED)),
    }
    Ok(Fate::Done)
}

fn lead(tx: &mut Tx<'_>, registry: &Registry, operation: &Operation, id: leads::LeadId, by: &Request) -> Result<Fate> {
    let Some(lead) = leads::queries::find(tx.conn(), id)? else { return Ok(Fate::Skipped(GONE)) };
    if lead.updated_at > operation.created_at || !operation.act.lead_statuses().contains(&lead.status) {
        let is_sending = lead.status == LeadStatus::Processing;
        return Ok(Fate::Skipped(if is_sending { BEING_SENT } else { CHANGED }));
    }
    if let Some(job) = leads::queries::last_delivery(tx.conn(), id)? {
        match job.state {
            JobState::Running => return Ok(Fate::Refused(BEING_SENT)),
            JobState::Uncertain => return Ok(Fate::Refused(MAY_HAVE_ARRIVED)),
            _ if twin_queries::has_twin(tx.conn(), &job)? => return Ok(Fate::Refused(TWIN)),
            _ => {}
        }
    }
    leads::actions::retry(tx, registry, id, by)?;
    Ok(Fate::Done)
}

/// Replayed in the lane of the backlog: what comes in meanwhile is interpreted first.
fn receipt(tx: &mut Tx<'_>, registry: &Registry, operation: &Operation, id: ReceiptId, by: &Request) -> Result<Fate> {
    let Some(standing) = walk_queries::standing(tx.conn(), id)? else { return Ok(Fate::Skipped(GONE)) };
    if standing.state == ReceiptState::Received {
        return Ok(Fate::Skipped(INTERPRETED_ANYWAY));
    }
    if standing.settled_at.is_some_and(|at| at > operation.created_at) {
        return Ok(Fate::Skipped(CHANGED));
    }
    if !standing.has_body {
        return Ok(Fate::Refused(EMPTIED));
    }
    let replay = Replay { with_mails: operation.act == Act::ReplayWithMails, lane: Lane::Backfill };
    inbox::replay(tx, registry, id, replay, by)?;
    Ok(Fate::Done)
}

/// Whether an error means that the rows should be gone through one by one.
pub fn is_conflict(cause: &Error) -> bool {
    matches!(cause, Error::Conflict(_) | Error::NotFound(_))
}
