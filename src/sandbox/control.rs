//! What tests and people ask of the sandbox itself: ledgers, faults, the clock. Every address begins with `/__`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::answer::{SandboxAnswer, SandboxRequest};
use super::crm;
use super::faults::Fault;
use super::mail::SunkMail;
use super::stripe;
use super::world::World;
use crate::clock::UtcTime;
use crate::http::Method;

/// Answers `/__…`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    match (request.method, request.path.as_str()) {
        (Method::Get, "/__ledger/zoho/crm/leads") => SandboxAnswer::json(200, &json!(world.leads.ledger())),
        (Method::Get, "/__ledger/zoho/crm/notes") => SandboxAnswer::json(200, &world.notes.iter().map(crm::told).collect()),
        (Method::Get, "/__ledger/zoho/books") => SandboxAnswer::json(200, &world.books.ledger()),
        (Method::Get, "/__ledger/zoho/usage") => usage(world),
        (Method::Get, "/__ledger/mail") => SandboxAnswer::json(200, &world.mails.all().iter().map(SunkMail::told).collect()),
        (Method::Post, "/__books/contacts") => contact(world, request),
        (Method::Post, "/__stripe/events") => stripe::script(world, request, now),
        (Method::Post, "/__stripe/webhooks") => stripe::take(world, now),
        (Method::Get, "/__ledger/stripe/checkout_sessions") => SandboxAnswer::json(200, &json!(world.stripe.sessions())),
        (Method::Post, "/__mail/faults") => script_mail(world, request),
        (Method::Delete, "/__mail/faults") => {
            world.mails.clear_faults();
            SandboxAnswer::json(200, &json!([]))
        }
        (Method::Get, "/__faults") => SandboxAnswer::json(200, &json!(world.faults.list())),
        (Method::Delete, "/__faults") => clear(world),
        (Method::Post, "/__faults") => script(world, request),
        (Method::Post, "/__clock") => advance(world, request),
        (Method::Post, "/__revoke") => revoke(world, request),
        (Method::Post, "/__field") => field(world, request),
        (Method::Get, "/__health") => SandboxAnswer::json(
            200,
            &json!({ "sandbox": "zoho", "smtp_url": world.smtp_port.map(|port| format!("smtp://127.0.0.1:{port}?tls=none")) }),
        ),
        _ => problem(404, "there is nothing here; docs/sandbox.md lists what there is"),
    }
}

fn usage(world: &World) -> SandboxAnswer {
    SandboxAnswer::json(
        200,
        &json!({
            "calls": world.calls,
            "credits_used": world.credits.total(),
            "credits_max": world.options.edition.credits_max(),
            "in_flight_max": world.in_flight_max,
            "consented_grants": world.tokens.consented(),
            "concurrency_max": world.options.edition.concurrency_max(),
        }),
    )
}

fn clear(world: &mut World) -> SandboxAnswer {
    world.faults.clear();
    SandboxAnswer::json(200, &json!([]))
}

/// One fault, several in an array, or `{"clear": true}`.
fn script(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    if body["clear"] == true {
        return clear(world);
    }
    let wanted = if body.is_array() { body } else { json!([body]) };
    match serde_json::from_value::<Vec<Fault>>(wanted) {
        Ok(faults) => {
            let ids: Vec<_> = faults.into_iter().map(|fault| world.faults.add(fault)).collect();
            SandboxAnswer::json(201, &json!({ "ids": ids }))
        }
        Err(cause) => problem(422, &format!("not a fault: {cause}")),
    }
}

/// Somebody deletes a contact in Books, or merges it into another.
fn contact(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    let text = |name: &str| body[name].as_str();
    let is_done = match (text("delete"), text("void"), text("merge").zip(text("into"))) {
        (Some(id), None, None) => world.books.delete_contact(id),
        (None, Some(id), None) => world.books.void_contact(id),
        (None, None, Some((id, into))) => world.books.merge_contact(id, into),
        _ => return problem(422, "expected {\"delete\": id}, {\"void\": id} or {\"merge\": id, \"into\": id}"),
    };
    match is_done {
        true => SandboxAnswer::json(200, &world.books.ledger()["contacts"]),
        false => problem(409, "Books has no such contact, or something is booked to it"),
    }
}

fn script_mail(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    match world.mails.script(request.json().unwrap_or_default()) {
        Ok(()) => SandboxAnswer::json(201, &json!([])),
        Err(why) => problem(422, &why),
    }
}

fn advance(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let step = request.json().and_then(|body| body["advance_s"].as_i64()).filter(|seconds| *seconds >= 0).and_then(TimeDelta::try_seconds);
    let Some(offset) = step.and_then(|step| world.clock_offset.checked_add(&step)) else {
        return problem(422, "expected {\"advance_s\": seconds}, not negative");
    };
    world.clock_offset = offset;
    SandboxAnswer::json(200, &json!({ "ahead_s": offset.num_seconds() }))
}

fn revoke(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    match body["what"].as_str() {
        Some("access_tokens") => world.tokens.revoke_access(),
        Some("refresh_token") => drop(world.tokens.revoke_grant()),
        _ => return problem(422, "expected {\"what\": \"access_tokens\" or \"refresh_token\"}"),
    }
    SandboxAnswer::json(200, &json!({ "refresh_token": world.tokens.grant() }))
}

/// The field for the ids of others: there and unique, there, or not.
fn field(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    let name = body["name"].as_str().unwrap_or("External_Lead_Id");
    match body["state"].as_str() {
        Some("unique") => world.leads.set_own_field(Some(name), true),
        Some("not_unique") => world.leads.set_own_field(Some(name), false),
        Some("missing") => world.leads.set_own_field(None, true),
        _ => {
            return problem(
                422,
                "expected {\"state\": \"unique\", \"not_unique\" or \"missing\"}, and \"name\" where it is not External_Lead_Id",
            );
        }
    }
    SandboxAnswer::json(200, &json!({ "name": world.leads.own_field(), "unique": world.leads.external_field().is_some() }))
}

fn problem(status: u16, detail: &str) -> SandboxAnswer {
    SandboxAnswer::json(status, &Value::from_iter([("detail".to_owned(), json!(detail))]))
}
