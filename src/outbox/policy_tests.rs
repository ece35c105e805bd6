//! What the policy decides, case by case.

use super::*;
use crate::line::LineId;
use crate::outbox::kind::{JobId, Lane};

fn at(s: i64) -> UtcTime {
    chrono::DateTime::from_timestamp(1_780_000_000 + s, 0).expect("a time").naive_utc()
}

fn row() -> JobRow {
    JobRow {
        id: JobId(1),
        kind: "test.kind".into(),
        lane: Lane::Lead,
        state: JobState::Running,
        payload: "{}".into(),
        line_id: LineId::mint(at(0)).to_string(),
        subject: "lead:1".into(),
        connection: Some("zoho".into()),
        unique_key: None,
        repeatable: true,
        run_at: at(0),
        attempts: 0,
        attempts_max: 3,
        provider_failures: 0,
        lease_token: Some(1),
        leased_by: Some("p".into()),
        waits_for: None,
        last_class: None,
        last_error: None,
        last_failed_at: None,
        note: None,
        created_at: at(0),
        due_since: at(0),
        started_at: Some(at(0)),
        finished_at: None,
        updated_at: at(0),
        order_key: None,
        order_place: None,
        run_again: false,
        batch_limit: None,
    }
}

fn about() -> Circumstances<'static> {
    Circumstances { retry_after_s: &[60, 300], on_outage: OnOutage::Wait, last_success_at: None, members: 1, jitter: 1.0, now: at(100) }
}

fn failure(class: FailureClass) -> Failure {
    Failure { class, message: "it failed".into(), retry_after_s: None, effect_unknown: false, of_record: false }
}

fn settled(row: &JobRow, failure: Failure, about: Circumstances<'_>) -> Settlement {
    settle(row, Outcome::Failed(failure), about)
}

#[test]
fn a_record_has_its_three_tries_and_waits_longer_each_time() {
    let of_record = || Failure { of_record: true, ..failure(FailureClass::ServerError) };
    let first = settled(&row(), of_record(), about());
    assert_eq!((first.state, first.attempts, first.run_at), (JobState::Pending, 1, at(160)));
    let second = settled(&JobRow { attempts: 1, ..row() }, of_record(), about());
    assert_eq!((second.state, second.attempts, second.run_at), (JobState::Pending, 2, at(400)));
    let third = settled(&JobRow { attempts: 2, ..row() }, of_record(), about());
    assert_eq!((third.state, third.attempts), (JobState::Dead, 3));
}

#[test]
fn what_the_provider_refuses_for_good_is_dead_at_once() {
    for class in [FailureClass::Validation, FailureClass::NotFound, FailureClass::Unknown] {
        assert_eq!(settled(&row(), failure(class), about()).state, JobState::Dead, "{class:?}");
        assert_eq!(
            settled(&row(), Failure { of_record: true, ..failure(class) }, about()).state,
            JobState::Dead,
            "{class:?} of the record"
        );
    }
}

#[test]
fn a_broken_connection_never_uses_up_an_attempt() {
    for class in [FailureClass::RateLimited, FailureClass::Authentication, FailureClass::ServerError, FailureClass::Network] {
        let waits = settled(&JobRow { attempts: 2, ..row() }, failure(class), about());
        assert_eq!((waits.state, waits.attempts), (JobState::Pending, 2), "{class:?}");
    }
}

#[test]
fn a_provider_that_fails_for_this_record_alone_counts_against_the_record() {
    // Other calls succeeded after this job last failed.
    let about = Circumstances { last_success_at: Some(at(90)), ..about() };
    let mut job = JobRow { last_failed_at: Some(at(50)), ..row() };
    for expected in [0, 0, 1] {
        let settled = settled(&job, failure(FailureClass::ServerError), about);
        assert_eq!(settled.attempts, expected);
        job.provider_failures = settled.provider_failures;
    }
    assert_eq!(job.provider_failures, 3);
}

#[test]
fn a_lost_answer_is_uncertain_unless_the_call_can_be_repeated() {
    let lost = || Failure { effect_unknown: true, ..failure(FailureClass::Network) };
    assert_eq!(settled(&row(), lost(), about()).state, JobState::Pending);
    assert_eq!(settled(&JobRow { repeatable: false, ..row() }, lost(), about()).state, JobState::Uncertain);
}

#[test]
fn a_job_that_only_met_a_broken_connection_is_given_up_after_a_week() {
    let late = Circumstances { now: at(8 * 86_400), ..about() };
    let given_up = settled(&row(), failure(FailureClass::Network), late);
    assert_eq!(given_up.state, JobState::Dead);
    assert!(given_up.error.is_some_and(|why| why.contains("7 days") && why.contains("it failed")));
    // Asked for again by a person, it has another week.
    let asked_again = JobRow { due_since: at(8 * 86_400 - 60), ..row() };
    assert_eq!(settled(&asked_again, failure(FailureClass::Network), late).state, JobState::Pending);
}

#[test]
fn a_snoozed_job_says_why_and_loses_nothing() {
    let put_off = settle(&JobRow { attempts: 1, ..row() }, Outcome::Snooze { until: at(500), why: "not yet".into() }, about());
    assert_eq!(
        (put_off.state, put_off.run_at, put_off.attempts, put_off.waits_for.as_deref()),
        (JobState::Pending, at(500), 1, Some("not yet"))
    );
}

#[test]
fn a_kind_with_a_schedule_of_its_own_uses_up_a_try_for_each_failure_of_the_provider() {
    let schedule: &[u32] = &[300, 600, 1_200, 2_400, 4_800];
    let about = Circumstances { retry_after_s: schedule, on_outage: OnOutage::Retry, ..about() };
    let mut now = JobRow { attempts_max: 6, ..row() };
    for wait_s in schedule {
        let next = settled(&now, failure(FailureClass::ServerError), about);
        assert_eq!((next.state, next.verdict, next.run_at), (JobState::Pending, Verdict::Fails, at(100 + i64::from(*wait_s))));
        now.attempts = next.attempts;
    }
    assert_eq!(settled(&now, failure(FailureClass::Network), about).state, JobState::Dead);
    // What is the connection's own fault uses up nothing there either.
    for class in [FailureClass::RateLimited, FailureClass::Authentication] {
        assert_eq!(settled(&now, failure(class), about).attempts, now.attempts);
    }
}
