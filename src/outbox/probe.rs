//! Looking up what became of an uncertain job: its kind knows how, at the times that it names. A look has a lease of its own
//! and the job stays uncertain meanwhile, so a person can decide at any moment: whoever comes second finds the lease gone, or
//! the state. Rules and types in here; what is written stands in `probe_queries.rs`.

use chrono::TimeDelta;
use serde_json::Value;

use super::kind::JobState;
use super::policy::Verdict;
use crate::clock::UtcTime;
use crate::http::Exchange;
use crate::integrations::{Failure, FailureClass};

/// A look that failed is made again after so long, where the provider names no time.
const AGAIN_S: u32 = 60;
/// A job that could never be looked up is given to a person after this long.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(7);

/// What a look found.
#[derive(Clone, Debug, PartialEq)]
pub enum Probe {
    /// It is there: the job is done, with this note.
    Arrived(Value),
    /// It is not there, or not yet: search follows writes with a delay. Only the last look's word counts.
    NotArrived,
    /// It cannot be found out by looking, for this reason: a person decides.
    CannotTell(String),
    /// The look itself failed; it is made again and does not count.
    Failed(Failure),
}

/// What a look found, with the call that led to it.
#[derive(Clone, Debug)]
pub struct Probed {
    pub probe: Probe,
    pub exchange: Option<Exchange>,
}

impl From<Probe> for Probed {
    fn from(probe: Probe) -> Self {
        Self { probe, exchange: None }
    }
}

/// What is known when a look has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// Looks that counted before this one.
    pub probes: i64,
    /// The kind's times, in seconds after the job became uncertain.
    pub after_s: &'a [u32],
    /// When the job was last tried.
    pub since: UtcTime,
    pub now: UtcTime,
}

/// What becomes of the job.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    Done(Value),
    /// It was looked for as often as its kind wants and is not there: it runs once more.
    RunAgain,
    /// It is looked up again then; `probes` looks have counted.
    LookAgain {
        at: UtcTime,
        probes: i64,
    },
    /// Nobody looks any more: a person decides, for this reason.
    AskPerson(String),
}

impl Decision {
    /// The state it leads to.
    pub(super) fn state(&self) -> JobState {
        match self {
            Self::Done(_) => JobState::Succeeded,
            Self::RunAgain => JobState::Pending,
            Self::LookAgain { .. } | Self::AskPerson(_) => JobState::Uncertain,
        }
    }
}

/// Decides what a look means for its job.
pub(super) fn decide(probe: &Probe, known: Known<'_>) -> Decision {
    match probe {
        Probe::Arrived(note) => Decision::Done(note.clone()),
        Probe::CannotTell(why) => Decision::AskPerson(why.clone()),
        Probe::NotArrived => {
            let done = usize::try_from(known.probes).unwrap_or_default();
            match (known.after_s.get(done), known.after_s.get(done + 1)) {
                (Some(this), Some(next)) => {
                    let wait = TimeDelta::seconds(i64::from(next.saturating_sub(*this)));
                    Decision::LookAgain { at: known.now + wait, probes: known.probes + 1 }
                }
                _ => Decision::RunAgain,
            }
        }
        Probe::Failed(failure) if known.now - known.since > GIVEN_UP_AFTER => {
            Decision::AskPerson(format!("It could not be looked up for 7 days. The last failure: {}", failure.message))
        }
        Probe::Failed(failure) => {
            let wait = TimeDelta::seconds(i64::from(failure.retry_after_s.unwrap_or(AGAIN_S).max(1)));
            Decision::LookAgain { at: known.now + wait, probes: known.probes }
        }
    }
}

/// What the connection learns from a look.
pub(super) fn verdict(probe: &Probe) -> (Verdict, Option<String>) {
    match probe {
        Probe::Arrived(_) | Probe::NotArrived => (Verdict::Works, None),
        Probe::CannotTell(_) => (Verdict::SaysNothing, None),
        Probe::Failed(failure) => {
            let verdict = match failure.class {
                FailureClass::RateLimited | FailureClass::Authentication => Verdict::SlowDown(failure.retry_after_s.unwrap_or(30)),
                FailureClass::ServerError | FailureClass::Network => Verdict::Fails,
                FailureClass::Validation | FailureClass::NotFound | FailureClass::Unknown => Verdict::SaysNothing,
            };
            (verdict, Some(failure.message.clone()))
        }
    }
}

/// What is written down of a look: the attempt's outcome, and the sentence that pages show.
pub(super) fn in_words(probe: &Probe, decision: &Decision) -> (&'static str, String) {
    match (probe, decision) {
        (Probe::Arrived(_), _) => ("found", "It was looked up and is there.".into()),
        (Probe::NotArrived, Decision::RunAgain) => {
            ("not_found", "It was looked up for the last time and is not there: it is sent again.".into())
        }
        (Probe::NotArrived, _) => ("not_found", "It was looked up and is not there yet.".into()),
        (Probe::CannotTell(why), _) => ("look_ended", why.clone()),
        (Probe::Failed(_), Decision::AskPerson(why)) => ("look_ended", why.clone()),
        (Probe::Failed(failure), _) => ("look_failed", failure.message.clone()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn known(probes: i64) -> Known<'static> {
        Known { probes, after_s: &[120, 300, 900], since: UtcTime::default(), now: UtcTime::default() }
    }

    fn at(seconds: i64) -> UtcTime {
        UtcTime::default() + TimeDelta::seconds(seconds)
    }

    #[test]
    fn only_the_last_look_may_say_that_it_did_not_arrive() {
        assert_eq!(decide(&Probe::NotArrived, known(0)), Decision::LookAgain { at: at(180), probes: 1 });
        assert_eq!(decide(&Probe::NotArrived, known(1)), Decision::LookAgain { at: at(600), probes: 2 });
        assert_eq!(decide(&Probe::NotArrived, known(2)), Decision::RunAgain);
        assert_eq!(decide(&Probe::Arrived(json!(1)), known(0)), Decision::Done(json!(1)));
    }

    #[test]
    fn a_look_that_fails_does_not_count_and_ends_after_a_week() {
        let failed = |wait| Probe::Failed(Failure::of_call(FailureClass::RateLimited, "slow down").waiting_s(wait));
        assert_eq!(decide(&failed(None), known(2)), Decision::LookAgain { at: at(60), probes: 2 });
        assert_eq!(decide(&failed(Some(5)), known(2)), Decision::LookAgain { at: at(5), probes: 2 });
        let late = Known { now: at(8 * 24 * 3600), ..known(2) };
        assert!(matches!(decide(&failed(None), late), Decision::AskPerson(why) if why.contains("7 days")));
    }
}
