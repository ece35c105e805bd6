//! What is due by the clock: each due time is a row, and whoever inserts it first has fired it. No leader is needed.

use std::sync::Arc;

use anyhow::Context;
use chrono::{DateTime, SubsecRound, TimeDelta};
use chrono_tz::Tz;
use croner::Cron;
use diesel::prelude::*;

use super::kind::JobId;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Tx;
use crate::db::schema::schedule_runs;
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::on_backend;

type Enqueue = dyn Fn(&mut Tx<'_>, UtcTime, &LineId) -> QueryResult<JobId> + Send + Sync;

/// Something that is due by the clock. A due time missed while no process ran is made up once.
#[derive(Clone)]
pub struct Schedule {
    name: &'static str,
    cron: Cron,
    zone: Tz,
    enqueue: Arc<Enqueue>,
}

impl Schedule {
    /// `cron` has five fields (minute first) and is read in `zone`.
    pub fn new(
        name: &'static str,
        cron: &str,
        zone: Tz,
        enqueue: impl Fn(&mut Tx<'_>, UtcTime, &LineId) -> QueryResult<JobId> + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let cron = cron.parse().with_context(|| format!("reading `{cron}` of schedule `{name}`"))?;
        Ok(Self { name, cron, zone, enqueue: Arc::new(enqueue) })
    }

    /// The nominal instant of the last due time at or before `now`.
    fn last_due(&self, now: UtcTime) -> Option<UtcTime> {
        // `croner` hands the fraction of the second through: without this each tick would find a due time of its own.
        let local: DateTime<Tz> = now.and_utc().trunc_subsecs(0).with_timezone(&self.zone);
        self.cron.find_previous_occurrence(&local, true).ok().map(|due| due.naive_utc())
    }
}

/// Fires what has become due. Called once a second or so by whichever process ticks; calling it twice does no harm.
pub async fn tick(app: &App, schedules: &[Schedule]) -> Result<usize> {
    let now = app.clock.now();
    let mut fired = 0;
    for schedule in schedules {
        let Some(due_at) = schedule.last_due(now) else { continue };
        let name = schedule.name;
        if app.store.read(move |conn| has_fired(conn, name, due_at).map_err(Error::from)).await? {
            continue;
        }
        let (schedule, process_id) = (schedule.clone(), app.process_id.clone());
        let fire = move |tx: &mut Tx<'_>| fire(tx, &schedule, due_at, now, &process_id).map_err(Error::from);
        fired += usize::from(app.store.write("schedules.fire", name, fire).await?);
    }
    Ok(fired)
}

fn has_fired(conn: &mut crate::db::Conn, name: &str, due_at: UtcTime) -> QueryResult<bool> {
    let rows: i64 =
        schedule_runs::table.filter(schedule_runs::schedule.eq(name)).filter(schedule_runs::due_at.ge(due_at)).count().get_result(conn)?;
    Ok(rows > 0)
}

fn fire(tx: &mut Tx<'_>, schedule: &Schedule, due_at: UtcTime, now: UtcTime, process_id: &str) -> QueryResult<bool> {
    let row = (
        schedule_runs::schedule.eq(schedule.name),
        schedule_runs::due_at.eq(due_at),
        schedule_runs::fired_at.eq(now),
        schedule_runs::fired_by.eq(process_id),
    );
    let inserted = on_backend!(tx.conn(), |c| diesel::insert_into(schedule_runs::table).values(row).on_conflict_do_nothing().execute(c))?;
    if inserted == 0 {
        return Ok(false);
    }
    let job_id = (schedule.enqueue)(tx, now, &LineId::mint(now))?;
    let this = schedule_runs::table.filter(schedule_runs::schedule.eq(schedule.name)).filter(schedule_runs::due_at.eq(due_at));
    diesel::update(this).set(schedule_runs::job_id.eq(job_id.0)).execute(tx.conn())?;
    // The history of a schedule that fires every 15 minutes is worth three months, not for ever.
    let old = schedule_runs::table
        .filter(schedule_runs::schedule.eq(schedule.name))
        .filter(schedule_runs::due_at.lt(due_at - TimeDelta::days(90)));
    diesel::delete(old).execute(tx.conn())?;
    Ok(true)
}
