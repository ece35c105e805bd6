//! "Run now": brings waiting jobs forward and waits, on their rows, for what becomes of them.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use serde::Serialize;

use super::kind::{JobId, JobState, Lane};
use super::lists;
use super::process::count_live_workers;
use super::registry::Registry;
use super::row::JobRow;
use super::waiting::Reasons;
use crate::app::App;
use crate::clock::{Stopwatch, UtcTime};
use crate::db::schema::jobs;
use crate::db::{Conn, Topic, Tx};
use crate::error::{Error, Result};
use crate::on_backend;

/// How long a caller is kept waiting.
const WAIT: Duration = Duration::from_secs(50);
/// Jobs brought forward in one request.
pub const HURRY_MAX: i64 = 500;

/// What became of the jobs while the caller waited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Jobs that were waiting and due to be done now.
    pub selected: usize,
    pub succeeded: usize,
    pub failed: usize,
    /// Tried, and will be tried again.
    pub retrying: usize,
    /// Not tried yet.
    pub waiting: usize,
    /// Why jobs are still waiting, in a sentence.
    pub why: Option<String>,
}

impl Tally {
    /// Whether there is nothing more to wait for.
    pub fn is_settled(&self) -> bool {
        self.waiting == 0
    }
}

/// Makes waiting jobs due now: of one kind, or of all. Returns the oldest `most` of them.
pub fn bring_forward(tx: &mut Tx<'_>, now: UtcTime, kind: Option<&'static str>, most: i64) -> QueryResult<Vec<JobId>> {
    let ids = oldest_waiting(tx.conn(), kind, most.clamp(0, HURRY_MAX))?;
    on_backend!(tx.conn(), |c| diesel::update(jobs::table.filter(jobs::id.eq_any(&ids)))
        .filter(jobs::state.eq(JobState::Pending))
        .filter(jobs::run_at.gt(now))
        .set((jobs::run_at.eq(now), jobs::updated_at.eq(now)))
        .execute(c))?;
    tx.touch(Topic::Jobs);
    Ok(ids)
}

/// The index of ready jobs is by kind, lane and time: one short read of each, merged. A job that waits behind another of its
/// order key is not among them; its turn comes with the other's end.
fn oldest_waiting(conn: &mut Conn, kind: Option<&'static str>, most: i64) -> QueryResult<Vec<JobId>> {
    let kinds = match kind {
        Some(kind) => vec![kind.to_owned()],
        None => lists::kinds(conn, JobState::Pending)?,
    };
    let mut oldest: Vec<(UtcTime, JobId)> = Vec::new();
    for (kind, lane) in kinds.iter().flat_map(|kind| Lane::ALL.iter().map(move |lane| (kind, *lane))) {
        let ready = jobs::table.filter(sql::<Bool>("state = 'pending' AND COALESCE(order_place, 0) = 0"));
        let of_lane = ready.filter(jobs::kind.eq(kind)).filter(jobs::lane.eq(lane)).order((jobs::run_at, jobs::id)).limit(most);
        oldest.extend(of_lane.select((jobs::run_at, jobs::id)).load::<(UtcTime, JobId)>(conn)?);
    }
    oldest.sort_unstable();
    oldest.truncate(usize::try_from(most).unwrap_or_default());
    Ok(oldest.into_iter().map(|(_, id)| id).collect())
}

/// Waits until the jobs have been tried, something turns out to hold them back, no worker lives, or 50 s are over.
pub async fn wait(app: &App, registry: &Registry, ids: Vec<JobId>, asked_at: UtcTime) -> Result<Tally> {
    let since = Stopwatch::start();
    let mut changes = app.store.subscribe();
    loop {
        let (look_at, registry, now) = (ids.clone(), registry.clone(), app.clock.now());
        let tally = app.store.read(move |conn| tally(conn, &registry, &look_at, (asked_at, now))).await?;
        if tally.is_settled() || tally.why.is_some() || since.elapsed() >= WAIT {
            return Ok(tally);
        }
        let pause = Duration::from_millis(500).min(WAIT.saturating_sub(since.elapsed()));
        let _changed_or_paused = tokio::time::timeout(pause, changes.recv()).await;
        // Under load every commit is a change: ten looks a second are enough for a person.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn tally(conn: &mut Conn, registry: &Registry, ids: &[JobId], (asked_at, now): (UtcTime, UtcTime)) -> Result<Tally> {
    let rows: Vec<JobRow> = on_backend!(conn, |c| jobs::table.filter(jobs::id.eq_any(ids)).select(JobRow::as_select()).load(c))?;
    let reasons = Reasons::read(conn, registry, &rows, now)?;
    let mut tally = Tally { selected: ids.len(), ..Tally::default() };
    let mut blocked = None;
    for row in &rows {
        match row.state {
            JobState::Succeeded => tally.succeeded += 1,
            JobState::Dead | JobState::Cancelled | JobState::Uncertain => tally.failed += 1,
            JobState::Pending if row.last_failed_at.is_some_and(|at| at >= asked_at) => tally.retrying += 1,
            JobState::Pending => {
                tally.waiting += 1;
                blocked = blocked.or_else(|| reasons.obstacle(row).map(|waiting| waiting.why));
            }
            JobState::Running => tally.waiting += 1,
        }
    }
    let nobody_works = tally.waiting > 0 && count_live_workers(conn, now).map_err(Error::from)? == 0;
    tally.why = blocked.or_else(|| nobody_works.then(|| "No worker is running; the jobs start as soon as one does.".into()));
    Ok(tally)
}
