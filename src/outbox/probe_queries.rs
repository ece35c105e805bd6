//! What is read and written for looks at uncertain jobs: when they are due, the lease of one, and what came of it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use diesel::prelude::*;

use super::attempts::{self, NewAttempt};
use super::breaker::{self, ConnectionState};
use super::finish::queue_again_if_marked;
use super::held::{Held, Hold};
use super::kind::{JobId, JobState};
use super::limits::{self, Reservation};
use super::order;
use super::pauses::{self, Pauses};
use super::probe::{self, Decision, Known, Probed};
use super::registry::{KindSpec, RawChange, Registry};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::{job_probes, jobs};
use crate::db::{Conn, Topic, Tx};
use crate::{on_backend, random};

/// Looks that one claim considers.
const CONSIDERED_MAX: i64 = 50;
/// What cannot be looked up now, because its connection is closed or on hold, is considered again after this long.
const PUT_OFF: TimeDelta = TimeDelta::seconds(60);

/// When an uncertain job is looked up, and how often that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = job_probes)]
pub struct Plan {
    pub job_id: JobId,
    pub probe_at: UtcTime,
    /// Looks that counted.
    pub probes: i64,
}

/// A look under way: an uncertain job under a lease.
#[derive(Debug)]
pub(super) struct Look {
    pub row: JobRow,
    plan: Plan,
    lease_token: i64,
    started_at: UtcTime,
    reservation: Option<Reservation>,
    /// Set when the claim is known to be committed.
    hold: Option<Hold>,
}

impl Look {
    pub(super) fn held_by(mut self, held: &Held) -> Self {
        let leased = vec![(self.row.id, Some(self.lease_token))];
        self.hold = Some(held.hold(leased, self.reservation.as_ref().map(|reservation| reservation.id)));
        self
    }
}

/// A job has become uncertain: its looks begin anew, where its kind has any.
pub(super) fn begin(tx: &mut Tx<'_>, spec: &KindSpec, id: JobId, now: UtcTime) -> QueryResult<()> {
    let Some(first_s) = spec.probe_after_s.first() else { return Ok(()) };
    set(tx, Plan { job_id: id, probe_at: now + TimeDelta::seconds(i64::from(*first_s)), probes: 0 })
}

fn set(tx: &mut Tx<'_>, plan: Plan) -> QueryResult<()> {
    let when = (job_probes::probe_at.eq(plan.probe_at), job_probes::probes.eq(plan.probes));
    on_backend!(tx.conn(), |c| diesel::insert_into(job_probes::table)
        .values((job_probes::job_id.eq(plan.job_id), when))
        .on_conflict(job_probes::job_id)
        .do_update()
        .set(when)
        .execute(c))
    .map(drop)
}

fn end(tx: &mut Tx<'_>, id: JobId) -> QueryResult<()> {
    diesel::delete(job_probes::table.filter(job_probes::job_id.eq(id))).execute(tx.conn()).map(drop)
}

/// The plans for these jobs.
pub fn plans(conn: &mut Conn, ids: &[JobId]) -> QueryResult<Vec<Plan>> {
    on_backend!(conn, |c| job_probes::table.filter(job_probes::job_id.eq_any(ids)).select(Plan::as_select()).load(c))
}

/// Whether a claim would find anything to consider: asked of a reader.
pub(super) fn is_any_due(conn: &mut Conn, now: UtcTime) -> QueryResult<bool> {
    let due = job_probes::table.filter(job_probes::probe_at.le(now)).order((job_probes::probe_at, job_probes::job_id));
    Ok(due.select(job_probes::job_id).first::<JobId>(conn).optional()?.is_some())
}

/// Takes the look-ups that are due, `most` of them, each under a lease.
pub(super) fn claim(tx: &mut Tx<'_>, registry: &Registry, process_id: &str, now: UtcTime, most: usize) -> QueryResult<Vec<Look>> {
    let due: Vec<Plan> = job_probes::table
        .filter(job_probes::probe_at.le(now))
        .order((job_probes::probe_at, job_probes::job_id))
        .limit(CONSIDERED_MAX)
        .select(Plan::as_select())
        .load(tx.conn())?;
    let ids: Vec<JobId> = due.iter().map(|plan| plan.job_id).collect();
    let rows: Vec<JobRow> = on_backend!(tx.conn(), |c| jobs::table.filter(jobs::id.eq_any(&ids)).select(JobRow::as_select()).load(c))?;
    let mut rows: BTreeMap<JobId, JobRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let mut desk = Desk { registry, process_id, now, pauses: pauses::current(tx.conn(), now)?, connections: BTreeMap::new() };
    let mut looks = Vec::new();
    for plan in due {
        if looks.len() == most {
            break;
        }
        match rows.remove(&plan.job_id).filter(|row| row.state == JobState::Uncertain) {
            Some(row) => looks.extend(desk.take(tx, row, plan)?),
            // A person has decided.
            None => end(tx, plan.job_id)?,
        }
    }
    Ok(looks)
}

/// What one claim of looks knows.
struct Desk<'a> {
    registry: &'a Registry,
    process_id: &'a str,
    now: UtcTime,
    pauses: Pauses,
    connections: BTreeMap<&'static str, Option<ConnectionState>>,
}

impl Desk<'_> {
    fn take(&mut self, tx: &mut Tx<'_>, row: JobRow, plan: Plan) -> QueryResult<Option<Look>> {
        // Somebody looks right now, or a program that knows the kind will.
        let Some(spec) = self.registry.get(&row.kind).filter(|_| row.lease_token.is_none()) else { return Ok(None) };
        if spec.probe_after_s.is_empty() {
            return end(tx, row.id).map(|()| None);
        }
        let Some(reservation) = self.reserve(tx, &row, spec)? else {
            return set(tx, Plan { probe_at: self.now + PUT_OFF, ..plan }).map(|()| None);
        };
        let lease_token = random::positive_i64();
        let taken = diesel::update(jobs::table.filter(jobs::id.eq(row.id)))
            .filter(jobs::state.eq(JobState::Uncertain))
            .filter(jobs::lease_token.is_null())
            .set((jobs::lease_token.eq(lease_token), jobs::leased_by.eq(self.process_id), jobs::updated_at.eq(self.now)))
            .execute(tx.conn())?;
        if taken == 0 {
            // Another process was faster. Its look counts the calls; the slot of this one is freed.
            return reservation.map_or(Ok(()), |held| self.give_back(tx, &held)).map(|()| None);
        }
        Ok(Some(Look { row, plan, lease_token, started_at: self.now, reservation, hold: None }))
    }

    /// The outer None: not now. The inner one: nothing needs to be reserved.
    #[expect(clippy::option_option, reason = "not now, and no need, are two answers")]
    fn reserve(&mut self, tx: &mut Tx<'_>, row: &JobRow, spec: &KindSpec) -> QueryResult<Option<Option<Reservation>>> {
        if self.pauses.on(&row.kind, row.lane, spec.connection).is_some() {
            return Ok(None);
        }
        let Some(name) = spec.connection else { return Ok(Some(None)) };
        if !self.connections.contains_key(name) {
            let state = breaker::lock(tx.conn(), name)?;
            self.connections.insert(name, state);
        }
        let Some(state) = self.connections.get_mut(name).and_then(Option::as_mut).filter(|state| state.is_open(self.now)) else {
            return Ok(None);
        };
        if state.is_probing() {
            breaker::note_probe(tx, self.now, state)?;
            // One look probes the connection; the others wait for what it finds.
            state.blocked_until = Some(self.now + PUT_OFF);
        }
        let Some(allowed) = self.registry.limits(name) else { return Ok(Some(None)) };
        let calls = i64::from(spec.probe_calls);
        if limits::budget(tx.conn(), name, allowed, self.now)?.runs(row.lane, calls) == 0 {
            return Ok(None);
        }
        limits::reserve(tx, name, allowed, (self.process_id, calls), self.now).map(|reservation| Some(Some(reservation)))
    }

    fn give_back(&self, tx: &mut Tx<'_>, reservation: &Reservation) -> QueryResult<()> {
        self.registry.limits(reservation.connection).map_or(Ok(()), |allowed| limits::settle(tx, allowed, reservation, 0))
    }
}

/// A look with what it found.
#[derive(Debug)]
pub(super) struct Looked {
    pub look: Look,
    pub probed: Probed,
    /// Calls it made.
    pub calls: i64,
}

/// Writes down what a look found. False: its lease was gone, because a person has decided or it took too long.
pub(super) fn finish(tx: &mut Tx<'_>, registry: &Registry, process_id: &str, now: UtcTime, looked: &Looked) -> QueryResult<bool> {
    let (look, row) = (&looked.look, &looked.look.row);
    let Some(spec) = registry.get(&row.kind) else { return Ok(false) };
    settle_calls(tx, registry, now, looked, spec)?;
    if let Some(key) = &row.order_key {
        order::lock(tx, now, key)?;
    }
    let since = row.started_at.unwrap_or(row.created_at);
    let decision = probe::decide(&looked.probed.probe, Known { probes: look.plan.probes, after_s: spec.probe_after_s, since, now });
    let (outcome, words) = probe::in_words(&looked.probed.probe, &decision);
    if !settle(tx, now, look, &decision, &words)? {
        tracing::info!(job.id = row.id.0, job.kind = %row.kind, "A job was decided by a person while it was being looked up");
        return Ok(false);
    }
    let runs_again = decision.state() == JobState::Succeeded && queue_again_if_marked(tx, now, row.id)?;
    if let Some(key) = &row.order_key {
        order::settle(tx, key)?;
    }
    let attempt = NewAttempt { outcome, message: Some(&words), started_at: look.started_at, ..NewAttempt::of(row, process_id, now) };
    attempts::insert(tx.conn(), vec![attempt.with_exchange(looked.probed.exchange.as_ref())])?;
    if spec.mirrors {
        let mut changes = vec![change(looked, &decision, &words, now)];
        changes.extend(runs_again.then(|| RawChange { attempts: 0, ..RawChange::to(row, JobState::Pending, now) }));
        (spec.reflect)(tx, &changes)?;
    }
    tx.touch(Topic::Jobs);
    if runs_again || decision.state() == JobState::Pending {
        tx.touch(Topic::Ready);
    }
    Ok(true)
}

/// What the connection learns, and the calls it gets back: also from a look whose lease is gone. The connection's row comes
/// first, as it does in a claim.
fn settle_calls(tx: &mut Tx<'_>, registry: &Registry, now: UtcTime, looked: &Looked, spec: &KindSpec) -> QueryResult<()> {
    if let Some(name) = spec.connection {
        breaker::learn(tx, now, name, &[probe::verdict(&looked.probed.probe)])?;
    }
    let Some(reservation) = &looked.look.reservation else { return Ok(()) };
    registry.limits(reservation.connection).map_or(Ok(()), |allowed| limits::settle(tx, allowed, reservation, looked.calls))
}

fn settle(tx: &mut Tx<'_>, now: UtcTime, look: &Look, decision: &Decision, words: &str) -> QueryResult<bool> {
    let held = jobs::table.filter(jobs::id.eq(look.row.id)).filter(jobs::lease_token.eq(look.lease_token));
    let freed =
        (jobs::lease_token.eq(None::<i64>), jobs::leased_by.eq(None::<String>), jobs::updated_at.eq(now), jobs::state.eq(decision.state()));
    let written = match decision {
        Decision::Done(note) => {
            let done = (jobs::note.eq(note.to_string()), jobs::finished_at.eq(now), jobs::order_place.eq(None::<i64>));
            diesel::update(held).set((freed, done, jobs::waits_for.eq(None::<String>))).execute(tx.conn())?
        }
        // What runs again sees the change anyway that marked it.
        Decision::RunAgain => {
            let anew = (jobs::run_at.eq(now), jobs::run_again.eq(false), jobs::last_error.eq(words), jobs::last_failed_at.eq(now));
            diesel::update(held).set((freed, anew, jobs::waits_for.eq(None::<String>))).execute(tx.conn())?
        }
        Decision::LookAgain { .. } => diesel::update(held).set((freed, jobs::waits_for.eq(None::<String>))).execute(tx.conn())?,
        Decision::AskPerson(why) => diesel::update(held).set((freed, jobs::waits_for.eq(why))).execute(tx.conn())?,
    };
    if written == 0 {
        return Ok(false);
    }
    match decision {
        Decision::LookAgain { at, probes } => set(tx, Plan { job_id: look.row.id, probe_at: *at, probes: *probes })?,
        _ => end(tx, look.row.id)?,
    }
    Ok(true)
}

fn change<'a>(looked: &'a Looked, decision: &Decision, words: &str, now: UtcTime) -> RawChange<'a> {
    let note = match decision {
        Decision::Done(note) => Some(note.clone()),
        _ => None,
    };
    RawChange {
        response: looked.probed.exchange.as_ref().filter(|_| note.is_some()).map(|call| call.response.clone()),
        error: (decision.state() != JobState::Succeeded).then(|| words.to_owned()),
        note,
        by_look: true,
        ..RawChange::to(&looked.look.row, decision.state(), now)
    }
}
