//! Scripted faults: what goes wrong, for which calls or records, how often.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Delivery, SandboxAnswer, SandboxRequest};
use super::books;
use crate::random;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// 429; nothing is done.
    RateLimited,
    /// 401 INVALID_TOKEN; nothing is done.
    Unauthorized,
    /// 500; nothing is done.
    ServerError,
    /// No connection comes about (over HTTP: it is closed at once); nothing is done.
    Refuse,
    /// The connection breaks before an answer; nothing is done.
    Reset,
    /// It is done, and the body comes late.
    Slow,
    /// It is done, and the JSON breaks off in the middle.
    Truncated,
    /// It is done, and no answer ever comes.
    TimeoutAfterCommit,
    /// One record is refused, its neighbours are not.
    RefuseRecord,
    /// One such record, and the whole call is refused; nothing is done.
    RefuseCall,
    /// It is done, and the token answer has no refresh token.
    NoRefreshToken,
    /// It is done, and the token answer does not say what it is good for.
    SilentScopes,
    /// The person is sent back with an accounts server that is not Zoho's.
    ForeignServer,
    /// The person's consent leaves `scope` out.
    NarrowConsent,
}

/// A scripted fault, as `POST /__faults` takes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub fault: Kind,
    /// Only calls whose path begins so.
    #[serde(default)]
    path: Option<String>,
    /// Only calls of this method: `POST`.
    #[serde(default)]
    method: Option<String>,
    /// Only records like this; a fault of the whole call applies when all its records are.
    #[serde(default, rename = "match")]
    matching: Option<Matching>,
    /// After so many hits it is over.
    #[serde(default)]
    times: Option<u64>,
    /// A record is refused this often, then accepted.
    #[serde(default)]
    times_per_record: Option<u64>,
    /// In `0.0..=1.0`.
    #[serde(default)]
    probability: Option<f64>,
    #[serde(default)]
    delay_ms: Option<u64>,
    #[serde(default)]
    retry_after_s: Option<u32>,
    /// The code of a refused record or call.
    #[serde(default)]
    code: Option<String>,
    /// What a narrow consent leaves out.
    #[serde(default)]
    scope: Option<String>,
    /// The field named by a refused record.
    #[serde(default)]
    api_name: Option<String>,
    #[serde(skip)]
    id: u64,
    #[serde(skip)]
    hits: u64,
    #[serde(skip)]
    hits_by_record: HashMap<String, u64>,
}

/// Which records.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Matching {
    field: String,
    #[serde(default)]
    equals: Option<String>,
    #[serde(default)]
    ends_with: Option<String>,
    #[serde(default)]
    contains: Option<String>,
}

impl Matching {
    fn covers(&self, record: &Map<String, Value>) -> bool {
        let value = record.get(&self.field).and_then(Value::as_str).unwrap_or_default();
        self.equals.as_ref().is_none_or(|want| value == want)
            && self.ends_with.as_ref().is_none_or(|want| value.ends_with(want))
            && self.contains.as_ref().is_none_or(|want| value.contains(want))
    }
}

impl Fault {
    /// The answer that comes instead of the real one, for faults before anything is done.
    pub(super) fn instead(&self, path: &str) -> Option<SandboxAnswer> {
        let is_books = path.starts_with("/books/");
        let mut answer = match self.fault {
            Kind::RateLimited if is_books => books::error(429, self.number(44), "refused by a scripted fault"),
            Kind::Unauthorized if is_books => books::error(401, 57, "You are not authorized to perform this operation"),
            Kind::ServerError if is_books => books::error(500, 1000, "Internal Error"),
            Kind::RefuseCall if is_books => books::error(400, self.number(15), "refused by a scripted fault"),
            Kind::RateLimited => SandboxAnswer::error(429, "RATE_LIMIT_EXCEEDED", "Too many requests. Please try again later."),
            Kind::Unauthorized => SandboxAnswer::error(401, "INVALID_TOKEN", "invalid oauth token"),
            Kind::ServerError => SandboxAnswer::error(500, "INTERNAL_ERROR", "Internal Server Error"),
            Kind::Refuse => SandboxAnswer { delivery: Delivery::Refused, ..SandboxAnswer::empty(0) },
            Kind::Reset => SandboxAnswer { delivery: Delivery::Reset, ..SandboxAnswer::empty(0) },
            Kind::RefuseCall => {
                let code = self.code.as_deref().unwrap_or("INVALID_DATA");
                SandboxAnswer::error(400, code, "refused as a whole by a scripted fault")
            }
            Kind::Slow
            | Kind::Truncated
            | Kind::TimeoutAfterCommit
            | Kind::RefuseRecord
            | Kind::NoRefreshToken
            | Kind::SilentScopes
            | Kind::ForeignServer
            | Kind::NarrowConsent => return None,
        };
        answer.headers.extend(self.retry_after_s.map(|seconds| ("retry-after", seconds.to_string())));
        Some(answer)
    }

    /// The code as Books has them: a number.
    fn number(&self, default: i64) -> i64 {
        self.code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(default)
    }

    /// What becomes of the real answer, for faults after it was done.
    pub(super) fn distort(&self, mut answer: SandboxAnswer) -> SandboxAnswer {
        match self.fault {
            Kind::Slow => answer.delivery = Delivery::Slow(Duration::from_millis(self.delay_ms.unwrap_or(5000))),
            Kind::Truncated => answer.body.truncate(answer.body.len() / 2),
            Kind::TimeoutAfterCommit => answer.delivery = Delivery::Never,
            Kind::NoRefreshToken => without(&mut answer, "refresh_token"),
            Kind::SilentScopes => without(&mut answer, "scope"),
            Kind::ForeignServer => {
                for (_, value) in answer.headers.iter_mut().filter(|(name, _)| *name == "location") {
                    *value = elsewhere(value);
                }
            }
            _ => {}
        }
        answer
    }

    fn is_over(&self) -> bool {
        self.times.is_some_and(|times| self.hits >= times)
    }

    fn concerns_call(&self, request: &SandboxRequest) -> bool {
        if matches!(self.fault, Kind::RefuseRecord | Kind::NarrowConsent)
            || self.method.as_ref().is_some_and(|method| request.method.as_str() != method)
            || !self.path.as_ref().is_none_or(|path| request.path.starts_with(path.as_str()))
        {
            return false;
        }
        let Some(matching) = &self.matching else { return true };
        let body = request.json().unwrap_or_default();
        let records = body["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut covered = records.iter().map(|record| record.as_object().is_some_and(|record| matching.covers(record)));
        let concerns = if self.fault == Kind::RefuseCall { covered.any(|is| is) } else { covered.all(|is| is) };
        !records.is_empty() && concerns
    }

    fn concerns_record(&self, record: &Map<String, Value>) -> bool {
        self.fault == Kind::RefuseRecord
            && self.matching.as_ref().is_none_or(|matching| matching.covers(record))
            && self.times_per_record.is_none_or(|times| self.hits_by_record.get(&identity(record)).copied().unwrap_or_default() < times)
    }

    fn strikes(&self) -> bool {
        self.probability.is_none_or(|probability| random::fraction() < probability)
    }

    fn refusal(&self, at: usize) -> Value {
        let code = self.code.as_deref().unwrap_or("INVALID_DATA");
        let details = match &self.api_name {
            Some(field) => json!({ "api_name": field, "json_path": format!("$.data[{at}].{field}") }),
            None => json!({}),
        };
        json!({ "code": code, "details": details, "message": "refused by a scripted fault", "status": "error" })
    }

    fn told(&self) -> Value {
        json!({ "id": self.id, "fault": self.fault, "hits": self.hits, "times": self.times, "path": self.path })
    }
}

/// The same answer without one member of its JSON.
fn without(answer: &mut SandboxAnswer, member: &str) {
    if let Ok(Value::Object(mut body)) = serde_json::from_slice(&answer.body) {
        body.remove(member);
        answer.body = Value::Object(body).to_string().into_bytes();
    }
}

/// The same redirect, as somebody who wants the code would write it.
fn elsewhere(location: &str) -> String {
    let Ok(mut url) = url::Url::parse(location) else { return location.to_owned() };
    let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(name, _)| name != "accounts-server").collect();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair("accounts-server", "https://accounts.zoho.example");
    url.into()
}

/// A record by what does not change when it is sent again.
fn identity(record: &Map<String, Value>) -> String {
    ["External_Lead_Id", "Email", "Last_Name"]
        .iter()
        .find_map(|field| record.get(*field).and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}

/// The script.
#[derive(Default)]
pub(super) struct Faults {
    script: Vec<Fault>,
    next_id: u64,
}

impl Faults {
    /// Adds a fault and answers its id; the earliest that applies wins.
    pub(super) fn add(&mut self, fault: Fault) -> u64 {
        self.next_id += 1;
        self.script.push(Fault { id: self.next_id, ..fault });
        self.next_id
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.script.clear();
    }

    /// What is scripted, with how often it hit.
    pub(super) fn list(&self) -> Vec<Value> {
        self.script.iter().map(Fault::told).collect()
    }

    /// The fault that this call meets, if any.
    pub(super) fn for_call(&mut self, request: &SandboxRequest) -> Option<Fault> {
        let fault = self.script.iter_mut().find(|fault| !fault.is_over() && fault.concerns_call(request) && fault.strikes())?;
        fault.hits += 1;
        Some(fault.clone())
    }

    /// The permission that a consent leaves out, if any.
    pub(super) fn left_out(&mut self) -> Option<String> {
        let fault = self.script.iter_mut().find(|fault| fault.fault == Kind::NarrowConsent && !fault.is_over() && fault.strikes())?;
        fault.hits += 1;
        fault.scope.clone()
    }

    /// The refusal that this record meets, if any; `at` is its place in the call.
    pub(super) fn for_record(&mut self, record: &Map<String, Value>, at: usize) -> Option<Value> {
        let fault = self.script.iter_mut().find(|fault| !fault.is_over() && fault.concerns_record(record) && fault.strikes())?;
        fault.hits += 1;
        *fault.hits_by_record.entry(identity(record)).or_default() += 1;
        Some(fault.refusal(at))
    }
}
