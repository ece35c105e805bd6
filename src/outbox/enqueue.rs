//! Putting jobs in: always in the transaction of what caused them.

use std::borrow::Cow;

use diesel::prelude::*;

use super::kind::{Job, JobId, JobState, Lane, Repeatable};
use super::order;
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Conn, Topic, Tx, json_text};
use crate::line::LineId;
use crate::{literal_condition, on_backend};

/// A job that carries the unique key may end between two looks at it; a key that changes hands so often is a mistake.
const LOOKS_MAX: usize = 5;

/// A job to be done, with what its row needs besides.
#[derive(Clone, Debug)]
pub struct NewJob<'a, J> {
    pub job: &'a J,
    pub line: &'a LineId,
    /// What it is about: `lead:12`.
    pub subject: &'a str,
    /// At most one unfinished job may carry it.
    pub unique_key: Option<&'a str>,
    /// Jobs with the same key run one at a time, in the order in which they were put in.
    pub order_key: Option<&'a str>,
    /// Not before this moment.
    pub run_at: UtcTime,
}

/// Enqueues the job, or returns the id of the unfinished one that already carries its unique key. One that is just running
/// may have read what it works on before this change: it is marked, and runs once more when it has finished.
pub fn enqueue<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>) -> QueryResult<JobId> {
    let payload = json_text(new.job)?;
    tx.touch(Topic::Jobs);
    tx.touch(Topic::Ready);
    for _ in 0..LOOKS_MAX {
        if let Some(id) = insert(tx, now, new, &payload)? {
            return Ok(id);
        }
        if let Some(id) = meet_twin(tx, now, new)? {
            return Ok(id);
        }
    }
    Err(diesel::result::Error::NotFound)
}

/// Enqueues many: on PostgreSQL those without an order key by one statement, since each would cost a way to the server.
/// Returns their ids, in their order. At most 500, as for everything in one write.
pub fn enqueue_all<J: Job>(tx: &mut Tx<'_>, now: UtcTime, all: &[NewJob<'_, J>]) -> QueryResult<Vec<JobId>> {
    if !matches!(tx.conn(), Conn::Postgres(_)) || all.iter().any(|new| new.order_key.is_some()) {
        return all.iter().map(|new| enqueue(tx, now, new)).collect();
    }
    let payloads = all.iter().map(|new| json_text(new.job)).collect::<QueryResult<Vec<_>>>()?;
    let rows: Vec<NewRow<'_>> = all.iter().zip(&payloads).map(|(new, payload)| NewRow::of(new, payload, None, now)).collect();
    let Conn::Postgres(c) = tx.conn() else { return Ok(Vec::new()) };
    let insert = diesel::insert_into(jobs::table).values(&rows).on_conflict_do_nothing();
    let inserted: Vec<(JobId, Option<String>)> = insert.returning((jobs::id, jobs::unique_key)).load(c)?;
    tx.touch(Topic::Jobs);
    tx.touch(Topic::Ready);
    let mut inserted = inserted.into_iter().peekable();
    all.iter()
        .map(|new| match inserted.next_if(|(_, key)| key.as_deref() == new.unique_key) {
            Some((id, _)) => Ok(id),
            // Another carries its unique key.
            None => enqueue(tx, now, new),
        })
        .collect()
}

#[derive(Insertable)]
#[diesel(table_name = jobs, treat_none_as_default_value = false)]
pub(super) struct NewRow<'a> {
    pub(super) kind: &'static str,
    pub(super) lane: Lane,
    state: JobState,
    pub(super) payload: Cow<'a, str>,
    pub(super) line_id: Cow<'a, str>,
    pub(super) subject: Cow<'a, str>,
    pub(super) connection: Option<&'static str>,
    pub(super) unique_key: Option<Cow<'a, str>>,
    order_key: Option<&'a str>,
    order_place: Option<i64>,
    pub(super) repeatable: bool,
    pub(super) run_at: UtcTime,
    attempts: i64,
    pub(super) attempts_max: i64,
    provider_failures: i64,
    run_again: bool,
    pub(super) created_at: UtcTime,
    due_since: UtcTime,
    updated_at: UtcTime,
}

impl<'a> NewRow<'a> {
    fn of<J: Job>(new: &NewJob<'a, J>, payload: &'a str, order_place: Option<i64>, now: UtcTime) -> Self {
        Self {
            kind: J::KIND,
            lane: J::LANE,
            state: JobState::Pending,
            payload: payload.into(),
            line_id: new.line.as_str().into(),
            subject: new.subject.into(),
            connection: J::CONNECTION,
            unique_key: new.unique_key.map(Cow::from),
            order_key: new.order_key,
            order_place,
            repeatable: J::REPEATABLE == Repeatable::Always,
            run_at: new.run_at,
            attempts: 0,
            attempts_max: J::ATTEMPTS_MAX,
            provider_failures: 0,
            run_again: false,
            created_at: now,
            due_since: now,
            updated_at: now,
        }
    }
}

impl NewRow<'static> {
    /// One that outlives the closure that puts it in, for a job without an order key.
    pub(super) fn outliving<J: Job>(new: &NewJob<'_, J>, now: UtcTime) -> QueryResult<Self> {
        let payload = json_text(new.job)?;
        let row = NewRow::of(new, &payload, None, now);
        Ok(Self {
            payload: row.payload.into_owned().into(),
            line_id: row.line_id.into_owned().into(),
            subject: row.subject.into_owned().into(),
            unique_key: row.unique_key.map(|key| key.into_owned().into()),
            order_key: None,
            ..row
        })
    }
}

fn insert<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>, payload: &str) -> QueryResult<Option<JobId>> {
    let place = match new.order_key {
        // Locked before the row gets its id: ids of one key are given in the order of the locks.
        Some(key) => {
            order::lock(tx, now, key)?;
            Some(order::place_for_newcomer(tx.conn(), key)?)
        }
        None => None,
    };
    let row = NewRow::of(new, payload, place, now);
    let inserted: Option<JobId> = on_backend!(tx.conn(), |c| diesel::insert_into(jobs::table)
        .values(row)
        .on_conflict_do_nothing()
        .returning(jobs::id)
        .get_result(c)
        .optional())?;
    match (new.order_key, inserted, place) {
        (Some(key), Some(id), Some(order::BEHIND)) => order::lift(tx, key, id, J::LANE)?,
        // Another carries the unique key: the lock must leave no row behind.
        (Some(key), None, _) => order::settle(tx, key)?,
        _ => {}
    }
    Ok(inserted)
}

/// Marks the unfinished job that carries the key. The UPDATE locks its row: a claim passes it by until this change is
/// committed, so that a run which begins later sees the change, and one that began earlier is followed by another.
fn meet_twin<J: Job>(tx: &mut Tx<'_>, now: UtcTime, new: &NewJob<'_, J>) -> QueryResult<Option<JobId>> {
    let Some(key) = new.unique_key else { return Ok(None) };
    on_backend!(tx.conn(), |c| diesel::update(jobs::table.filter(jobs::unique_key.eq(key)).filter(Unfinished))
        .set((jobs::run_again.eq(AgainIfBegun), jobs::updated_at.eq(now)))
        .returning(jobs::id)
        .get_result(c)
        .optional())
}

literal_condition! {
    /// As the index of unique keys has it.
    Unfinished = "jobs.state IN ('pending', 'running', 'uncertain')"
}
literal_condition! {
    /// A waiting job will see the change when it runs; one that has begun may not.
    AgainIfBegun = "jobs.run_again OR jobs.state <> 'pending'"
}
