//! What an older system's values mean: states, moments, lists. Nothing is guessed where a guess could send a lead twice or on
//! another day.

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::clock::UtcTime;
use crate::leads::{LeadKind, LeadStatus};

/// The state as ours. `Pending` is what has still to be sent. (docs: what the earlier systems wrote was pending, processing, sent, retry
/// and failed.)
pub fn status(text: &str) -> Option<LeadStatus> {
    Some(match text.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
        "pending" | "new" | "queued" | "unsent" | "open" | "received" | "waiting" => LeadStatus::Pending,
        "retry" | "retrying" | "processing" | "in_progress" | "sending" => LeadStatus::Pending,
        "sent" | "success" | "succeeded" | "synced" | "delivered" | "completed" | "done" | "processed" => LeadStatus::Sent,
        "failed" | "failure" | "error" | "dead" | "rejected" => LeadStatus::Failed,
        "cancelled" | "canceled" => LeadStatus::Cancelled,
        _ => return None,
    })
}

/// Whether the older system was just sending it, so that it may have arrived.
pub fn was_under_way(text: &str) -> bool {
    matches!(text.trim().to_lowercase().replace([' ', '-'], "_").as_str(), "processing" | "in_progress" | "sending")
}

/// Where the lead came in.
pub fn kind(text: &str) -> Option<LeadKind> {
    match text.trim().to_lowercase().replace([' ', '-'], "_").as_str() {
        "quote" | "quote_request" | "quotation" | "form" | "contact" | "contact_form" | "website" | "web" | "rfq" => Some(LeadKind::Quote),
        "chatbot" | "chat" | "bot" | "conversation" | "chat_bot" => Some(LeadKind::Chatbot),
        _ => None,
    }
}

/// A moment: with its offset, in this zone without one, or in seconds or milliseconds since 1970.
pub fn moment(text: &str, zone: Tz) -> Option<UtcTime> {
    let text = text.trim();
    if let Ok(at) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z")) {
        return Some(at.naive_utc());
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        let at = match text.len() {
            10 => DateTime::from_timestamp(number, 0),
            13 => DateTime::from_timestamp_millis(number),
            _ => None,
        };
        return at.map(|at| at.naive_utc());
    }
    let text = text.strip_suffix(" UTC").map_or_else(|| (text, zone), |bare| (bare, Tz::UTC));
    let (text, zone) = text;
    let local = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))?;
    // An hour that is there twice is the first of the two; one that was left out is the hour after.
    let at =
        zone.from_local_datetime(&local).earliest().or_else(|| zone.from_local_datetime(&(local + chrono::TimeDelta::hours(1))).earliest());
    at.map(|at| at.naive_utc())
}

/// What was asked for: JSON, or `G65 x 2; F-10`.
pub fn items(value: Value) -> Option<Value> {
    let Value::String(text) = value else { return Some(value) };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(&text).ok();
    }
    let entries = text.split([';', '\n', ',']).map(str::trim).filter(|entry| !entry.is_empty());
    Some(entries.map(item).collect())
}

fn item(text: &str) -> Value {
    for mark in [" x ", " x", " × ", "*"] {
        if let Some((sku, quantity)) = text.rsplit_once(mark)
            && let Ok(quantity) = quantity.trim().parse::<i64>()
        {
            return json!({ "sku": sku.trim(), "quantity": quantity });
        }
    }
    json!({ "sku": text, "quantity": 1 })
}

/// A conversation: JSON turns under the names that chatbots give them, or text as one turn.
pub fn transcript(value: Value) -> Value {
    let value = match value {
        Value::String(text) if text.trim_start().starts_with('[') => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        other => other,
    };
    match value {
        Value::Array(turns) => turns.into_iter().map(turn).collect(),
        Value::String(text) if text.trim().is_empty() => Value::Null,
        Value::String(text) => json!([{ "role": "conversation", "text": text }]),
        other => other,
    }
}

fn turn(turn: Value) -> Value {
    let first = |names: &[&str]| names.iter().find_map(|name| turn.get(*name).filter(|value| !value.is_null()).cloned());
    let (role, text) = (first(&["role", "sender", "from", "speaker", "author"]), first(&["text", "content", "message", "body"]));
    match (role, text) {
        (Some(role), Some(text)) => json!({ "role": role, "text": text }),
        _ => turn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_the_earlier_systems_are_known() {
        let told: Vec<_> =
            ["pending", "processing", "sent", "retry", "failed"].iter().map(|word| status(word).expect("known").as_str()).collect();
        assert_eq!(told, ["pending", "pending", "sent", "pending", "failed"]);
        assert_eq!(
            (status("Synced"), status(" In-Progress "), status("perhaps")),
            (Some(LeadStatus::Sent), Some(LeadStatus::Pending), None)
        );
    }

    #[test]
    fn a_moment_is_read_in_its_zone_and_never_guessed() {
        let read = |text: &str| moment(text, Tz::Asia__Dubai).map(|at| at.to_string());
        for text in [
            "2024-03-01T10:00:00+04:00",
            "2024-03-01 10:00:00",
            "2024-03-01T10:00",
            "2024-03-01 06:00:00 UTC",
            "1709272800",
            "1709272800000",
        ] {
            assert_eq!(read(text).as_deref(), Some("2024-03-01 06:00:00"), "{text}");
        }
        assert_eq!(read("2024-03-01").as_deref(), Some("2024-02-29 20:00:00"));
        for text in ["03/01/2024", "1.3.2024", "yesterday", "", "12", "2024-13-01"] {
            assert_eq!(read(text), None, "{text}");
        }
        let berlin = |text: &str| moment(text, Tz::Europe__Berlin).map(|at| at.to_string());
        assert_eq!(berlin("2024-10-27 02:30:00").as_deref(), Some("2024-10-27 00:30:00"), "there twice: the first");
        assert_eq!(berlin("2024-03-31 02:30:00").as_deref(), Some("2024-03-31 01:30:00"), "left out: the hour after");
    }

    #[test]
    fn lists_are_read_as_json_and_as_people_write_them() {
        assert_eq!(items(json!("G65 x 2; F-10")), Some(json!([{ "sku": "G65", "quantity": 2 }, { "sku": "F-10", "quantity": 1 }])));
        assert_eq!(items(json!("[{\"sku\":\"G65\"}]")), Some(json!([{ "sku": "G65" }])));
        assert_eq!(items(json!("[{")), None);
        assert_eq!(transcript(json!("[{\"sender\":\"user\",\"message\":\"hi\"}]")), json!([{ "role": "user", "text": "hi" }]));
        assert_eq!(transcript(json!("user: hi")), json!([{ "role": "conversation", "text": "user: hi" }]));
    }
}
