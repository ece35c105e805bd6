//! The head that every event of Stripe has, whatever it is about. Nothing in it may be relied on but its id and its type: fields
//! come and go with the version of the API that an endpoint was made with, and null is possible everywhere.

use chrono::DateTime;
use serde::Deserialize;
use serde_json::Value;

use crate::clock::UtcTime;

/// The longest id that Stripe reserves to itself.
const ID_MAX: usize = 255;

/// What is read of an event before anybody interprets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `evt_…`: the same however often it is sent.
    pub id: String,
    /// `charge.refunded`; of thin events `v1.charge.refunded`.
    pub event_type: String,
    /// To the second.
    pub happened_at: Option<UtcTime>,
    pub livemode: Option<bool>,
    /// The connected account it is about; None: our own.
    pub account: Option<String>,
    /// As which version it is written: that of the endpoint, not of our calls.
    pub api_version: Option<String>,
    /// What it is about: `ch_…`.
    pub object_id: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    id: Value,
    #[serde(default, rename = "type")]
    event_type: Value,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    livemode: Value,
    #[serde(default)]
    account: Value,
    #[serde(default)]
    api_version: Value,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    related_object: Option<Object>,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    object: Option<Object>,
}

#[derive(Default, Deserialize)]
struct Object {
    #[serde(default)]
    id: Value,
}

impl Envelope {
    /// Reads the head of an event; None: this is no event.
    pub fn read(body: &[u8]) -> Option<Self> {
        let raw: Raw = serde_json::from_slice(body).ok()?;
        let object = raw.data.and_then(|data| data.object).or(raw.related_object).unwrap_or_default();
        let object_id = text(&object.id);
        Some(Self {
            id: text(&raw.id)?,
            event_type: text(&raw.event_type)?,
            happened_at: moment(&raw.created),
            livemode: raw.livemode.as_bool(),
            account: text(&raw.account),
            api_version: text(&raw.api_version),
            object_id,
        })
    }
}

/// NUL cannot be stored by PostgreSQL, and no id of Stripe has one.
pub(super) fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty() && text.len() <= ID_MAX && !text.contains('\0')).map(str::to_owned)
}

/// Seconds since 1970; of thin events a text.
pub(super) fn moment(created: &Value) -> Option<UtcTime> {
    match created {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok().map(|at| at.naive_utc()),
        _ => DateTime::from_timestamp(created.as_i64()?, 0).map(|at| at.naive_utc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(event: &Value) -> Option<Envelope> {
        Envelope::read(event.to_string().as_bytes())
    }

    #[test]
    fn an_event_is_known_by_its_head() {
        let event = read(&json!({
            "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1_795_000_000, "livemode": false,
            "type": "charge.refunded", "data": {"object": {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"}},
            "request": {"id": null, "idempotency_key": null}, "pending_webhooks": 1,
        }))
        .expect("an event");
        assert_eq!((event.id.as_str(), event.event_type.as_str(), event.livemode), ("evt_1", "charge.refunded", Some(false)));
        assert_eq!(event.object_id.as_deref(), Some("ch_1"));
        assert_eq!(event.happened_at, DateTime::from_timestamp(1_795_000_000, 0).map(|at| at.naive_utc()));
    }

    #[test]
    fn whatever_is_missing_null_or_of_another_type_is_no_reason_to_fail() {
        for odd in [
            json!({"id": "evt_1", "type": "x"}),
            json!({"id": "evt_1", "type": "x", "api_version": null, "request": "req_1", "account": null, "data": null, "created": null}),
            json!({"id": "evt_1", "type": "x", "livemode": "no", "data": {"object": null}, "created": "yesterday"}),
            json!({"id": "evt_1", "type": "x", "data": {"object": {"id": 7, "payment_intent": {"object": "payment_intent"}}}}),
        ] {
            let event = read(&odd).unwrap_or_else(|| panic!("{odd} is an event"));
            assert_eq!((event.object_id, event.livemode, event.happened_at), (None, None, None), "{odd}");
        }
    }

    #[test]
    fn a_thin_event_is_one_too() {
        let thin = json!({
            "id": "evt_test_1", "object": "v2.core.event", "type": "v1.charge.refunded", "livemode": true,
            "created": "2026-11-22T09:00:00.123Z", "related_object": {"id": "ch_1", "type": "charge", "url": "/v1/charges/ch_1"},
        });
        let thin = read(&thin).expect("an event");
        assert_eq!((thin.event_type.as_str(), thin.object_id.as_deref()), ("v1.charge.refunded", Some("ch_1")));
        assert_eq!(thin.happened_at.map(|at| at.to_string()).as_deref(), Some("2026-11-22 09:00:00.123"));
    }

    #[test]
    fn what_has_neither_id_nor_type_is_no_event() {
        let long = "e".repeat(256);
        for other in [json!([]), json!({}), json!({"id": "evt_1"}), json!({"id": "", "type": "x"}), json!({"id": long, "type": "x"})] {
            assert_eq!(read(&other), None, "{other}");
        }
        assert_eq!(Envelope::read(b"{\"id\":\"evt_1\",\"type\":\"x\""), None, "cut off");
        assert_eq!(Envelope::read(&[0xff, 0xfe]), None);
        assert_eq!(Envelope::read(br#"{"id":"evt_\u0000","type":"x"}"#), None, "NUL");
    }
}
