//! What is right and wrong with leads and jobs. Rules only: no database, no clock.

use chrono::TimeDelta;

use super::check::{Check, State};
use super::facts::Facts;
use super::queries::COUNTED_MAX;
use crate::outbox::JobState;
use crate::web::format;

/// More leads waiting than this is worth a look.
pub const WAITING_WARNED: i64 = 50;
/// A lead that waits loses its value; within an hour somebody should know.
pub const WAITS_LONG: TimeDelta = TimeDelta::minutes(15);
pub const WAITS_TOO_LONG: TimeDelta = TimeDelta::hours(1);
/// A submission that is held may be an honest lead: within a day somebody should look.
pub const HELD_LONG: TimeDelta = TimeDelta::days(1);
/// Of what was settled in 24 hours, this share was sent: below it something is wrong, below that very wrong.
pub const SUCCESS_WARNED_PERCENT: i64 = 90;
pub const SUCCESS_FAILED_PERCENT: i64 = 80;
/// Fewer leads than this say nothing about a rate.
pub const RATED_FROM: i64 = 10;
/// Half of one in twenty leads taking longer than this is slow.
pub const SLOW: TimeDelta = TimeDelta::minutes(5);
/// A job that could run and does not for so long is stuck.
const STUCK: TimeDelta = TimeDelta::minutes(5);
const STUCK_LONG: TimeDelta = TimeDelta::minutes(30);

/// Leads first, then the jobs behind them.
pub fn checks(facts: &Facts) -> Vec<Check> {
    vec![
        waiting(facts),
        oldest_waiting(facts),
        failed(facts),
        uncertain(facts),
        held(facts),
        success_rate(facts),
        delivery_time(facts),
        failed_jobs(facts),
        oldest_ready(facts),
    ]
}

fn capped(count: i64) -> String {
    format::capped(count, COUNTED_MAX)
}

fn leads(count: i64) -> String {
    if count == 1 { "1 lead".into() } else { format!("{} leads", capped(count)) }
}

fn waiting(facts: &Facts) -> Check {
    let (count, counts) = (facts.waiting(), &facts.leads.statistics);
    let output = match count {
        0 => "No lead waits.".into(),
        _ => format!(
            "{} not settled: {} pending, {} being sent, {} to be tried again.",
            leads(count),
            capped(counts.pending),
            capped(counts.processing),
            capped(counts.retry)
        ),
    };
    let state = if count > WAITING_WARNED { State::Warn } else { State::Pass };
    Check::pass("leads:waiting", "Leads waiting", output).at(state).seen(count, "leads")
}

fn oldest_waiting(facts: &Facts) -> Check {
    const ID: &str = "leads:oldest-waiting";
    let Some((lead, since)) = facts.leads.oldest_waiting else {
        return Check::pass(ID, "Oldest waiting", "No lead waits.").seen(0, "s");
    };
    let age = (facts.at - since).max(TimeDelta::zero());
    let output = format!("Lead {} has waited for {}.", lead.0, format::duration(age));
    Check::pass(ID, "Oldest waiting", output).at(State::from_limits(age, WAITS_LONG, WAITS_TOO_LONG)).seen(age.num_seconds(), "s")
}

fn failed(facts: &Facts) -> Check {
    let count = facts.leads.statistics.failed;
    let output = match count {
        0 => "No lead has failed.".into(),
        _ => format!("{} did not reach Zoho CRM. Each says why on its page, and can be corrected there and sent again.", leads(count)),
    };
    Check::pass("leads:failed", "Failed leads", output).at(warn_if(count > 0)).seen(count, "leads")
}

fn uncertain(facts: &Facts) -> Check {
    let count = facts.leads.statistics.uncertain;
    let output = match count {
        0 => "Of every lead it is known whether it arrived.".into(),
        _ => format!(
            "{} may or may not have arrived: the answer was lost. What can be looked up is, the rest waits for a person.",
            leads(count)
        ),
    };
    Check::pass("leads:uncertain", "Uncertain leads", output).at(warn_if(count > 0)).seen(count, "leads")
}

fn warn_if(is_so: bool) -> State {
    if is_so { State::Warn } else { State::Pass }
}

fn held(facts: &Facts) -> Check {
    const ID: &str = "leads:held";
    let count = facts.leads.statistics.quarantined;
    let Some((_, since)) = facts.leads.oldest_held else {
        return Check::pass(ID, "Held submissions", "No submission is held.").seen(0, "leads");
    };
    let age = (facts.at - since).max(TimeDelta::zero());
    let held = if count == 1 { "1 submission is".into() } else { format!("{} submissions are", capped(count)) };
    let output =
        format!("{held} held in quarantine, the oldest for {}. Nothing is sent of them until somebody decides.", format::duration(age));
    Check::pass(ID, "Held submissions", output).at(warn_if(age > HELD_LONG)).seen(count, "leads")
}

fn success_rate(facts: &Facts) -> Check {
    let rated = &facts.leads.statistics.rated;
    let check = |output: &str| Check::pass("leads:success-rate", "Success rate", output);
    let settled = rated.settled();
    if settled == 0 {
        return check("Nothing was settled in the last 24 hours, so there is no rate.");
    }
    let percent = rated.sent * 100 / settled;
    let few = if settled < RATED_FROM { " Too few to judge by." } else { "" };
    let (share, sent, failed) = (format::percent(rated.sent, settled), format::number(rated.sent), format::number(rated.failed));
    // Of a share the lower is the worse.
    let state = match settled < RATED_FROM {
        true => State::Pass,
        false => State::from_limits(-percent, 1 - SUCCESS_WARNED_PERCENT, 1 - SUCCESS_FAILED_PERCENT),
    };
    let stretch = match facts.at - rated.since {
        age if age >= TimeDelta::hours(24) => "24 hours".into(),
        shorter => format!("the last {}", format::duration(shorter)),
    };
    check(&format!("{share} of the leads of {stretch} were sent: {sent} sent, {failed} failed.{few}")).at(state).seen(percent, "percent")
}

fn delivery_time(facts: &Facts) -> Check {
    const ID: &str = "leads:delivery-time";
    let Some(delivery) = facts.leads.delivery else {
        return Check::pass(ID, "Delivery time", "No lead of the last 24 hours was sent.");
    };
    let (p50, p95) = (format::duration(delivery.p50), format::duration(delivery.p95));
    let count = i64::try_from(delivery.count).unwrap_or(i64::MAX);
    let output = match count {
        1 => format!("The last lead took {p50}."),
        _ => format!("Half of the last {} took {p50} at most, 95 of 100 took {p95} at most.", leads(count)),
    };
    Check::pass(ID, "Delivery time", output).at(warn_if(delivery.p95 > SLOW)).seen(delivery.p95.num_milliseconds(), "ms")
}

fn failed_jobs(facts: &Facts) -> Check {
    let of = |state| facts.jobs.iter().filter(move |count| count.state == state).map(|count| count.total).sum::<i64>();
    let (dead, uncertain) = (of(JobState::Dead), of(JobState::Uncertain));
    let output = match dead + uncertain {
        0 => "No job has failed.".into(),
        _ => format!("{} failed, {} need a look. They are not tried again by themselves.", capped(dead), capped(uncertain)),
    };
    Check::pass("outbox:failed", "Failed jobs", output).at(warn_if(dead + uncertain > 0)).seen(dead + uncertain, "jobs")
}

/// Jobs of a connection that is closed or on hold wait for that, which its own check says.
fn oldest_ready(facts: &Facts) -> Check {
    const ID: &str = "outbox:oldest-ready";
    let may_run = |kind: &str| facts.is_open() || facts.free_kinds.contains(&kind);
    let oldest = facts.ready.iter().filter(|ready| may_run(ready.kind)).min_by_key(|ready| ready.due_at);
    let Some(ready) = oldest else { return Check::pass(ID, "Ready jobs", "No job that could run waits.").seen(0, "s") };
    let age = (facts.at - ready.due_at).max(TimeDelta::zero());
    let output = format!("A job of the kind {} could have run for {}.", ready.kind, format::duration(age));
    Check::pass(ID, "Ready jobs", output).at(State::from_limits(age, STUCK, STUCK_LONG)).seen(age.num_seconds(), "s")
}
