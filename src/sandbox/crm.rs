//! Zoho CRM v8: who may call, how much, and what each address does.

use serde_json::{Map, Value, json};

use super::answer::{SandboxAnswer, SandboxRequest};
use super::coql::Query;
use super::fields;
use super::leads::stamp;
use super::limits::HEAVY_AT_ONCE_MAX;
use super::tokens::{Grant, Organisation};
use super::world::{Note, World};
use crate::clock::UtcTime;
use crate::http::Method;

/// Records in one call.
const RECORDS_MAX: usize = 100;
/// So many records of one call cost one credit (inferred: Zoho names it for inserts only).
const RECORDS_PER_CREDIT: usize = 10;
const TITLE_LENGTH_MAX: usize = 120;

/// Answers `/crm/v8/{path}`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, path: &str, now: UtcTime) -> SandboxAnswer {
    let parts: Vec<_> = path.split('/').collect();
    let grant = match admitted(world, request, parts.as_slice(), now) {
        Ok(grant) => grant,
        Err(refusal) => return refusal,
    };
    match (request.method, parts.as_slice()) {
        (Method::Get, ["org"]) => organisation(grant.organisation),
        (Method::Get, ["settings", "fields"]) => settings(world, request),
        (Method::Post, ["Leads"]) => write_leads(world, request, false, now),
        (Method::Post, ["Leads", "upsert"]) => write_leads(world, request, true, now),
        (Method::Get, ["Leads", id, "Notes"]) => notes_of(world, request, id),
        (Method::Post, ["Notes"]) => add_notes(world, request, now),
        (Method::Post, ["coql"]) => query_leads(world, request, now),
        (_, ["Leads" | "Notes" | "coql" | "org", ..] | ["settings", "fields"]) => {
            SandboxAnswer::error(400, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one")
        }
        _ => SandboxAnswer::error(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"),
    }
}

/// Token first, then what it may do, then calls at once, then credits.
fn admitted(world: &mut World, request: &SandboxRequest, parts: &[&str], now: UtcTime) -> Result<Grant, SandboxAnswer> {
    let token = request.authorization.as_deref().and_then(|header| header.strip_prefix("Zoho-oauthtoken ")).unwrap_or_default();
    let Some(grant) = world.tokens.of_access(token, now).cloned() else {
        return Err(SandboxAnswer::error(401, "INVALID_TOKEN", "invalid oauth token"));
    };
    if !scopes(parts).iter().all(|scope| grant.allows(scope)) {
        return Err(SandboxAnswer::error(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL"));
    }
    let edition = world.options.edition;
    if request.in_flight > edition.concurrency_max() || request.heavy_in_flight > HEAVY_AT_ONCE_MAX {
        let told = "You have exceeded the number of calls that may run at once";
        return Err(SandboxAnswer::error(429, "TOO_MANY_REQUESTS", told));
    }
    let records = request.json().and_then(|body| body["data"].as_array().map(Vec::len)).unwrap_or_default();
    let credits = records.div_ceil(RECORDS_PER_CREDIT).max(1) as u64;
    if world.credits.spend(credits, edition.credits_max(), now) {
        return Ok(grant);
    }
    Err(SandboxAnswer::error(429, "RATE_LIMIT_EXCEEDED", "Too many requests. Please try again later."))
}

/// What an address needs. (Which operations a scope names is not looked at.)
fn scopes(parts: &[&str]) -> &'static [&'static str] {
    match parts {
        ["settings", "fields"] => &["ZohoCRM.settings.fields"],
        ["org"] => &["ZohoCRM.org"],
        ["coql"] => &["ZohoCRM.coql", "ZohoCRM.modules.leads"],
        ["Notes"] | ["Leads", _, "Notes"] => &["ZohoCRM.modules.notes"],
        ["Leads", ..] => &["ZohoCRM.modules.leads"],
        _ => &[],
    }
}

fn organisation(organisation: Organisation) -> SandboxAnswer {
    SandboxAnswer::json(200, &json!({ "org": [{ "id": organisation.id, "company_name": organisation.name, "type": "sandbox" }] }))
}

fn settings(world: &World, request: &SandboxRequest) -> SandboxAnswer {
    match request.param("module") {
        Some("Leads") => SandboxAnswer::json(200, &fields::listing(world.leads.own_field(), world.leads.external_field().is_some())),
        Some(_) => SandboxAnswer::error(400, "INVALID_MODULE", "the module name given seems to be invalid"),
        None => required_param("module"),
    }
}

fn write_leads(world: &mut World, request: &SandboxRequest, is_upsert: bool, now: UtcTime) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    let records = match records(&body) {
        Ok(records) => records,
        Err(refusal) => return refusal,
    };
    let check = if is_upsert { check_fields(world, &body) } else { Ok(Vec::new()) };
    let check = match check {
        Ok(check) => check,
        Err(refusal) => return refusal,
    };
    let results: Vec<_> = records
        .iter()
        .enumerate()
        .map(|(at, record)| match world.faults.for_record(record, at) {
            Some(refusal) => refusal,
            None => world.leads.write(record, &check, at, now),
        })
        .collect();
    answer_results(results, if is_upsert { 200 } else { 201 })
}

/// The records of a call, all of them objects and not too many.
fn records(body: &Value) -> Result<Vec<Map<String, Value>>, SandboxAnswer> {
    let data = body["data"].as_array().filter(|data| !data.is_empty()).ok_or_else(|| {
        SandboxAnswer::error_about(
            400,
            "MANDATORY_NOT_FOUND",
            "required field not found",
            &json!({ "api_name": "data", "json_path": "$.data" }),
        )
    })?;
    if data.len() > RECORDS_MAX {
        let details = json!({ "limit": RECORDS_MAX, "api_name": "data" });
        return Err(SandboxAnswer::error_about(400, "LIMIT_EXCEEDED", "Only 100 records can be handled in a call", &details));
    }
    let not_an_object = || SandboxAnswer::error_about(400, "INVALID_DATA", "invalid data", &json!({ "expected_data_type": "jsonobject" }));
    data.iter().map(|record| record.as_object().cloned().ok_or_else(not_an_object)).collect()
}

/// Without `duplicate_check_fields` the system's own come first, then unique ones.
fn check_fields(world: &World, body: &Value) -> Result<Vec<String>, SandboxAnswer> {
    let given: Vec<String> =
        body["duplicate_check_fields"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(wrong) = given.iter().find(|field| !world.leads.may_check(field)) {
        let details = json!({ "api_name": wrong, "json_path": "$.duplicate_check_fields" });
        return Err(SandboxAnswer::error_about(400, "INVALID_DATA", "the given field is not a unique field", &details));
    }
    if given.is_empty() {
        return Ok([Some("Email"), world.leads.external_field()].into_iter().flatten().map(str::to_owned).collect());
    }
    Ok(given)
}

/// 207 for mixed results, 400 when all failed.
fn answer_results(results: Vec<Value>, all_good: u16) -> SandboxAnswer {
    let good = results.iter().filter(|result| result["status"] == "success").count();
    let status = match good {
        0 => 400,
        good if good == results.len() => all_good,
        _ => 207,
    };
    SandboxAnswer::json(status, &json!({ "data": results }))
}

fn notes_of(world: &World, request: &SandboxRequest, id: &str) -> SandboxAnswer {
    if request.param("fields").is_none_or(str::is_empty) {
        return required_param("fields");
    }
    let per_page = request.param("per_page").and_then(|text| text.parse().ok()).unwrap_or(200).min(200);
    let mut notes: Vec<_> = world.notes.iter().rev().filter(|note| note.parent_id == id).map(told).collect();
    if notes.is_empty() {
        return SandboxAnswer::empty(204);
    }
    let more = notes.len() > per_page;
    notes.truncate(per_page);
    SandboxAnswer::json(200, &json!({ "data": notes, "info": { "per_page": per_page, "page": 1, "more_records": more } }))
}

fn add_notes(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    let notes = match records(&body) {
        Ok(notes) => notes,
        Err(refusal) => return refusal,
    };
    let results = notes.iter().enumerate().map(|(at, note)| add_note(world, note, at, now)).collect();
    answer_results(results, 201)
}

fn add_note(world: &mut World, note: &Map<String, Value>, at: usize, now: UtcTime) -> Value {
    let error = |code: &str, field: &str, message: &str| {
        let details = json!({ "api_name": field, "json_path": format!("$.data[{at}].{field}") });
        json!({ "code": code, "details": details, "message": message, "status": "error" })
    };
    let text = |field: &str| note.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let parent = note.get("Parent_Id").cloned().unwrap_or_default();
    let parent_id = parent["id"].as_str().unwrap_or_default();
    if parent["module"]["api_name"] != "Leads" || !world.leads.exists(parent_id) {
        return error("INVALID_DATA", "Parent_Id", "the related id given seems to be invalid");
    }
    if text("Note_Content").is_empty() {
        return error("MANDATORY_NOT_FOUND", "Note_Content", "required field not found");
    }
    if text("Note_Title").chars().count() > TITLE_LENGTH_MAX {
        return error("INVALID_DATA", "Note_Title", "invalid data");
    }
    let id = format!("57257670000009{:05}", world.notes.len() + 1);
    world.notes.push(Note {
        id: id.clone(),
        parent_id: parent_id.to_owned(),
        title: text("Note_Title"),
        content: text("Note_Content"),
        created_at: now,
    });
    json!({ "code": "SUCCESS", "details": { "id": id, "Created_Time": stamp(now) }, "message": "record added", "status": "success" })
}

/// A note as the CRM and the ledger tell it.
pub(super) fn told(note: &Note) -> Value {
    json!({
        "id": note.id,
        "Note_Title": note.title,
        "Note_Content": note.content,
        "Created_Time": stamp(note.created_at),
        "Parent_Id": { "id": note.parent_id, "module": { "api_name": "Leads" } },
    })
}

fn query_leads(world: &World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let body = request.json().unwrap_or_default();
    let Some(text) = body["select_query"].as_str() else { return required_param("select_query") };
    let query = match Query::parse(text, world.leads.own_field()) {
        Ok(query) => query,
        Err(refusal) => return refusal,
    };
    let found = world.leads.find(&query, now - world.options.search_lag);
    let has_more = found.len() > query.offset + query.limit;
    let page: Vec<_> = found.into_iter().skip(query.offset).take(query.limit).collect();
    if page.is_empty() {
        return SandboxAnswer::empty(204);
    }
    SandboxAnswer::json(200, &json!({ "info": { "count": page.len(), "more_records": has_more }, "data": page }))
}

fn required_param(name: &str) -> SandboxAnswer {
    SandboxAnswer::error_about(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", &json!({ "param_name": name }))
}
