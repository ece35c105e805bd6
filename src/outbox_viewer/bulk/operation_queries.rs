//! The rows of bulk operations. Each change is conditional on where the operation stands, so that a person who cancels, a
//! process that came back from the dead and the one that took over cannot all have their way.

use diesel::prelude::*;

use super::model::{Act, Operation, OperationId, OperationState, Subject, Tally};
use crate::clock::UtcTime;
use crate::db::schema::bulk_operations;
use crate::db::{Conn, Tx};
use crate::line::LineId;
use crate::on_backend;
use crate::outbox::JobId;

/// Operations on a page.
pub const PAGE: i64 = 50;

const UNDER_WAY: [OperationState; 2] = [OperationState::Waiting, OperationState::Running];

/// What is asked for.
#[derive(Clone, Debug)]
pub struct NewOperation {
    pub subject: Subject,
    pub act: Act,
    pub filter: String,
    pub reason: Option<String>,
    pub started_by: String,
    pub total: i64,
    pub is_total_floor: bool,
}

/// Writes one down; None: the same is under way already.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, line: &LineId, id_max: i64, new: &NewOperation) -> QueryResult<Option<OperationId>> {
    let what = (
        bulk_operations::line_id.eq(line.as_str()),
        bulk_operations::subject.eq(new.subject),
        bulk_operations::act.eq(new.act),
        bulk_operations::filter.eq(&new.filter),
        bulk_operations::reason.eq(&new.reason),
        bulk_operations::started_by.eq(&new.started_by),
        bulk_operations::id_max.eq(id_max),
        bulk_operations::total.eq(new.total),
        bulk_operations::is_total_floor.eq(new.is_total_floor),
    );
    let begins = (
        bulk_operations::state.eq(OperationState::Waiting),
        bulk_operations::done.eq(0),
        bulk_operations::skipped.eq(0),
        bulk_operations::refused.eq(0),
        bulk_operations::reasons.eq("{}"),
        bulk_operations::created_at.eq(now),
        bulk_operations::updated_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(bulk_operations::table)
        .values((what, begins))
        .on_conflict_do_nothing()
        .returning(bulk_operations::id)
        .get_result(c)
        .optional())
}

/// The job that does it.
pub fn set_job(tx: &mut Tx<'_>, id: OperationId, job: JobId) -> QueryResult<()> {
    diesel::update(bulk_operations::table.filter(bulk_operations::id.eq(id)))
        .set(bulk_operations::job_id.eq(job))
        .execute(tx.conn())
        .map(drop)
}

/// The operation with this id.
pub fn find(conn: &mut Conn, id: OperationId) -> QueryResult<Option<Operation>> {
    bulk_operations::table.filter(bulk_operations::id.eq(id)).select(Operation::as_select()).first(conn).optional()
}

/// The same thing, if it is under way.
pub fn twin(conn: &mut Conn, subject: Subject, act: Act, filter: &str) -> QueryResult<Option<Operation>> {
    bulk_operations::table
        .filter(bulk_operations::subject.eq(subject))
        .filter(bulk_operations::act.eq(act))
        .filter(bulk_operations::filter.eq(filter))
        .filter(bulk_operations::state.eq(OperationState::Waiting).or(bulk_operations::state.eq(OperationState::Running)))
        .select(Operation::as_select())
        .first(conn)
        .optional()
}

/// The one that goes before this one, or before whichever comes next.
pub fn before(conn: &mut Conn, id: Option<OperationId>) -> QueryResult<Option<Operation>> {
    let mut under_way = bulk_operations::table.select(Operation::as_select()).into_boxed();
    under_way = under_way.filter(bulk_operations::state.eq(OperationState::Waiting).or(bulk_operations::state.eq(OperationState::Running)));
    if let Some(id) = id {
        under_way = under_way.filter(bulk_operations::id.lt(id));
    }
    under_way.order(bulk_operations::id.desc()).first(conn).optional()
}

/// The newest ones, from before an id on; one more than a page where there is more.
pub fn page(conn: &mut Conn, before: Option<OperationId>, most: i64) -> QueryResult<Vec<Operation>> {
    let mut all = bulk_operations::table.select(Operation::as_select()).into_boxed();
    if let Some(id) = before {
        all = all.filter(bulk_operations::id.lt(id));
    }
    all.order(bulk_operations::id.desc()).limit(most + 1).load(conn)
}

/// Its job has begun. One that had failed and was sent again stays failed where the same was asked for anew meanwhile.
pub fn mark_running(tx: &mut Tx<'_>, now: UtcTime, id: OperationId) -> QueryResult<()> {
    let Some(known) = find(tx.conn(), id)? else { return Ok(()) };
    if known.state == OperationState::Failed && twin(tx.conn(), known.subject, known.act, &known.filter)?.is_some() {
        return Ok(());
    }
    on_backend!(tx.conn(), |c| diesel::update(bulk_operations::table.filter(bulk_operations::id.eq(id)))
        .filter(bulk_operations::state.eq_any([OperationState::Waiting, OperationState::Running, OperationState::Failed]))
        .set((
            bulk_operations::state.eq(OperationState::Running),
            bulk_operations::updated_at.eq(now),
            bulk_operations::finished_at.eq(None::<UtcTime>)
        ))
        .execute(c))?;
    diesel::update(bulk_operations::table.filter(bulk_operations::id.eq(id)).filter(bulk_operations::started_at.is_null()))
        .set(bulk_operations::started_at.eq(now))
        .execute(tx.conn())
        .map(drop)
}

/// Ends one that is under way; false: it had ended before.
pub fn end(tx: &mut Tx<'_>, now: UtcTime, id: OperationId, end: &End<'_>) -> QueryResult<bool> {
    let changed = on_backend!(tx.conn(), |c| diesel::update(bulk_operations::table.filter(bulk_operations::id.eq(id)))
        .filter(bulk_operations::state.eq_any(UNDER_WAY))
        .set((
            bulk_operations::state.eq(end.state),
            bulk_operations::cancelled_by.eq(end.cancelled_by),
            bulk_operations::last_error.eq(end.error),
            bulk_operations::finished_at.eq(now),
            bulk_operations::updated_at.eq(now),
        ))
        .execute(c))?;
    Ok(changed == 1)
}

/// How one ended.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    pub state: OperationState,
    pub cancelled_by: Option<&'a str>,
    pub error: Option<&'a str>,
}

/// Moves it from one place to the next, before anything of the chunk is done; locks its row. False: it was cancelled, or
/// another process has gone on with it.
pub fn advance(tx: &mut Tx<'_>, now: UtcTime, operation: &Operation, to: Option<&str>) -> QueryResult<bool> {
    let row = bulk_operations::table.filter(bulk_operations::id.eq(operation.id));
    let asked = row.select((bulk_operations::state, bulk_operations::place));
    let stands: (OperationState, Option<String>) = match tx.conn() {
        // On SQLite there is one writer, which holds the lock of the whole file.
        Conn::Postgres(c) => asked.for_update().first(c)?,
        Conn::Sqlite(c) => asked.first(c)?,
    };
    if stands != (OperationState::Running, operation.place.clone()) {
        return Ok(false);
    }
    let place = to.map(str::to_owned).or_else(|| operation.place.clone());
    diesel::update(row).set((bulk_operations::place.eq(place), bulk_operations::updated_at.eq(now))).execute(tx.conn())?;
    Ok(true)
}

/// Adds what became of a chunk. Call it under the lock of `advance`.
pub fn add(tx: &mut Tx<'_>, id: OperationId, tally: &Tally) -> QueryResult<()> {
    let row = bulk_operations::table.filter(bulk_operations::id.eq(id));
    let known: String = row.select(bulk_operations::reasons).first(tx.conn())?;
    let mut reasons: std::collections::BTreeMap<String, i64> = serde_json::from_str(&known).unwrap_or_default();
    for (why, count) in &tally.reasons {
        *reasons.entry(why.clone()).or_default() += count;
    }
    diesel::update(row)
        .set((
            bulk_operations::done.eq(bulk_operations::done + tally.done),
            bulk_operations::skipped.eq(bulk_operations::skipped + tally.skipped),
            bulk_operations::refused.eq(bulk_operations::refused + tally.refused),
            bulk_operations::reasons.eq(serde_json::json!(reasons).to_string()),
        ))
        .execute(tx.conn())
        .map(drop)
}
