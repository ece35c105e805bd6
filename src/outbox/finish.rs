//! Finishing: the outcome of a run, its attempts, what it tells of the connection and what its feature mirrors, in one
//! transaction. Only the holder of the lease can finish a job.

use diesel::prelude::*;

use super::breaker;
use super::kind::{JobState, Outcome, Report};
use super::policy::{self, Circumstances, Settlement};
use super::registry::{KindSpec, RawChange};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::db::schema::{job_attempts, jobs};
use crate::db::{Topic, Tx};
use crate::http::Exchange;
use crate::integrations::FailureClass;

/// A job with what came of it.
#[derive(Clone, Debug)]
pub(super) struct Finished {
    pub row: JobRow,
    pub lease_token: i64,
    pub settlement: Settlement,
    pub exchange: Option<Exchange>,
    pub outcome_word: &'static str,
}

/// Judges the reports of one batch, before the transaction: rules only.
pub(super) fn judge(rows: Vec<JobRow>, lease_token: i64, reports: Vec<Report>, about: Circumstances<'_>) -> Vec<Finished> {
    rows.into_iter()
        .zip(reports)
        .map(|(row, report)| {
            let outcome_word = word(&report.outcome);
            let settlement = policy::settle(&row, report.outcome, about);
            Finished { row, lease_token, settlement, exchange: report.exchange, outcome_word }
        })
        .collect()
}

/// Writes the batch; a job whose lease was lost meanwhile is left to its new holder. Returns how many were finished.
pub(super) fn finish(tx: &mut Tx<'_>, spec: &KindSpec, process_id: &str, now: UtcTime, batch: &[Finished]) -> QueryResult<usize> {
    let mut changes = Vec::with_capacity(batch.len());
    let mut verdicts = Vec::new();
    for finished in batch {
        if !settle_row(tx, now, finished)? {
            tracing::warn!(job.id = finished.row.id.0, job.kind = %finished.row.kind, "A job was finished without its lease; its new holder decides");
            continue;
        }
        record_attempt(tx, process_id, now, finished)?;
        verdicts.push((finished.settlement.verdict, finished.settlement.error.clone()));
        changes.push(change(finished, now));
    }
    if let Some(provider) = batch.iter().find_map(|finished| finished.row.connection.as_deref()) {
        breaker::learn(tx, now, provider, &verdicts)?;
    }
    (spec.reflect)(tx, &changes)?;
    tx.touch(Topic::Jobs);
    Ok(changes.len())
}

fn settle_row(tx: &mut Tx<'_>, now: UtcTime, finished: &Finished) -> QueryResult<bool> {
    let to = &finished.settlement;
    let is_over = matches!(to.state, JobState::Succeeded | JobState::Dead | JobState::Cancelled);
    let failed = to.error.is_some();
    let row = &finished.row;
    let done = diesel::update(jobs::table.filter(jobs::id.eq(row.id)))
        .filter(jobs::state.eq(JobState::Running))
        .filter(jobs::lease_token.eq(finished.lease_token))
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
        ))
        .execute(tx.conn())?;
    Ok(done == 1)
}

/// A first attempt that simply succeeds without a call is told by its job row alone.
fn record_attempt(tx: &mut Tx<'_>, process_id: &str, now: UtcTime, finished: &Finished) -> QueryResult<()> {
    let says_nothing = matches!(finished.outcome_word, "succeeded" | "put_off") && finished.row.attempts == 0;
    if says_nothing && finished.exchange.is_none() {
        return Ok(());
    }
    let words = Words {
        outcome: finished.outcome_word,
        class: finished.settlement.class,
        message: finished.settlement.error.as_deref().or(finished.settlement.waits_for.as_deref()),
    };
    insert_attempt(tx, process_id, now, &finished.row, &words, finished.exchange.as_ref())
}

/// What an attempt says of itself.
pub(super) struct Words<'a> {
    pub outcome: &'static str,
    pub class: Option<FailureClass>,
    pub message: Option<&'a str>,
}

pub(super) fn insert_attempt(
    tx: &mut Tx<'_>,
    process_id: &str,
    now: UtcTime,
    row: &JobRow,
    words: &Words<'_>,
    exchange: Option<&Exchange>,
) -> QueryResult<()> {
    diesel::insert_into(job_attempts::table)
        .values((
            job_attempts::job_id.eq(row.id),
            job_attempts::line_id.eq(&row.line_id),
            job_attempts::attempt.eq(row.attempts + 1),
            job_attempts::process_id.eq(process_id),
            job_attempts::started_at.eq(row.started_at.unwrap_or(now)),
            job_attempts::finished_at.eq(now),
            job_attempts::outcome.eq(words.outcome),
            job_attempts::class.eq(words.class),
            job_attempts::message.eq(words.message),
            job_attempts::provider.eq(exchange.map(|call| call.provider)),
            job_attempts::provider_call.eq(exchange.map(|call| &call.call)),
            job_attempts::provider_status.eq(exchange.and_then(|call| call.status).map(i64::from)),
            job_attempts::provider_ms.eq(exchange.map(|call| call.duration_ms)),
            job_attempts::provider_request_id.eq(exchange.and_then(|call| call.request_id.as_ref())),
            job_attempts::request.eq(exchange.map(|call| &call.request)),
            job_attempts::response.eq(exchange.map(|call| &call.response)),
        ))
        .execute(tx.conn())
        .map(drop)
}

fn change(finished: &Finished, now: UtcTime) -> RawChange {
    let to = &finished.settlement;
    RawChange {
        row: finished.row.clone(),
        state: to.state,
        attempts: to.attempts,
        error: to.error.clone().or_else(|| to.waits_for.clone()),
        note: to.note.clone(),
        response: finished.exchange.as_ref().map(|call| call.response.clone()),
        at: now,
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
