//! An event as Stripe delivers it: the envelope around an object. Read field by field rather than into a struct: new fields, new
//! enum values and nulls may come at any time, and the shapes of several API versions arrive side by side
//! (docs.stripe.com/webhooks/versioning, docs.stripe.com/upgrades, read 2026-11-21).

use chrono::DateTime;
use serde_json::Value;

use crate::clock::UtcTime;

/// One event, with the object it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `evt_…`, the same at every delivery.
    pub id: String,
    /// `checkout.session.completed`.
    pub kind: String,
    /// When it happened at Stripe; whole seconds, and ties are normal.
    pub created: UtcTime,
    /// None: a thin event does not always say.
    pub livemode: Option<bool>,
    /// The connected account it belongs to, if any.
    pub account: Option<String>,
    /// The version the object is rendered in.
    pub api_version: Option<String>,
    /// The object as it was then. None: a thin event, which names it only.
    pub object: Option<Value>,
}

/// Why a body is no event, in words for the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    #[error("The body is not JSON.")]
    NotJson,
    #[error("The body is JSON, but no event of Stripe: it needs an id, a type and a time of creation.")]
    NotAnEvent,
}

impl Event {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, NoEvent> {
        let event: Value = serde_json::from_slice(body).map_err(|_| NoEvent::NotJson)?;
        Self::read(&event).ok_or(NoEvent::NotAnEvent)
    }

    /// Reads an event that is JSON already, as a list of events holds it.
    pub fn read(event: &Value) -> Option<Self> {
        Some(Self {
            id: text(event, "id")?,
            kind: text(event, "type")?,
            created: moment(event.get("created")?)?,
            livemode: event.get("livemode").and_then(Value::as_bool),
            account: text(event, "account"),
            api_version: text(event, "api_version"),
            object: event.pointer("/data/object").filter(|object| object.is_object()).cloned(),
        })
    }
}

/// A text that is there and not empty.
pub(super) fn text(of: &Value, name: &str) -> Option<String> {
    of.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// Seconds since 1970; ISO 8601 in thin events.
pub(super) fn moment(value: &Value) -> Option<UtcTime> {
    match value {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.naive_utc()),
        number => DateTime::from_timestamp(number.as_i64()?, 0).map(|at| at.naive_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_read_whatever_else_is_in_it() {
        let body = json!({
            "id": "evt_1", "object": "event", "type": "a.type.of.tomorrow", "created": 1_785_340_000, "livemode": false, "request": "req_old",
            "api_version": null, "account": null, "data": { "object": { "id": "x" }, "new": [1] }, "context": "…",
        });
        let event = Event::parse(body.to_string().as_bytes()).expect("an event");
        assert_eq!((event.id.as_str(), event.kind.as_str(), event.created.to_string().as_str()), ("evt_1", "a.type.of.tomorrow", "2026-07-29 15:46:40"));
        assert_eq!((event.livemode, event.account, event.api_version), (Some(false), None, None));
        assert_eq!(event.object, Some(json!({ "id": "x" })));
    }

    #[test]
    fn a_thin_event_has_no_object_and_its_time_as_text() {
        let body = json!({
            "id": "evt_2", "object": "v2.core.event", "type": "v1.invoice.paid", "created": "2026-10-28T09:00:00.000Z",
            "related_object": { "id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1" },
        });
        let event = Event::parse(body.to_string().as_bytes()).expect("an event");
        assert_eq!((event.object, event.created.to_string().as_str()), (None, "2026-10-28 09:00:00"));
    }

    #[test]
    fn what_is_no_event_says_why() {
        assert_eq!(Event::parse(b"{\"id\":\"evt"), Err(NoEvent::NotJson));
        for other in [json!([]), json!({}), json!({ "id": "", "type": "x", "created": 1 }), json!({ "id": "e", "type": "x", "created": "soon" })] {
            assert_eq!(Event::parse(other.to_string().as_bytes()), Err(NoEvent::NotAnEvent), "{other}");
        }
    }
}
