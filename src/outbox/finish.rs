//! Finishing: the outcomes of many runs, their attempts, what they tell of connections and what their features mirror, in one
//! transaction. Only the holder of the lease can finish a job: nothing but its token is asked for, and whatever takes a job
//! away from its holder takes the token.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::attempts::{self, NewAttempt};
use super::breaker;
use super::claim::Run;
use super::kind::{JobId, JobState, OnDead, Outcome, Report};
use super::limits;
use super::order;
use super::plain::{self, Plain};
use super::policy::{self, Circumstances, Settlement};
use super::probe_queries;
use super::registry::{RawChange, Registry};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::jobs;
use crate::db::{Topic, Tx};
use crate::http::{Exchange, Meter};

/// A run with what came of it.
#[derive(Debug)]
pub struct Ended {
    pub(super) run: Run,
    /// Calls it made.
    pub(super) calls: i64,
    pub(super) finished: Vec<Finished>,
}

/// A job with what came of it. Its row stands at the same place in the run.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub settlement: Settlement,
    pub exchange: Option<Exchange>,
    /// The calls of its run as JSON, where it had that run for itself and made more than one.
    pub calls: Option<String>,
    pub outcome_word: &'static str,
}

/// Judges the reports of one run, before the transaction: rules only.
pub(super) fn judge(run: Run, reports: Vec<Report>, meter: &Meter, about: Circumstances<'_>) -> Ended {
    let calls = calls_of(&run, meter);
    let finished = run.rows.iter().zip(reports).map(|(row, report)| Finished {
        outcome_word: word(&report.outcome),
        settlement: policy::settle(row, report.outcome, about),
        exchange: report.exchange,
        calls: calls.clone(),
    });
    Ended { finished: finished.collect(), run, calls: meter.calls() }
}

fn calls_of(run: &Run, meter: &Meter) -> Option<String> {
    let lines = meter.lines();
    let is_told = run.rows.len() == 1 && lines.len() > 1;
    is_told.then(|| serde_json::to_string(&lines).ok()).flatten()
}

/// What one job was and became.
struct Settled<'a> {
    row: &'a JobRow,
    finished: &'a Finished,
    run: &'a Run,
}

/// Writes down what came of the runs; a job whose lease was lost meanwhile is left to its new holder. Returns how many jobs
/// were finished.
pub(super) fn finish(tx: &mut Tx<'_>, registry: &Registry, process_id: &str, now: UtcTime, ended: &[Ended]) -> QueryResult<usize> {
    let all: Vec<Settled<'_>> = ended
        .iter()
        .flat_map(|ended| ended.run.rows.iter().zip(&ended.finished).map(move |(row, finished)| Settled { row, finished, run: &ended.run }))
        .collect();
    let keys = order_keys(&all);
    for key in &keys {
        order::lock(tx, now, key)?;
    }
    let became = settle_rows(tx, registry, now, &all)?;
    for key in &keys {
        order::settle(tx, key)?;
    }
    record_attempts(tx, process_id, now, &all, &became)?;
    lock_connections(tx, ended)?;
    for ended in ended {
        teach_connection(tx, registry, now, ended, &became)?;
    }
    mirror(tx, registry, now, &all, &became)?;
    tx.touch(Topic::Jobs);
    let may_be_ready =
        |settled: &Settled<'_>| settled.finished.settlement.state == JobState::Pending && settled.finished.settlement.run_at <= now;
    if !keys.is_empty() || all.iter().any(may_be_ready) || became.values().any(|fate| *fate == Fate::QueuedAgain) {
        tx.touch(Topic::Ready);
    }
    Ok(became.len())
}

/// Locked before the rows, and in one order in all processes.
fn order_keys<'a>(all: &[Settled<'a>]) -> BTreeSet<&'a str> {
    all.iter().filter_map(|settled| settled.row.order_key.as_deref()).collect()
}

/// What each job became; one that is not in here was finished without its lease.
type Became = HashMap<JobId, Fate>;

/// Whether a job that ended was queued once more, for a change that came while it ran.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    AsSettled,
    QueuedAgain,
}

fn settle_rows(tx: &mut Tx<'_>, registry: &Registry, now: UtcTime, all: &[Settled<'_>]) -> QueryResult<Became> {
    let mut became = Became::with_capacity(all.len());
    let (plain, others): (Vec<&Settled<'_>>, Vec<&Settled<'_>>) =
        all.iter().partition(|settled| settled.finished.settlement.state == JobState::Succeeded);
    let plain: Vec<Plain<'_>> = plain
        .iter()
        .map(|settled| Plain { id: settled.row.id, lease_token: lease_of(settled.row), note: settled.finished.settlement.note.as_ref() })
        .collect();
    for (id, queued_again) in plain::finish(tx.conn(), now, &plain)? {
        became.insert(id, if queued_again { Fate::QueuedAgain } else { Fate::AsSettled });
    }
    for settled in others {
        if settle_row(tx, registry, now, settled)? {
            let is_over = settled.finished.settlement.state == JobState::Dead;
            let again = is_over && queue_again_if_marked(tx, now, settled.row.id)?;
            became.insert(settled.row.id, if again { Fate::QueuedAgain } else { Fate::AsSettled });
        }
    }
    for settled in all.iter().filter(|settled| !became.contains_key(&settled.row.id)) {
        tracing::warn!(
            job.id = settled.row.id.0,
            job.kind = settled.run.kind,
            "A job was finished without its lease; its new holder decides"
        );
    }
    Ok(became)
}

fn lease_of(row: &JobRow) -> i64 {
    // A claimed row has one; 0 is none that was ever drawn.
    row.lease_token.unwrap_or_default()
}

fn settle_row(tx: &mut Tx<'_>, registry: &Registry, now: UtcTime, settled: &Settled<'_>) -> QueryResult<bool> {
    let (row, to) = (settled.row, &settled.finished.settlement);
    let holds = to.state == JobState::Dead && registry.get(&row.kind).is_some_and(|spec| spec.on_dead == OnDead::Hold);
    let is_over = matches!(to.state, JobState::Succeeded | JobState::Dead | JobState::Cancelled);
    let failed = to.error.is_some();
    let done = diesel::update(jobs::table.filter(jobs::id.eq(row.id)))
        .filter(jobs::lease_token.eq(lease_of(row)))
        .set((
            jobs::state.eq(to.state),
            jobs::run_at.eq(to.run_at),
            jobs::attempts.eq(to.attempts),
            jobs::provider_failures.eq(to.provider_failures),
            jobs::lease_token.eq(None::<i64>),
            jobs::leased_by.eq(None::<String>),
            jobs::waits_for.eq(&to.waits_for),
            jobs::last_class.eq(if failed { to.class } else { row.last_class }),
            jobs::last_error.eq(if failed { &to.error } else { &row.last_error }),
            jobs::last_failed_at.eq(if failed { Some(now) } else { row.last_failed_at }),
            jobs::note.eq(to.note.as_ref().map(ToString::to_string)),
            jobs::finished_at.eq(is_over.then_some(now)),
            jobs::updated_at.eq(now),
            jobs::order_place.eq(if is_over && !holds { None } else { row.order_place }),
            // What runs again sees the change anyway.
            jobs::run_again.eq(jobs::run_again.and((to.state != JobState::Pending).into_sql::<Bool>())),
            jobs::batch_limit.eq(to.batch_limit.or(row.batch_limit)),
        ))
        .execute(tx.conn())?;
    if done == 1
        && to.state == JobState::Uncertain
        && let Some(spec) = registry.get(&row.kind)
    {
        probe_queries::begin(tx, spec, row.id, now)?;
    }
    Ok(done == 1)
}

/// Queues a job that has just ended once more, where an enqueue marked it while it ran. Call it under the lock of its key.
pub(super) fn queue_again_if_marked(tx: &mut Tx<'_>, now: UtcTime, id: JobId) -> QueryResult<bool> {
    let order_key: Option<Option<String>> =
        jobs::table.filter(jobs::id.eq(id)).filter(jobs::run_again.eq(true)).select(jobs::order_key).first(tx.conn()).optional()?;
    let Some(order_key) = order_key else { return Ok(false) };
    diesel::update(jobs::table.filter(jobs::id.eq(id)))
        .set((
            jobs::state.eq(JobState::Pending),
            jobs::run_again.eq(false),
            jobs::run_at.eq(now),
            jobs::due_since.eq(now),
            jobs::attempts.eq(0),
            jobs::provider_failures.eq(0),
            jobs::finished_at.eq(None::<UtcTime>),
            jobs::order_place.eq(order_key.map(|_| order::HEAD)),
        ))
        .execute(tx.conn())?;
    Ok(true)
}

fn record_attempts(tx: &mut Tx<'_>, process_id: &str, now: UtcTime, all: &[Settled<'_>], became: &Became) -> QueryResult<()> {
    let rows = all.iter().filter_map(|settled| {
        let became = became.get(&settled.row.id)?;
        let finished = settled.finished;
        // A first attempt that simply succeeds without a call is told by its job row alone, unless that row starts anew.
        let says_nothing = matches!(finished.outcome_word, "succeeded" | "put_off") && settled.row.attempts == 0;
        if says_nothing && finished.exchange.is_none() && finished.calls.is_none() && *became == Fate::AsSettled {
            return None;
        }
        let to = &finished.settlement;
        let message = to.error.as_deref().or(to.waits_for.as_deref());
        let attempt =
            NewAttempt { outcome: finished.outcome_word, class: to.class, message, ..NewAttempt::of(settled.row, process_id, now) };
        Some(NewAttempt { calls: finished.calls.as_deref(), ..attempt.with_exchange(finished.exchange.as_ref()) })
    });
    attempts::insert(tx.conn(), rows.collect())
}

/// The connection's row first and its use afterwards, as a claim does: the other way round the two could wait for each other.
fn lock_connections(tx: &mut Tx<'_>, ended: &[Ended]) -> QueryResult<()> {
    let names: BTreeSet<&str> = ended.iter().filter_map(|ended| Some(ended.run.reservation.as_ref()?.connection)).collect();
    names.into_iter().try_for_each(|name| breaker::lock(tx.conn(), name).map(drop))
}

/// What the run tells of its connection, and the calls it did not need.
fn teach_connection(tx: &mut Tx<'_>, registry: &Registry, now: UtcTime, ended: &Ended, became: &Became) -> QueryResult<()> {
    if let Some(reservation) = &ended.run.reservation
        && let Some(limits) = registry.limits(reservation.connection)
    {
        limits::settle(tx, limits, reservation, ended.calls)?;
    }
    let Some(provider) = registry.get(ended.run.kind).and_then(|spec| spec.connection) else { return Ok(()) };
    let counted = ended.run.rows.iter().zip(&ended.finished).filter(|(row, _)| became.contains_key(&row.id));
    let verdicts: Vec<_> = counted.map(|(_, finished)| (finished.settlement.verdict, finished.settlement.error.clone())).collect();
    breaker::learn(tx, now, provider, &verdicts)
}

fn mirror(tx: &mut Tx<'_>, registry: &Registry, now: UtcTime, all: &[Settled<'_>], became: &Became) -> QueryResult<()> {
    let mut by_kind: BTreeMap<&'static str, Vec<RawChange<'_>>> = BTreeMap::new();
    for settled in all {
        let Some(became) = became.get(&settled.row.id) else { continue };
        if !registry.get(settled.run.kind).is_some_and(|spec| spec.mirrors) {
            continue;
        }
        let changes = by_kind.entry(settled.run.kind).or_default();
        changes.push(change(settled, now));
        if *became == Fate::QueuedAgain {
            changes.push(RawChange { attempts: 0, ..RawChange::to(settled.row, JobState::Pending, now) });
        }
    }
    for (kind, changes) in by_kind {
        if let Some(spec) = registry.get(kind) {
            (spec.reflect)(tx, &changes)?;
        }
    }
    Ok(())
}

fn change<'a>(settled: &Settled<'a>, now: UtcTime) -> RawChange<'a> {
    let to = &settled.finished.settlement;
    RawChange {
        attempts: to.attempts,
        error: to.error.clone().or_else(|| to.waits_for.clone()),
        note: to.note.clone(),
        response: settled.finished.exchange.as_ref().map(|call| call.response.clone()),
        ..RawChange::to(settled.row, to.state, now)
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done(_) => "succeeded",
        Outcome::Snooze { .. } => "put_off",
        Outcome::Failed(_) => "failed",
        Outcome::Uncertain(_) => "uncertain",
    }
}
