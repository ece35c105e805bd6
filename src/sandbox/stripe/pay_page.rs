//! The page on which a person pays with a test card. What comes of it is told by events, and only by them.

use askama::Template;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Stripe;
use super::sessions::{Session, value};
use crate::clock::UtcTime;
use crate::http::Method;
use crate::integrations::stripe::amounts;
use crate::money::{Currency, Money};
use crate::sandbox::answer::{SandboxAnswer, SandboxRequest};

/// Stripe's own test cards (docs.stripe.com/testing, read 2026-11).
const CARD_TAKEN: &str = "4242424242424242";
const CARD_DECLINED: &str = "4000000000000002";
/// How long a bank takes here; a real one takes days.
const BANK_TAKES: TimeDelta = TimeDelta::seconds(20);

#[derive(Template)]
#[template(path = "sandbox/pay.html")]
struct PayPage<'a> {
    id: &'a str,
    lines: &'a [String],
    total: String,
    email: &'a str,
    /// Why the last card was not taken; empty at first.
    declined: &'a str,
    cancel_url: &'a str,
}

/// What a person fills in.
struct Filled<'a> {
    way: &'a str,
    card: String,
    email: Option<String>,
}

/// Answers `/pay/<id>`.
pub(in crate::sandbox) fn answer(stripe: &mut Stripe, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    settle(stripe, now);
    let id = request.path.trim_start_matches("/pay/").to_owned();
    let Some(session) = stripe.sessions.by_id.get(&id) else { return SandboxAnswer::html(404, "<h1>There is no such page</h1>") };
    if !session.is_open(now) {
        return SandboxAnswer::html(410, "<h1>This page is closed</h1><p>It was paid, or it ran out.</p>");
    }
    match request.method {
        Method::Post => pay(stripe, &id, &request.form(), now),
        _ => page(session, 200, ""),
    }
}

fn page(session: &Session, status: u16, declined: &str) -> SandboxAnswer {
    let text = |name: &str| session.text(name);
    let amount = session.object["amount_total"].as_i64().unwrap_or_default();
    let total = match Currency::parse(text("currency")) {
        Ok(currency) => Money::new(amounts::told(amount, text("currency")), currency).to_string(),
        Err(_) => amount.to_string(),
    };
    let (id, email, cancel_url) = (text("id"), text("customer_email"), text("cancel_url"));
    let page = PayPage { id, lines: &session.lines, total, email, declined, cancel_url };
    SandboxAnswer::html(status, &page.render().unwrap_or_default())
}

fn pay(stripe: &mut Stripe, id: &str, form: &[(String, String)], now: UtcTime) -> SandboxAnswer {
    let Some(session) = stripe.sessions.by_id.get_mut(id) else { return SandboxAnswer::empty(404) };
    let known = session.object["customer_email"].as_str().map(str::to_owned);
    let filled = Filled {
        way: value(form, "way"),
        card: value(form, "card").chars().filter(char::is_ascii_digit).collect(),
        email: Some(value(form, "email").to_owned()).filter(|email| !email.is_empty()).or(known),
    };
    match (filled.way, filled.card.as_str()) {
        ("bank", _) => {
            session.settles_at = Some(now + BANK_TAKES);
            complete(session, &filled, "unpaid");
            let (object, payment, back) = (session.object.clone(), payment(session, "processing", now), back(session));
            stripe.happen_and_queue("payment_intent.processing", &payment, now);
            stripe.happen_and_queue("checkout.session.completed", &object, now);
            back
        }
        (_, CARD_TAKEN) => {
            complete(session, &filled, "paid");
            let (object, payment, charge) = (session.object.clone(), payment(session, "succeeded", now), charge(session, now));
            let back = back(session);
            stripe.happen_and_queue("payment_intent.succeeded", &payment, now);
            stripe.happen_and_queue("charge.succeeded", &charge, now);
            stripe.happen_and_queue("checkout.session.completed", &object, now);
            back
        }
        (_, CARD_DECLINED) => {
            let mut payment = payment(session, "requires_payment_method", now);
            let told = "Your card was declined.";
            payment["last_payment_error"] =
                json!({ "code": "card_declined", "decline_code": "generic_decline", "message": told, "type": "card_error" });
            let page = page(session, 402, told);
            stripe.happen_and_queue("payment_intent.payment_failed", &payment, now);
            page
        }
        _ => page(session, 402, "This is no test card. Take 4242 4242 4242 4242, or 4000 0000 0000 0002 to be declined."),
    }
}

/// What time alone brings: pages that run out, and money that a bank has sent.
pub(super) fn settle(stripe: &mut Stripe, now: UtcTime) {
    let mut happened = Vec::new();
    for session in stripe.sessions.by_id.values_mut() {
        if session.object["status"] == "open" && now >= session.expires_at {
            session.object["status"] = json!("expired");
            session.object["url"] = Value::Null;
            happened.push(("checkout.session.expired", session.object.clone(), session.expires_at));
        }
        if let Some(at) = session.settles_at.filter(|at| now >= *at) {
            session.settles_at = None;
            session.object["payment_status"] = json!("paid");
            happened.push(("payment_intent.succeeded", payment(session, "succeeded", at), at));
            happened.push(("charge.succeeded", charge(session, at), at));
            happened.push(("checkout.session.async_payment_succeeded", session.object.clone(), at));
        }
    }
    for (event_type, object, at) in happened {
        stripe.happen_and_queue(event_type, &object, at);
    }
}

/// `POST /v1/checkout/sessions/<id>/expire`: only an open one can be (docs.stripe.com/api/checkout/sessions/expire, read 2026-11).
pub(super) fn expire(stripe: &mut Stripe, id: &str, now: UtcTime) -> SandboxAnswer {
    let Some(session) = stripe.sessions.by_id.get_mut(id) else { return stripe.sessions.show(id) };
    if session.object["status"] != "open" {
        let told = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `{}`.",
            session.text("status")
        );
        return super::refused(400, json!({ "message": told, "type": "invalid_request_error" }));
    }
    session.object["status"] = json!("expired");
    session.object["url"] = Value::Null;
    let object = session.object.clone();
    stripe.happen_and_queue("checkout.session.expired", &object, now);
    SandboxAnswer::json(200, &object)
}

fn complete(session: &mut Session, filled: &Filled<'_>, payment_status: &str) {
    let payment_id = payment_id(session);
    let object = &mut session.object;
    object["status"] = json!("complete");
    object["payment_status"] = json!(payment_status);
    object["payment_intent"] = json!(payment_id);
    object["url"] = Value::Null;
    object["customer_details"] = json!({ "email": filled.email, "name": null });
}

fn payment_id(session: &Session) -> String {
    session.text("id").replacen("cs_test", "pi", 1)
}

fn payment(session: &Session, status: &str, now: UtcTime) -> Value {
    let amount = &session.object["amount_total"];
    let has_succeeded = status == "succeeded";
    json!({
        "id": payment_id(session), "object": "payment_intent", "amount": amount, "amount_received": if has_succeeded { amount.clone() } else { json!(0) },
        "currency": session.object["currency"], "status": status, "created": now.and_utc().timestamp(), "customer": null,
        "metadata": session.payment_metadata, "last_payment_error": null,
        "latest_charge": has_succeeded.then(|| session.text("id").replacen("cs_test", "ch", 1)),
    })
}

fn charge(session: &Session, now: UtcTime) -> Value {
    json!({
        "id": session.text("id").replacen("cs_test", "ch", 1), "object": "charge", "amount": session.object["amount_total"], "amount_refunded": 0,
        "currency": session.object["currency"], "status": "succeeded", "paid": true, "refunded": false, "created": now.and_utc().timestamp(),
        "payment_intent": payment_id(session), "metadata": session.payment_metadata, "customer": null,
        "billing_details": { "email": session.object.pointer("/customer_details/email") },
    })
}

/// Where the person is sent after paying.
fn back(session: &Session) -> SandboxAnswer {
    let to = session.text("success_url").replace("{CHECKOUT_SESSION_ID}", session.text("id"));
    SandboxAnswer { headers: vec![("location", to)], ..SandboxAnswer::empty(303) }
}
