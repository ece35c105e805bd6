//! What the preview of a replay shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::actions::Rehearsal;
use super::interpreters::Meaning;
use super::list_queries::ReceiptSummary;
use super::receipt_views::{Caused, caused};
use crate::web::parts::Pill;
use crate::web::{Shell, Stamp, Times, format};

/// What a replay would do, event by event.
#[derive(Template, WebTemplate)]
#[template(path = "inbox/replay.html")]
pub struct ReplayPreview {
    pub shell: Shell,
    pub rows: Vec<RehearsedLine>,
    /// Those that would be interpreted.
    pub ids: Vec<i64>,
    pub button: String,
    pub summary: String,
}

/// One event with what would come of it.
pub struct RehearsedLine {
    pub id: i64,
    pub event_type: String,
    pub event_id: String,
    pub now: Pill,
    /// `Would update`, `Nothing to do`, …
    pub outcome: Pill,
    pub text: String,
    pub caused: Vec<Caused>,
    pub received: Stamp,
}

impl ReplayPreview {
    /// Puts the page together.
    pub fn new(shell: Shell, rehearsed: &[(ReceiptSummary, Result<Rehearsal, String>)]) -> Self {
        let times = shell.frame.times;
        let rows: Vec<RehearsedLine> = rehearsed.iter().map(|(receipt, told)| RehearsedLine::new(receipt, told, times)).collect();
        let can = |told: &Result<Rehearsal, String>| !matches!(told, Ok(Rehearsal::Impossible(_)));
        let ids: Vec<i64> = rehearsed.iter().filter(|(_, told)| can(told)).map(|(receipt, _)| receipt.id.0).collect();
        let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let changing = rows.iter().filter(|row| row.outcome.label == UPDATES).count();
        Self {
            button: format!("Replay {}", format::counted(count, "event", "events")),
            summary: format!(
                "{} of {} would change something now.",
                format::number(i64::try_from(changing).unwrap_or(i64::MAX)),
                format::counted(i64::try_from(rows.len()).unwrap_or(i64::MAX), "event", "events")
            ),
            ids,
            rows,
            shell,
        }
    }
}

const UPDATES: &str = "Would update";

impl RehearsedLine {
    /// As a row of a table.
    pub fn new(receipt: &ReceiptSummary, told: &Result<Rehearsal, String>, times: Times) -> Self {
        let (outcome, text) = words(told);
        let did = match told {
            Ok(Rehearsal::Possible(meaning)) => meaning.caused().map(|value| caused(&value.to_string())).unwrap_or_default(),
            _ => Vec::new(),
        };
        Self {
            id: receipt.id.0,
            event_type: receipt.event_type.clone(),
            event_id: receipt.event_id.clone(),
            now: Pill::of(receipt.state.label()),
            outcome,
            text,
            caused: did,
            received: times.stamp(receipt.received_at),
        }
    }
}

fn words(told: &Result<Rehearsal, String>) -> (Pill, String) {
    let pill = |tone, icon, label| Pill { tone, icon, label };
    match told {
        Ok(Rehearsal::Possible(Meaning::Handled { .. })) => (pill("ok", "check", UPDATES), String::new()),
        Ok(Rehearsal::Possible(Meaning::Superseded(why))) => (pill("", "history", "Nothing to do"), format::ended(why)),
        Ok(Rehearsal::Possible(Meaning::NotHandled)) => (pill("", "eye", "Not handled"), "Nobody does anything about this type.".into()),
        Ok(Rehearsal::Possible(Meaning::Refused(why))) => (pill("warn", "ban", "Refused"), format::ended(why)),
        Ok(Rehearsal::Impossible(why)) => (pill("", "ban", "Left alone"), format::ended(why)),
        Err(why) => (pill("bad", "x", "Would fail"), format::ended(why)),
    }
}
