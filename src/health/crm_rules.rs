//! What is right and wrong with the connection to Zoho CRM. Rules only: no database, no clock.

use chrono::TimeDelta;
use serde_json::Value;

use super::check::{Check, State};
use super::facts::{Facts, Zoho};
use crate::clock::UtcTime;
use crate::connections::{ConnectionState, REFRESHES_MAX, RENEWED_BEFORE, Summary};
use crate::outbox::limits::{WARNING_PERCENT, Window};
use crate::outbox::{breaker, pauses};
use crate::web::format;

/// The connection, worst things as they are.
pub fn checks(facts: &Facts) -> Vec<Check> {
    let Some(summary) = &facts.zoho.summary else { return vec![connection(facts)] };
    let mut checks = vec![connection(facts), unique_field(summary), token(facts, summary), refresh(facts), breaker_check(facts)];
    checks.extend(quota(facts));
    checks.push(last_success(facts, summary));
    checks
}

fn connection(facts: &Facts) -> Check {
    const ID: &str = "zoho-crm:connection";
    let told = |state, output: String| Check::pass(ID, "Connection", output).at(state);
    let Some(summary) = &facts.zoho.summary else {
        return told(State::Fail, "Nobody has connected Zoho CRM yet. Leads are kept and wait.".into()).seen("not_connected", "");
    };
    let why = |otherwise: &str| format::ended(summary.state_reason.as_deref().unwrap_or(otherwise));
    let check = match (summary.state, facts.zoho.pauses.first()) {
        (ConnectionState::NeedsReconnect, _) => {
            told(State::Fail, format!("Zoho refuses our sign-in, and a person must connect it again. {}", why("The grant was refused")))
        }
        (ConnectionState::Disconnected, _) => told(State::Fail, format!("It was disconnected. {}", why("Leads are kept and wait"))),
        (ConnectionState::Connected, Some(pause)) => told(State::Warn, on_hold(facts, pause)),
        (ConnectionState::Connected, None) => told(State::Pass, format!("Connected {}.", facts.ago(summary.connected_at))),
    };
    check.seen(summary.state.as_str(), "")
}

/// Who holds what, until when and why.
pub(super) fn on_hold(facts: &Facts, pause: &pauses::Pause) -> String {
    let what = crate::outbox::waiting::paused(pause.scope, &pause.name);
    let until = pause
        .until
        .map_or_else(|| "until someone resumes it".into(), |until| format!("for another {}", format::duration(until - facts.at)));
    let why = pause.reason.as_deref().map(|why| format!(" {}", format::ended(why))).unwrap_or_default();
    format!("On hold: {what} paused since {}, {until}.{why}", facts.ago(pause.paused_at))
}

fn unique_field(summary: &Summary) -> Check {
    const ID: &str = "zoho-crm:unique-field";
    match &summary.external_field {
        Some(field) => Check::pass(ID, "Sent once", format!("Doubles are ruled out by the unique field {field}.")).seen(field.as_str(), ""),
        None => {
            let output = "The CRM has no unique field for our id: a lead whose answer is lost is looked up, and may wait for a person.";
            Check::pass(ID, "Sent once", output).at(State::Warn)
        }
    }
}

/// A token is renewed when a job needs it: one that has ended while nothing was to be sent is no trouble.
fn token(facts: &Facts, summary: &Summary) -> Check {
    const ID: &str = "zoho-crm:token";
    let check = |output: String| Check::pass(ID, "Access token", output);
    if summary.state != ConnectionState::Connected {
        return check("Not used until Zoho is connected again.".into()).at(State::Fail);
    }
    let Some(expires_at) = summary.token_expires_at else {
        return check("There is none yet; the next call asks for one.".into());
    };
    let left = expires_at - facts.at;
    let has_failed = last_refresh_failure(&facts.zoho).is_some();
    let state = match (left > RENEWED_BEFORE, left > TimeDelta::zero(), has_failed) {
        (true, ..) | (_, _, false) => State::Pass,
        (false, true, true) => State::Warn,
        (false, false, true) => State::Fail,
    };
    let age = summary.token_refreshed_at.map(|at| format!(" It was given out {}.", facts.ago(at))).unwrap_or_default();
    let output = match (left > RENEWED_BEFORE, left > TimeDelta::zero()) {
        (true, _) => format!("Ends in {}, and is renewed by the first call in its last 5 minutes.{age}", format::duration(left)),
        (false, true) => format!("Ends in {}; the next call renews it.{age}", format::duration(left)),
        (false, false) => format!("Ended {}; the next call renews it.", facts.ago(expires_at)),
    };
    check(output).at(state).seen(left.num_seconds(), "s")
}

fn last_refresh_failure(zoho: &Zoho) -> Option<(UtcTime, &str)> {
    zoho.refreshes.last().and_then(|(at, error)| Some((*at, error.as_deref()?)))
}

fn refresh(facts: &Facts) -> Check {
    const ID: &str = "zoho-crm:refresh";
    let used = facts.zoho.refreshes.len();
    let most = REFRESHES_MAX;
    let is_short = used + 1 >= most;
    let state = if last_refresh_failure(&facts.zoho).is_some() || is_short { State::Warn } else { State::Pass };
    let count = format!("{used} of {most} refreshes within 10 minutes");
    let output = match last_refresh_failure(&facts.zoho) {
        Some((at, why)) => format!("The last one, {}, failed: {} {count}.", facts.ago(at), format::ended(why)),
        None if is_short => format!("{count}: something renews the token much too often."),
        None => format!("{count}."),
    };
    Check::pass(ID, "Token refresh", output).at(state).seen(used, "refreshes")
}

fn breaker_check(facts: &Facts) -> Check {
    const ID: &str = "zoho-crm:breaker";
    let Some(state) = &facts.zoho.breaker else { return Check::pass(ID, "Calls", "Nothing was called yet.") };
    let failures = state.failures_in_a_row;
    let in_a_row = format::counted(failures, "failure", "failures");
    let check = match state.blocked_until.filter(|until| *until > facts.at) {
        Some(until) => {
            let why = format::ended(state.blocked_reason.as_deref().unwrap_or("It did not answer"));
            let output = format!("No call for another {}: {why} {in_a_row} in a row.", format::duration(until - facts.at));
            Check::pass(ID, "Calls", output).at(State::Warn)
        }
        None if failures >= breaker::OPENS_AFTER => {
            Check::pass(ID, "Calls", format!("Open after {in_a_row} in a row; the next call tries whether it works again.")).at(State::Warn)
        }
        None if failures > 0 => Check::pass(ID, "Calls", format!("{in_a_row} in a row, of {} that stop the calls.", breaker::OPENS_AFTER)),
        None => Check::pass(ID, "Calls", "The last call was answered."),
    };
    check.seen(failures, "failures")
}

/// The fullest window, with a forecast from the last hour: what matters is when it ends, not what share is used.
fn quota(facts: &Facts) -> Option<Check> {
    const ID: &str = "zoho-crm:quota";
    let gauge = facts.zoho.gauge.as_ref()?;
    let (window, used) = gauge.windows.iter().max_by_key(|(window, used)| used * 1_000 / window.calls.max(1))?;
    let percent = used * 100 / window.calls.max(1);
    let state = State::from_limits(percent, WARNING_PERCENT, 100);
    let count = format!("{} of {} calls in any {}", format::number(*used), format::number(window.calls), window.in_words());
    let output = match runs_out_in(*window, *used, facts.zoho.calls_last_hour) {
        _ if percent >= 100 => format!("{count}: used up, and jobs wait until calls of the past no longer count."),
        Some(left) => format!("{count}. At the pace of the last hour they last for another {}.", format::duration(left)),
        None => format!("{count}."),
    };
    #[expect(clippy::cast_precision_loss, reason = "a share, for a gauge")]
    let share = *used as f64 / window.calls.max(1) as f64;
    Some(Check::pass(ID, "Calls allowed", output).at(state).seen((share * 1_000.0).round() / 1_000.0, "ratio"))
}

/// None: not before the window has passed, as calls of the past stop counting by then.
fn runs_out_in(window: Window, used: i64, last_hour: i64) -> Option<TimeDelta> {
    let left_s = (window.calls - used).max(0).saturating_mul(3_600).checked_div(last_hour).filter(|_| last_hour > 0)?;
    (left_s < window.seconds).then(|| TimeDelta::seconds(left_s))
}

fn last_success(facts: &Facts, summary: &Summary) -> Check {
    const ID: &str = "zoho-crm:last-success";
    let failed = summary.last_error.as_deref().zip(summary.last_error_at);
    let failure = failed.map(|(why, at)| format!(" The last failure was {}: {}", facts.ago(at), format::ended(why))).unwrap_or_default();
    let success = match summary.last_success_at {
        Some(at) => format!("Zoho last took something {}.", facts.ago(at)),
        None => "Zoho has not taken anything yet.".into(),
    };
    let is_last_word = failed.is_some_and(|(_, at)| summary.last_success_at.is_none_or(|success| success < at));
    let value = summary.last_success_at.map_or(Value::Null, |at| (facts.at - at).num_seconds().into());
    let state = if is_last_word { State::Warn } else { State::Pass };
    Check::pass(ID, "Recent activity", format!("{success}{failure}")).at(state).seen(value, "s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forecast_goes_by_the_pace_of_the_last_hour() {
        let day = Window { seconds: 86_400, calls: 5_000 };
        assert_eq!(runs_out_in(day, 4_000, 500), Some(TimeDelta::hours(2)));
        assert_eq!(runs_out_in(day, 4_000, 0), None, "nothing is called");
        assert_eq!(runs_out_in(day, 100, 10), None, "calls of the past stop counting before that");
        assert_eq!(runs_out_in(day, 5_100, 10), Some(TimeDelta::zero()));
    }
}
