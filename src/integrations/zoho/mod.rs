//! Zoho: plain clients on top of the one outbound door. No database and no retries in here; every failure is mapped to
//! the seven classes at this edge, in words a person can act on, with Zoho's own code in brackets.

pub mod books;
pub mod crm;
pub mod data_centers;
pub mod oauth;
pub mod scopes;

use serde_json::Value;

use super::{Failure, FailureClass};
use crate::clock::Stopwatch;
use crate::http::{Answer, Exchange, Outgoing, SendFailure, Transport};

/// The name under which connections, jobs and attempts know Zoho.
pub const PROVIDER: &str = "zoho";

/// What came of one call, with what is written down about it.
#[derive(Debug)]
pub struct Called<T> {
    pub result: Result<T, Failure>,
    /// The token (or, for a refresh, the grant) itself was refused: another one may be accepted.
    pub credentials_refused: bool,
    pub exchange: Exchange,
}

/// A call's answer before anyone has read it.
struct Sent {
    answer: Result<Answer, SendFailure>,
    exchange: Exchange,
}

impl<T> Called<T> {
    /// The same call with something else made of its result.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Called<U> {
        Called { result: self.result.map(change), credentials_refused: self.credentials_refused, exchange: self.exchange }
    }
}

async fn send(transport: &dyn Transport, request: &Outgoing) -> Sent {
    send_as(PROVIDER, transport, request).await
}

/// The same under the name of one of Zoho's programs.
async fn send_as(provider: &'static str, transport: &dyn Transport, request: &Outgoing) -> Sent {
    let watch = Stopwatch::start();
    let answer = transport.send(request).await;
    let exchange = Exchange::of(provider, request, &answer, watch.elapsed_ms());
    Sent { answer, exchange }
}

/// No answer came: whether the request may have had its effect depends on whether it left.
fn no_answer(failure: &SendFailure) -> Failure {
    match failure {
        SendFailure::NotSent(why) => Failure::of_call(FailureClass::Network, format!("Zoho cannot be reached: {why}")),
        SendFailure::Lost(why) => {
            Failure::of_unknown_effect(FailureClass::Network, format!("Zoho's answer was lost, so it may or may not have acted: {why}"))
        }
    }
}

/// What the status alone tells: 429, 5xx, and bodies that are not JSON. Ok: the JSON of an answer worth reading, `Null` when
/// there is no body.
fn readable(answer: &Answer) -> Result<Value, Failure> {
    if answer.status == 429 {
        return Err(rate_limited(answer));
    }
    if answer.status >= 500 {
        let code = parse(&answer.body).and_then(|body| code_of(&body).map(str::to_owned));
        let message = format!("Zoho had a fault of its own [{}]", code.unwrap_or_else(|| format!("HTTP {}", answer.status)));
        return Err(Failure::of_unknown_effect(FailureClass::ServerError, message).waiting_s(retry_after_s(answer)));
    }
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Null);
    }
    parse(&answer.body).ok_or_else(|| not_json(answer.status))
}

fn parse(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

fn not_json(status: u16) -> Failure {
    match status {
        200..=299 => {
            let message = format!("Zoho's answer broke off, so it may or may not have acted [HTTP {status}]");
            Failure::of_unknown_effect(FailureClass::Network, message)
        }
        401 => Failure::of_call(FailureClass::Authentication, "Zoho refuses our access token [HTTP 401]"),
        _ => {
            let message = format!(
                "The answer did not come from Zoho itself but from something in between, or Zoho is closed for now [HTTP {status}]"
            );
            Failure::of_call(FailureClass::ServerError, message)
        }
    }
}

fn rate_limited(answer: &Answer) -> Failure {
    let code = parse(&answer.body).and_then(|body| code_of(&body).map(str::to_owned)).unwrap_or_else(|| "HTTP 429".into());
    Failure::of_call(FailureClass::RateLimited, format!("Zoho asks us to slow down [{code}]")).waiting_s(retry_after_s(answer))
}

fn retry_after_s(answer: &Answer) -> Option<u32> {
    answer.header("retry-after").and_then(|text| text.trim().parse().ok())
}

/// The code of an error that concerns the whole request: bare, or wrapped in `data` as some are.
fn code_of(body: &Value) -> Option<&str> {
    body["code"].as_str().or_else(|| body["data"][0]["code"].as_str())
}
