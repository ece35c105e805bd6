//! What a person may do to a job: run it again, cancel it, declare it done. Each is a conditional update, so that two
//! people, or a person and a worker, cannot both have their way.

use diesel::prelude::*;

use super::finish::queue_again_if_marked;
use super::kind::{JobId, JobState};
use super::order;
use super::registry::{RawChange, Registry};
use super::row::JobRow;
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};

/// Who asks, and why.
#[derive(Clone, Debug)]
pub struct Request {
    /// `user:3`, `cli`.
    pub actor: String,
    pub reason: Option<String>,
    pub address: Option<String>,
    pub now: UtcTime,
}

/// Runs the job again now, with all its attempts back. For failed, cancelled, uncertain and waiting jobs.
pub fn retry(tx: &mut Tx<'_>, registry: &Registry, id: JobId, by: &Request) -> Result<()> {
    let row = get_in_order(tx, id, by.now)?;
    if matches!(row.state, JobState::Running | JobState::Succeeded) {
        return Err(Error::Conflict(format!("This job is {} now and cannot be run again.", row.shown_state().to_lowercase())));
    }
    let fresh = (jobs::attempts.eq(0), jobs::provider_failures.eq(0), jobs::run_at.eq(by.now), jobs::finished_at.eq(None::<UtcTime>));
    let changed = diesel::update(jobs::table.filter(jobs::id.eq(id)))
        .filter(jobs::state.eq(row.state))
        .set((
            jobs::state.eq(JobState::Pending),
            fresh,
            jobs::waits_for.eq(None::<String>),
            // A look-up under way must not decide after the person has.
            (jobs::lease_token.eq(None::<i64>), jobs::leased_by.eq(None::<String>)),
            (jobs::run_again.eq(false), jobs::batch_limit.eq(None::<i64>)),
            jobs::order_place.eq(row.order_key.as_ref().map(|_| order::BEHIND)),
            jobs::last_error.eq(None::<String>),
            jobs::last_class.eq(None::<String>),
            jobs::due_since.eq(by.now),
            jobs::updated_at.eq(by.now),
        ))
        .execute(tx.conn());
    // Another unfinished job may carry the same unique key by now: that one does the work.
    let changed = match changed {
        Err(diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _)) => {
            return Err(Error::Conflict("Another job for the same thing is already waiting; it will do the work.".into()));
        }
        other => other?,
    };
    settle_order(tx, &row)?;
    settle(tx, registry, &row, Changed { rows: changed, to: JobState::Pending, action: "jobs.retry", error: None }, by)
}

/// Cancels a job that has not been done. A running one cannot be cancelled: its call may be under way.
pub fn cancel(tx: &mut Tx<'_>, registry: &Registry, id: JobId, by: &Request) -> Result<()> {
    end(tx, registry, id, JobState::Cancelled, by)
}

/// Declares an uncertain or failed job done, by someone who has looked.
pub fn mark_done(tx: &mut Tx<'_>, registry: &Registry, id: JobId, by: &Request) -> Result<()> {
    end(tx, registry, id, JobState::Succeeded, by)
}

fn end(tx: &mut Tx<'_>, registry: &Registry, id: JobId, to: JobState, by: &Request) -> Result<()> {
    let action = if to == JobState::Cancelled { "jobs.cancel" } else { "jobs.mark_done" };
    let row = get_in_order(tx, id, by.now)?;
    let fits = match to {
        JobState::Cancelled => matches!(row.state, JobState::Pending | JobState::Dead | JobState::Uncertain),
        _ => matches!(row.state, JobState::Dead | JobState::Uncertain),
    };
    if !fits {
        return Err(Error::Conflict(format!("This job is {} now; there is nothing left to change.", row.shown_state().to_lowercase())));
    }
    let changed = diesel::update(jobs::table.filter(jobs::id.eq(id)))
        .filter(jobs::state.eq(row.state))
        .set((
            jobs::state.eq(to),
            jobs::waits_for.eq(None::<String>),
            (jobs::lease_token.eq(None::<i64>), jobs::leased_by.eq(None::<String>)),
            jobs::order_place.eq(None::<i64>),
            jobs::finished_at.eq(by.now),
            jobs::updated_at.eq(by.now),
        ))
        .execute(tx.conn())?;
    // Done, but not with what came while it was uncertain.
    let to = if changed == 1 && to == JobState::Succeeded && queue_again_if_marked(tx, by.now, id)? { JobState::Pending } else { to };
    settle_order(tx, &row)?;
    settle(tx, registry, &row, Changed { rows: changed, to, action, error: row.last_error.clone() }, by)
}

struct Changed {
    rows: usize,
    to: JobState,
    action: &'static str,
    error: Option<String>,
}

fn settle(tx: &mut Tx<'_>, registry: &Registry, row: &JobRow, changed: Changed, by: &Request) -> Result<()> {
    if changed.rows == 0 {
        return Err(Error::Conflict("Someone else, or the worker, was faster. Look at the job again.".into()));
    }
    if let Some(spec) = registry.get(&row.kind) {
        let change = RawChange { attempts: 0, error: changed.error, ..RawChange::to(row, changed.to, by.now) };
        (spec.reflect)(tx, &[change])?;
    }
    tx.touch(Topic::Jobs);
    tx.touch(Topic::Ready);
    let (subject, line) = (format!("job:{}", row.id), row.line());
    let act = Act {
        actor: &by.actor,
        action: changed.action,
        subject: &subject,
        line: Some(&line),
        reason: by.reason.as_deref(),
        before: Some(serde_json::json!({ "state": row.state })),
        after: Some(serde_json::json!({ "state": changed.to })),
        address: by.address.as_deref(),
    };
    Ok(audit::record(tx, by.now, &act)?)
}

/// The job, with the order of its key locked.
fn get_in_order(tx: &mut Tx<'_>, id: JobId, now: UtcTime) -> Result<JobRow> {
    let row = get(tx, id)?;
    let Some(key) = &row.order_key else { return Ok(row) };
    order::lock(tx, now, key)?;
    get(tx, id)
}

fn settle_order(tx: &mut Tx<'_>, row: &JobRow) -> QueryResult<()> {
    row.order_key.as_deref().map_or(Ok(()), |key| order::settle(tx, key))
}

fn get(tx: &mut Tx<'_>, id: JobId) -> Result<JobRow> {
    let row = jobs::table.filter(jobs::id.eq(id)).select(JobRow::as_select()).first(tx.conn()).optional()?;
    row.ok_or(Error::NotFound("job"))
}
