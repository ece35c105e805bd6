//! How far a long job has come, by its own word. Shown on its page; decides nothing.

use std::fmt;

use diesel::prelude::*;

use super::kind::{JobId, JobState};
use crate::clock::{Clock, UtcTime};
use crate::db::schema::{job_progress, jobs};
use crate::db::{Conn, Store, Topic, Tx};
use crate::error::{Error, Result};
use crate::on_backend;

/// Where one running job reports. Clones report for the same job.
#[derive(Clone)]
pub struct Progress {
    store: Store,
    clock: Clock,
    job: JobId,
    lease_token: i64,
}

/// What was reported last.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = job_progress)]
pub struct Reported {
    pub done: i64,
    /// None where the job does not know.
    pub total: Option<i64>,
    pub message: Option<String>,
    pub updated_at: UtcTime,
}

impl Progress {
    pub(super) fn new(store: Store, clock: Clock, job: JobId, lease_token: i64) -> Self {
        Self { store, clock, job, lease_token }
    }

    /// Says how far the job is. Costs one write: report about once a second, not once a row. False: the lease is lost,
    /// another process runs the job, and this run should end.
    pub async fn report(&self, done: i64, total: Option<i64>, message: Option<&str>) -> Result<bool> {
        let (job, lease_token, message, now) = (self.job, self.lease_token, message.map(str::to_owned), self.clock.now());
        let key = format!("progress:{job}");
        let report = move |tx: &mut Tx<'_>| -> Result<bool> {
            let held =
                jobs::table.filter(jobs::id.eq(job)).filter(jobs::state.eq(JobState::Running)).filter(jobs::lease_token.eq(lease_token));
            if held.select(jobs::id).first::<JobId>(tx.conn()).optional()?.is_none() {
                return Ok(false);
            }
            let said = (
                job_progress::done.eq(done),
                job_progress::total.eq(total),
                job_progress::message.eq(&message),
                job_progress::updated_at.eq(now),
            );
            on_backend!(tx.conn(), |c| diesel::insert_into(job_progress::table)
                .values((job_progress::job_id.eq(job), said))
                .on_conflict(job_progress::job_id)
                .do_update()
                .set(said)
                .execute(c))?;
            tx.touch(Topic::Jobs);
            tx.relax();
            Ok(true)
        };
        self.store.write("outbox.progress", &key, report).await.map_err(Error::from)
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Progress(job {})", self.job)
    }
}

/// What the job reported last, if it ever did.
pub fn of(conn: &mut Conn, job: JobId) -> QueryResult<Option<Reported>> {
    job_progress::table.filter(job_progress::job_id.eq(job)).select(Reported::as_select()).first(conn).optional()
}
