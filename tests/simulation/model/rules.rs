//! What must hold of jobs with keys, pauses and limits.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use throughline::clock::UtcTime;
use throughline::outbox::{JobRow, JobState};

use super::{Model, kinds};
use crate::laws::{Broken, is_over};

/// A job of an order key begins when all before it have ended, and none that died holds those behind it.
pub fn may_begin(model: &Model, row: &JobRow, rows: &[JobRow]) -> Result<(), String> {
    let Some(key) = &row.order_key else { return Ok(()) };
    for other in rows.iter().filter(|other| other.order_key.as_ref() == Some(key) && other.id < row.id) {
        let holds = other.state == JobState::Dead && other.kind == "model.strict";
        // One that was sent again while a later one was already its turn waits behind that one.
        let came_back = model.sent_again.contains(&other.id);
        if (!is_over(other.state) || holds) && !came_back {
            return Err(format!("job {} of `{key}` is {} and comes before it", other.id, other.state.as_str()));
        }
    }
    Ok(())
}

pub fn is_not_paused(row: &JobRow, paused: &[(String, String, Option<UtcTime>)], now: UtcTime) -> Result<(), String> {
    let on = |(scope, name, until): &&(String, String, Option<UtcTime>)| {
        let named = match scope.as_str() {
            "kind" => row.kind == *name,
            "lane" => row.lane.as_str() == name,
            _ => row.connection.as_ref() == Some(name),
        };
        named && until.is_none_or(|until| until > now)
    };
    paused.iter().find(on).map_or(Ok(()), |(scope, name, _)| Err(format!("the {scope} `{name}` is paused")))
}

/// Calls in any minute, counted from the claims; the last tenth is not for this lane. And runs at once.
pub fn limits_are_kept(model: &Model, now: UtcTime, at_once: i64) -> Result<(), Broken> {
    let since = now - TimeDelta::seconds(60);
    let calls: i64 = model.calls.iter().filter(|(at, _)| *at > since && *at <= now).map(|(_, calls)| calls).sum();
    if calls > kinds::CALLS_A_MINUTE * 9 / 10 {
        return Err(Broken(format!("{calls} calls within a minute")));
    }
    if at_once > kinds::AT_ONCE {
        return Err(Broken(format!("{at_once} runs that call at once")));
    }
    Ok(())
}

pub fn unique_is_never_doubled(rows: &[JobRow]) -> Result<(), Broken> {
    let mut taken = BTreeSet::new();
    for row in rows.iter().filter(|row| !is_over(row.state)) {
        if let Some(key) = &row.unique_key
            && !taken.insert(key)
        {
            return Err(Broken(format!("two unfinished jobs carry `{key}`")));
        }
    }
    Ok(())
}

pub fn one_of_a_key_at_a_time(rows: &[JobRow]) -> Result<(), Broken> {
    let mut busy = BTreeSet::new();
    for row in rows.iter().filter(|row| matches!(row.state, JobState::Running | JobState::Uncertain)) {
        if let Some(key) = &row.order_key
            && !busy.insert(key)
        {
            return Err(Broken(format!("two jobs of `{key}` run at once")));
        }
    }
    Ok(())
}
