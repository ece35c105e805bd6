//! What the pages of schedules ask: the state and the last runs of each, and who stands behind them.

use std::collections::BTreeMap;

use crate::Result;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::outbox::JobRow;
use crate::outbox::schedules::{self, Run, ScheduleRow};
use crate::timeline::story;

/// Runs in the strip of the list.
pub const STRIP: i64 = 12;
/// Runs on the page of a schedule.
pub const RUNS: i64 = 50;

/// A schedule's state and its last runs, newest first.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// None: no process has looked at it yet.
    pub row: Option<ScheduleRow>,
    pub runs: Vec<(Run, Option<JobRow>)>,
    /// `user:3` -> the person's name.
    pub people: BTreeMap<String, String>,
}

/// The state and the last runs of these schedules, in their order.
pub fn told(conn: &mut Conn, names: &[&'static str], runs: i64) -> Result<Vec<Told>> {
    let mut known = schedules::known(conn)?;
    names.iter().map(|name| one(conn, known.remove(*name), name, runs)).collect()
}

/// Runs of one schedule from before a due time on, newest first.
pub fn runs_before(conn: &mut Conn, name: &str, before: Option<UtcTime>, count: i64) -> Result<Vec<(Run, Option<JobRow>)>> {
    Ok(schedules::runs(conn, name, before, count)?)
}

fn one(conn: &mut Conn, row: Option<ScheduleRow>, name: &str, runs: i64) -> Result<Told> {
    let runs = schedules::runs(conn, name, None, runs)?;
    let paused_by = row.as_ref().and_then(|row| row.paused_by.as_deref());
    let people = story::people(conn, runs.iter().filter_map(|(run, _)| run.actor.as_deref()).chain(paused_by))?;
    Ok(Told { row, runs, people })
}
