//! Stripe, as far as we call it and are called by it. Its rules are those of docs.stripe.com (read 2026-11): a key by which it
//! knows us, forms instead of JSON, errors as an object `error`, events kept for 30 days.

mod events;
pub mod samples;
mod webhooks;

pub use self::webhooks::Webhook;

use serde_json::{Value, json};

use self::events::Events;
use crate::clock::UtcTime;
use crate::http::Method;
use crate::sandbox::answer::{SandboxAnswer, SandboxRequest};
use crate::sandbox::world::World;

/// The secret that its webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_sandbox0123456789abcdef";
/// A key that it takes; any other of test mode will do as well.
pub const SECRET_KEY: &str = "sk_test_sandbox";

/// What it remembers.
#[derive(Default)]
pub struct Stripe {
    events: Events,
    /// Keys are refused from now on.
    refuses_keys: bool,
    requests: u64,
}

impl Stripe {
    /// Something happens there: an event of this type about this object. Answers it as the webhook that tells of it.
    pub fn happen(&mut self, event_type: &str, object: &Value, at: UtcTime) -> Webhook {
        Webhook::of(self.events.add(event_type, object, at), at)
    }

    /// Takes no key any more, or takes them again.
    pub fn refuse_keys(&mut self, refuses: bool) {
        self.refuses_keys = refuses;
    }
}

/// Answers `/v1/…`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let stripe = &mut world.stripe;
    stripe.requests += 1;
    let mut answer = refuse_caller(stripe, request).unwrap_or_else(|| route(stripe, request, now));
    answer.headers.push(("request-id", format!("req_sandbox{}", stripe.requests)));
    answer
}

fn route(stripe: &Stripe, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    match (request.method, request.path.as_str()) {
        (Method::Get, "/v1/events") => stripe.events.list(request, now),
        (method, path) => {
            let told = format!("Unrecognized request URL ({}: {path}). Please see https://stripe.com/docs.", method.as_str());
            refused(404, json!({ "message": told, "type": "invalid_request_error" }))
        }
    }
}

/// Who has no key, or sends JSON.
fn refuse_caller(stripe: &Stripe, request: &SandboxRequest) -> Option<SandboxAnswer> {
    let key = request.authorization.as_deref().and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
    if key.is_empty() {
        let told = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.";
        return Some(refused(401, json!({ "message": told, "type": "invalid_request_error" })));
    }
    if stripe.refuses_keys || !["sk_test_", "rk_test_"].iter().any(|start| key.starts_with(start)) {
        return Some(refused(401, json!({ "message": "Invalid API Key provided: sk_test_********", "type": "invalid_request_error" })));
    }
    let is_form = request.content_type.as_deref().is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if request.method == Method::Post && !request.body.is_empty() && !is_form {
        let told = "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have questions, we \
                    can help at https://support.stripe.com/.";
        return Some(refused(400, json!({ "message": told, "type": "invalid_request_error" })));
    }
    None
}

/// An error as Stripe writes it.
pub(super) fn refused(status: u16, error: Value) -> SandboxAnswer {
    SandboxAnswer::json(status, &json!({ "error": error }))
}

/// `POST /__stripe/events {"type", "object"}`: something happens there. Answers the webhook that tells of it, signed; whoever
/// asked for it posts it, since the sandbox calls nobody.
pub(super) fn script(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    let Some(event_type) = body["type"].as_str() else {
        return SandboxAnswer::json(422, &json!({ "detail": "expected {\"type\": \"charge.refunded\", \"object\": {…}}" }));
    };
    let webhook = world.stripe.happen(event_type, &body["object"], now);
    let text = String::from_utf8_lossy(&webhook.body);
    SandboxAnswer::json(201, &json!({ "id": webhook.event_id, "body": text, "signature": webhook.signature }))
}
