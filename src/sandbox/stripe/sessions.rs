//! `POST /v1/checkout/sessions` and what it made, with Stripe's rules for keys: the same key with the same form is answered with
//! what the first call made, and with another form it is refused (docs.stripe.com/api/idempotent_requests, read 2026-11).

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::refused;
use crate::clock::UtcTime;
use crate::sandbox::answer::{SandboxAnswer, SandboxRequest};

/// So long a page stays open.
const OPEN_FOR: TimeDelta = TimeDelta::hours(24);
/// What may be sent. `payment_method_types` was taken out on 2026-09-30.
const PARAMETERS: [&str; 8] =
    ["mode", "line_items", "success_url", "cancel_url", "customer_email", "client_reference_id", "metadata", "payment_intent_data"];
/// The largest amount of one unit.
const AMOUNT_MAX: i64 = 99_999_999;

/// Sessions, and the answers that were given under a key.
#[derive(Default)]
pub(super) struct Sessions {
    pub by_id: BTreeMap<String, Session>,
    answered: HashMap<String, (Vec<u8>, Value)>,
}

/// A page to pay on.
pub(super) struct Session {
    /// As the API shows it.
    pub object: Value,
    pub payment_metadata: Value,
    /// What is bought, in words.
    pub lines: Vec<String>,
    pub expires_at: UtcTime,
    /// When a bank's money will have come.
    pub settles_at: Option<UtcTime>,
}

impl Sessions {
    /// Opens one, or answers what was opened under this key.
    pub fn create(&mut self, request: &SandboxRequest, (base_url, now): (&str, UtcTime)) -> SandboxAnswer {
        let key = request.idempotency_key.clone().unwrap_or_default();
        if let Some((body, answer)) = self.answered.get(&key) {
            if *body != request.body {
                let told = "Keys for idempotent requests can only be used with the same parameters they were first used with.";
                return refused(400, json!({ "message": told, "type": "idempotency_error" }));
            }
            let mut answer = SandboxAnswer::json(200, answer);
            answer.headers.push(("idempotent-replayed", "true".into()));
            return answer;
        }
        let form = request.form();
        // Refusals of what was sent are not kept under the key.
        if let Err((param, told)) = check(&form) {
            return refused(400, json!({ "message": told, "param": param, "type": "invalid_request_error" }));
        }
        let session = open(&form, (self.by_id.len() + 1, base_url, now));
        let (id, object) = (session.id(), session.object.clone());
        self.by_id.insert(id, session);
        if !key.is_empty() {
            self.answered.insert(key, (request.body.clone(), object.clone()));
        }
        SandboxAnswer::json(200, &object)
    }

    /// One as it stands.
    pub fn show(&self, id: &str) -> SandboxAnswer {
        match self.by_id.get(id) {
            Some(session) => SandboxAnswer::json(200, &session.object),
            None => {
                let told = format!("No such checkout.session: '{id}'");
                refused(404, json!({ "code": "resource_missing", "message": told, "param": "session", "type": "invalid_request_error" }))
            }
        }
    }

    /// All of them, oldest first.
    pub fn told(&self) -> Vec<Value> {
        self.by_id.values().map(|session| session.object.clone()).collect()
    }
}

impl Session {
    pub fn id(&self) -> String {
        self.text("id").to_owned()
    }

    pub fn text(&self, name: &str) -> &str {
        self.object[name].as_str().unwrap_or_default()
    }

    /// Somebody can pay there.
    pub fn is_open(&self, now: UtcTime) -> bool {
        self.object["status"] == "open" && now < self.expires_at
    }
}

fn check(form: &[(String, String)]) -> Result<(), (String, String)> {
    let is_known = |name: &str| PARAMETERS.contains(&name.split('[').next().unwrap_or_default());
    if let Some((name, _)) = form.iter().find(|(name, _)| !is_known(name)) {
        return Err((name.clone(), format!("Received unknown parameter: {name}")));
    }
    for needed in ["mode", "success_url", "line_items[0][quantity]", "line_items[0][price_data][currency]"] {
        if value(form, needed).is_empty() {
            return Err((needed.into(), format!("Missing required param: {needed}.")));
        }
    }
    for (name, amount) in form.iter().filter(|(name, _)| name.ends_with("[unit_amount]")) {
        if !amount.parse::<i64>().is_ok_and(|amount| (0..=AMOUNT_MAX).contains(&amount)) {
            return Err((name.clone(), format!("Invalid integer: {amount}")));
        }
    }
    Ok(())
}

/// A field of a form; empty where it is not.
pub(super) fn value<'a>(form: &'a [(String, String)], name: &str) -> &'a str {
    form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

fn metadata(form: &[(String, String)], place: &str) -> Value {
    let pairs = form.iter().filter_map(|(name, value)| {
        let key = name.strip_prefix(place)?.strip_prefix('[')?.strip_suffix(']')?;
        Some((key.to_owned(), Value::from(value.clone())))
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn open(form: &[(String, String)], (number, base_url, now): (usize, &str, UtcTime)) -> Session {
    let (mut total, mut lines) = (0_i64, Vec::new());
    for place in 0.. {
        let of = |name: &str| value(form, &format!("line_items[{place}]{name}")).to_owned();
        let Ok(quantity) = of("[quantity]").parse::<i64>() else { break };
        let unit: i64 = of("[price_data][unit_amount]").parse().unwrap_or_default();
        total = total.saturating_add(quantity.saturating_mul(unit));
        lines.push(format!("{quantity} × {}", of("[price_data][product_data][name]")));
    }
    let id = format!("cs_test_sandbox{number:06}");
    let given = |name: &str| Some(value(form, name).to_owned()).filter(|text| !text.is_empty());
    let expires_at = now + OPEN_FOR;
    let object = json!({
        "id": id, "object": "checkout.session", "mode": value(form, "mode"), "status": "open", "payment_status": "unpaid",
        "amount_total": total, "currency": value(form, "line_items[0][price_data][currency]"), "url": format!("{base_url}/pay/{id}"),
        "created": now.and_utc().timestamp(), "expires_at": expires_at.and_utc().timestamp(), "livemode": false,
        "client_reference_id": given("client_reference_id"), "metadata": metadata(form, "metadata"), "payment_intent": null,
        "customer": null, "customer_email": given("customer_email"), "customer_details": null, "invoice": null, "subscription": null,
        "success_url": value(form, "success_url"), "cancel_url": given("cancel_url"),
    });
    let payment_metadata = metadata(form, "payment_intent_data[metadata]");
    Session { object, payment_metadata, lines, expires_at, settles_at: None }
}
