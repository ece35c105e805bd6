//! What an outcome means for its job: pure rules, no database (DESIGN 5, "Failures").

use chrono::TimeDelta;
use serde_json::Value;

use super::kind::{JobState, OnOutage, Outcome};
use super::row::JobRow;
use crate::clock::UtcTime;
use crate::integrations::{Failure, FailureClass};

/// After this many failures of the provider, with successes of others in between, the record is at fault.
const SUSPECT_AFTER: i64 = 3;
/// A job that only ever met a broken connection is given up after this long.
const AGE_MAX: TimeDelta = TimeDelta::days(7);
/// How long a job waits after its provider failed, before the breaker takes over.
const PROVIDER_WAIT_S: i64 = 15;

/// Where a job goes after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub state: JobState,
    pub run_at: UtcTime,
    pub attempts: i64,
    pub provider_failures: i64,
    pub class: Option<FailureClass>,
    /// Why it failed, in words.
    pub error: Option<String>,
    /// Why it waits, where that is no failure.
    pub waits_for: Option<String>,
    pub note: Option<Value>,
    /// The largest batch it may be part of from now on; None: as before.
    pub batch_limit: Option<i64>,
    /// What the connection learns from it.
    pub verdict: Verdict,
}

/// What an attempt says about the connection it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Works,
    Fails,
    /// The provider asked to slow down for so many seconds.
    SlowDown(u32),
    SaysNothing,
}

/// What is known beside the outcome.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub retry_after_s: &'a [u32],
    pub on_outage: OnOutage,
    /// The connection's last success, if it has one.
    pub last_success_at: Option<UtcTime>,
    /// How many jobs ran together.
    pub members: usize,
    /// In `0.9..1.1`.
    pub jitter: f64,
    pub now: UtcTime,
}

/// Decides what becomes of the job.
pub fn settle(row: &JobRow, outcome: Outcome, about: Circumstances<'_>) -> Settlement {
    let stays = Settlement {
        state: JobState::Pending,
        run_at: about.now,
        attempts: row.attempts,
        provider_failures: row.provider_failures,
        class: None,
        error: None,
        waits_for: None,
        note: None,
        batch_limit: None,
        verdict: Verdict::SaysNothing,
    };
    match outcome {
        Outcome::Done(note) => Settlement { state: JobState::Succeeded, note: Some(note), verdict: Verdict::Works, ..stays },
        Outcome::Snooze { until, why } => Settlement { run_at: until, waits_for: Some(why), ..stays },
        Outcome::Uncertain(why) => Settlement { state: JobState::Uncertain, error: Some(why), verdict: Verdict::Fails, ..stays },
        Outcome::Failed(failure) => after_failure(row, failure, about, stays),
    }
}

fn after_failure(row: &JobRow, failure: Failure, about: Circumstances<'_>, stays: Settlement) -> Settlement {
    let failed = Settlement { class: Some(failure.class), error: Some(failure.message.clone()), ..stays };
    if failure.effect_unknown && !row.repeatable {
        return Settlement { state: JobState::Uncertain, verdict: Verdict::Fails, ..failed };
    }
    if failure.of_record {
        return of_record(row, failure.class, about, Settlement { verdict: Verdict::Works, ..failed });
    }
    if failure.class == FailureClass::Validation && about.members > 1 {
        return halve(about, failed);
    }
    match failure.class {
        FailureClass::Validation | FailureClass::NotFound | FailureClass::Unknown => {
            Settlement { state: JobState::Dead, verdict: Verdict::SaysNothing, ..failed }
        }
        FailureClass::RateLimited => {
            let wait_s = failure.retry_after_s.unwrap_or(30);
            of_connection(row, about, Settlement { verdict: Verdict::SlowDown(wait_s), ..failed })
        }
        FailureClass::Authentication => {
            let wait_s = failure.retry_after_s.unwrap_or(30);
            of_connection(row, about, Settlement { verdict: Verdict::SlowDown(wait_s), ..failed })
        }
        FailureClass::ServerError | FailureClass::Network => {
            let others_succeeded = matches!((about.last_success_at, row.last_failed_at), (Some(good), Some(bad)) if good > bad);
            let provider_failures = row.provider_failures + i64::from(others_succeeded);
            let failed = Settlement { provider_failures, verdict: Verdict::Fails, ..failed };
            if provider_failures >= SUSPECT_AFTER || about.on_outage == OnOutage::Retry {
                of_record(row, failure.class, about, failed)
            } else {
                of_connection(row, about, failed)
            }
        }
    }
}

/// A call was refused as a whole, so one of its records may have spoilt it for the others: they are tried again in halves,
/// until it stands alone. That uses up no attempt.
fn halve(about: Circumstances<'_>, failed: Settlement) -> Settlement {
    let why = format!("The call for {} together was refused; they are tried again in smaller groups.", about.members);
    let half = i64::try_from(about.members.div_ceil(2)).unwrap_or(1);
    Settlement { run_at: about.now, waits_for: Some(why), batch_limit: Some(half), verdict: Verdict::SaysNothing, ..failed }
}

/// The record is at fault: an attempt is used up, unless trying again cannot help.
fn of_record(row: &JobRow, class: FailureClass, about: Circumstances<'_>, failed: Settlement) -> Settlement {
    let attempts = row.attempts + 1;
    let hopeless = matches!(class, FailureClass::Validation | FailureClass::NotFound | FailureClass::Unknown);
    if hopeless || attempts >= row.attempts_max {
        return Settlement { state: JobState::Dead, attempts, ..failed };
    }
    let nth = usize::try_from(attempts - 1).unwrap_or_default();
    let wait_s = about.retry_after_s.get(nth).or(about.retry_after_s.last()).copied().unwrap_or(60);
    Settlement { run_at: about.now + jittered(i64::from(wait_s), about.jitter), attempts, ..failed }
}

/// The connection is at fault: the job waits, and loses nothing by it but time.
fn of_connection(row: &JobRow, about: Circumstances<'_>, failed: Settlement) -> Settlement {
    if about.now - row.due_since > AGE_MAX {
        let error = failed.error.map(|why| format!("Given up after 7 days of trying. The last failure: {why}"));
        return Settlement { state: JobState::Dead, error, ..failed };
    }
    let wait_s = if failed.verdict == Verdict::Fails { PROVIDER_WAIT_S } else { 0 };
    Settlement { run_at: about.now + jittered(wait_s, about.jitter), ..failed }
}

fn jittered(wait_s: i64, jitter: f64) -> TimeDelta {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "waits are minutes, far below 2^53 ms")]
    let wait_ms = (wait_s as f64 * 1000.0 * jitter) as i64;
    TimeDelta::milliseconds(wait_ms)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
