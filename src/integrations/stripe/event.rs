//! An event as its interpreter needs it: the head, and the object as it was then. The object is read field by field rather than
//! into a struct: new fields, new values and nulls may come at any time, and the shapes of several API versions arrive side by
//! side (docs.stripe.com/upgrades, read 2026-11-21).

use serde_json::Value;

use super::envelope::Envelope;
use crate::clock::UtcTime;

/// One event, with the object it is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub head: Envelope,
    /// When it happened at Stripe; whole seconds, and ties are normal.
    pub at: UtcTime,
    /// None: a thin event, which names its object only.
    pub object: Option<Value>,
}

impl Event {
    /// Reads a body; None: it is no event, or does not say when it happened.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let head = Envelope::read(body)?;
        let event: Value = serde_json::from_slice(body).ok()?;
        let object = event.pointer("/data/object").filter(|object| object.is_object()).cloned();
        Some(Self { at: head.happened_at?, head, object })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(event: &Value) -> Option<Event> {
        Event::parse(event.to_string().as_bytes())
    }

    #[test]
    fn an_event_carries_its_object_or_names_it() {
        let snapshot = parse(&json!({ "id": "evt_1", "type": "x", "created": 1_785_340_000, "data": { "object": { "id": "x_1" } } }))
            .expect("an event");
        assert_eq!((snapshot.at.to_string().as_str(), snapshot.object), ("2026-07-29 15:46:40", Some(json!({ "id": "x_1" }))));
        let thin =
            json!({ "id": "evt_2", "type": "v1.invoice.paid", "created": "2026-10-28T09:00:00.000Z", "related_object": { "id": "in_1" } });
        assert_eq!(parse(&thin).expect("an event").object, None);
    }

    #[test]
    fn what_does_not_say_when_it_happened_is_none() {
        for other in [json!([]), json!({}), json!({ "id": "e", "type": "x" }), json!({ "id": "e", "type": "x", "created": "soon" })] {
            assert_eq!(parse(&other), None, "{other}");
        }
        assert_eq!(Event::parse(b"{\"id\":\"evt"), None);
    }
}
