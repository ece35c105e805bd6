//! The events that Stripe keeps, and `GET /v1/events`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::refused;
use crate::clock::UtcTime;
use crate::integrations::stripe::api::VERSION;
use crate::sandbox::answer::{SandboxAnswer, SandboxRequest};

/// So long they are kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// What may be asked for.
const PARAMETERS: [&str; 7] = ["limit", "starting_after", "ending_before", "created[gte]", "created[gt]", "created[lte]", "created[lt]"];

/// All events, in the order in which they happened.
#[derive(Default)]
pub struct Events(Vec<(i64, Value)>);

impl Events {
    /// Adds one. Times are told to the second, so that several may share theirs.
    pub fn add(&mut self, event_type: &str, object: &Value, at: UtcTime) -> Value {
        let created = at.and_utc().timestamp();
        let event = json!({
            "id": format!("evt_sandbox{:06}", self.0.len() + 1),
            "object": "event",
            "api_version": VERSION,
            "created": created,
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": 1,
            "request": { "id": null, "idempotency_key": null },
            "type": event_type,
        });
        self.0.push((created, event.clone()));
        event
    }

    /// A page, newest first.
    pub fn list(&self, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
        if let Some((name, _)) = request.query.iter().find(|(name, _)| !PARAMETERS.contains(&name.as_str())) {
            let told = format!("Received unknown parameter: {name}");
            return refused(400, json!({ "code": "parameter_unknown", "message": told, "param": name, "type": "invalid_request_error" }));
        }
        let limit = request.param("limit").map_or(Some(10), |limit| limit.parse().ok()).filter(|limit| (1..=100).contains(limit));
        let Some(limit) = limit else {
            return refused(
                400,
                json!({ "message": "This value must be between 1 and 100.", "param": "limit", "type": "invalid_request_error" }),
            );
        };
        let seconds = |name: &str| request.param(name).and_then(|text| text.parse::<i64>().ok());
        let oldest = (now - KEPT).and_utc().timestamp();
        let fits = |created: i64| {
            created >= oldest
                && seconds("created[gte]").is_none_or(|bound| created >= bound)
                && seconds("created[gt]").is_none_or(|bound| created > bound)
                && seconds("created[lte]").is_none_or(|bound| created <= bound)
                && seconds("created[lt]").is_none_or(|bound| created < bound)
        };
        let kept: Vec<&Value> = self.0.iter().rev().filter(|(created, _)| *created >= oldest).map(|(_, event)| event).collect();
        let found: Vec<&Value> = self.0.iter().rev().filter(|(created, _)| fits(*created)).map(|(_, event)| event).collect();
        match window(&kept, &found, request, limit) {
            Ok((page, has_more)) => {
                SandboxAnswer::json(200, &json!({ "object": "list", "url": "/v1/events", "has_more": has_more, "data": page }))
            }
            Err((param, id)) => {
                let told = format!("No such event: '{id}'");
                refused(400, json!({ "code": "resource_missing", "message": told, "param": param, "type": "invalid_request_error" }))
            }
        }
    }
}

/// The page, and whether there is more in the direction of the walk. Err: it is to begin at an event that is not there (any more).
fn window<'a>(
    kept: &[&'a Value],
    found: &[&'a Value],
    request: &SandboxRequest,
    limit: usize,
) -> Result<(Vec<&'a Value>, bool), (&'static str, String)> {
    // Places among those found, of one that itself may not be among them.
    let place = |param: &'static str, id: &str| {
        let at = kept.iter().position(|event| event["id"] == id).ok_or_else(|| (param, id.to_owned()))?;
        let newer = found.iter().filter(|event| kept.iter().position(|other| other["id"] == event["id"]).is_some_and(|other| other < at));
        let is_found = found.iter().any(|event| event["id"] == id);
        Ok::<_, (&'static str, String)>((newer.count(), usize::from(is_found)))
    };
    if let Some(id) = request.param("ending_before") {
        let (end, _) = place("ending_before", id)?;
        let start = end.saturating_sub(limit);
        return Ok((found[start..end].to_vec(), start > 0));
    }
    let start = match request.param("starting_after") {
        Some(id) => place("starting_after", id).map(|(newer, itself)| newer + itself)?,
        None => 0,
    };
    let end = (start + limit).min(found.len());
    Ok((found[start..end].to_vec(), end < found.len()))
}
