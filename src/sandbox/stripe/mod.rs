//! Stripe, as far as we call it and are called by it. Its rules are those of docs.stripe.com (read 2026-11): a key by which it
//! knows us, forms instead of JSON, errors as an object `error`, events kept for 30 days.

mod events;
pub(super) mod pay_page;
pub mod samples;
mod sessions;
mod webhooks;

pub use self::webhooks::Webhook;

use std::collections::VecDeque;

use serde_json::{Value, json};

use self::events::Events;
use self::sessions::Sessions;
use crate::clock::UtcTime;
use crate::http::Method;
use crate::sandbox::answer::{SandboxAnswer, SandboxRequest};
use crate::sandbox::world::World;

/// The secret that its webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_sandbox0123456789abcdef";
/// A key that it takes; any other of test mode will do as well.
pub const SECRET_KEY: &str = "sk_test_sandbox";

/// So many webhooks wait; the oldest is given up first, and found among the events.
const UNTOLD_MAX: usize = 1_000;

/// What it remembers.
#[derive(Default)]
pub struct Stripe {
    events: Events,
    sessions: Sessions,
    /// Events that nobody was told of yet.
    untold: VecDeque<Value>,
    /// Keys are refused from now on.
    refuses_keys: bool,
    requests: u64,
}

impl Stripe {
    /// Something happens there: an event of this type about this object. Answers it as the webhook that tells of it.
    pub fn happen(&mut self, event_type: &str, object: &Value, at: UtcTime) -> Webhook {
        Webhook::of(self.events.add(event_type, object, at), at)
    }

    /// The same, and the webhook waits until somebody fetches it: the sandbox calls nobody.
    fn happen_and_queue(&mut self, event_type: &str, object: &Value, at: UtcTime) {
        let event = self.events.add(event_type, object, at);
        self.untold.push_back(event);
        if self.untold.len() > UNTOLD_MAX {
            self.untold.pop_front();
        }
    }

    /// What waits to be told, signed now.
    pub(super) fn take_webhooks(&mut self, now: UtcTime) -> Vec<Webhook> {
        pay_page::settle(self, now);
        self.untold.drain(..).map(|event| Webhook::of(event, now)).collect()
    }

    /// Every session there is, as the API shows it.
    pub(super) fn sessions(&self) -> Vec<Value> {
        self.sessions.told()
    }

    /// Takes no key any more, or takes them again.
    pub fn refuse_keys(&mut self, refuses: bool) {
        self.refuses_keys = refuses;
    }
}

/// Answers `/v1/…`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let (stripe, base_url) = (&mut world.stripe, &world.options.base_url);
    stripe.requests += 1;
    pay_page::settle(stripe, now);
    let mut answer = match refuse_caller(stripe, request) {
        Some(refusal) => refusal,
        None => route(stripe, request, (base_url, now)),
    };
    answer.headers.push(("request-id", format!("req_sandbox{}", stripe.requests)));
    answer
}

fn route(stripe: &mut Stripe, request: &SandboxRequest, (base_url, now): (&str, UtcTime)) -> SandboxAnswer {
    const SESSIONS: &str = "/v1/checkout/sessions";
    match (request.method, request.path.as_str()) {
        (Method::Get, "/v1/events") => stripe.events.list(request, now),
        (Method::Post, SESSIONS) => stripe.sessions.create(request, (base_url, now)),
        (Method::Post, path) if path.starts_with("/v1/checkout/sessions/") && path.ends_with("/expire") => {
            pay_page::expire(stripe, path[SESSIONS.len() + 1..].trim_end_matches("/expire"), now)
        }
        (Method::Get, path) if path.starts_with("/v1/checkout/sessions/") => stripe.sessions.show(&path[SESSIONS.len() + 1..]),
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
    SandboxAnswer::json(201, &webhook.told())
}

/// `POST /__stripe/webhooks`: the webhooks that wait, signed now, each answered once.
pub(super) fn take(world: &mut World, now: UtcTime) -> SandboxAnswer {
    let webhooks = world.stripe.take_webhooks(now).into_iter().map(|webhook| webhook.told());
    SandboxAnswer::json(200, &webhooks.collect())
}
