//! Why a job waits, in a sentence, and when that ends.

use super::breaker::ConnectionState;
use super::kind::JobState;
use super::row::JobRow;
use crate::clock::UtcTime;

/// Why an unfinished job is not running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// A sentence without the time.
    pub why: String,
    /// When it ends, where that is known.
    pub until: Option<UtcTime>,
}

/// Says why the job waits; None for one that runs or is over.
pub fn explain(row: &JobRow, connections: &[ConnectionState], now: UtcTime) -> Option<Waiting> {
    match row.state {
        JobState::Pending => Some(pending(row, connections, now)),
        JobState::Uncertain => Some(Waiting { why: "Waits for a person: look up whether it arrived, then decide.".into(), until: None }),
        _ => None,
    }
}

fn pending(row: &JobRow, connections: &[ConnectionState], now: UtcTime) -> Waiting {
    if let Some(waiting) = row.connection.as_deref().and_then(|provider| on_connection(provider, connections, now)) {
        return waiting;
    }
    if row.run_at > now {
        let why = match (&row.waits_for, &row.last_error) {
            (Some(why), _) => why.clone(),
            // What failed is said where this is shown.
            (None, Some(_)) => "Waits before the next try.".into(),
            (None, None) => "Is not due yet.".into(),
        };
        return Waiting { why, until: Some(row.run_at) };
    }
    Waiting { why: "Is ready and waits for a free worker.".into(), until: None }
}

fn on_connection(provider: &str, connections: &[ConnectionState], now: UtcTime) -> Option<Waiting> {
    let name = provider_name(provider);
    let Some(state) = connections.iter().find(|state| state.provider == provider) else {
        return Some(Waiting { why: format!("Waits until {name} is connected."), until: None });
    };
    if state.state == "needs_reconnect" {
        return Some(Waiting { why: format!("Waits until {name} is connected again: its sign-in was refused."), until: None });
    }
    if state.state != "connected" {
        return Some(Waiting { why: format!("Waits until {name} is connected."), until: None });
    }
    let until = state.blocked_until.filter(|until| *until > now)?;
    let cause = state.blocked_reason.as_deref().unwrap_or("it did not answer");
    Some(Waiting { why: format!("Waits for {name}: {cause}"), until: Some(until) })
}

/// The name people know a provider by.
pub fn provider_name(provider: &str) -> &str {
    match provider {
        "zoho" => "Zoho CRM",
        other => other,
    }
}
