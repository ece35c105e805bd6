//! Stripe's API: one call, one answer, and what a refusal means. Each failure gets its class and its sentence here, with
//! Stripe's own code in brackets (docs.stripe.com/api/errors and the official packages, read 2026-11).

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{PROVIDER, envelope};
use crate::clock::{Stopwatch, UtcTime};
use crate::http::{Answer, Exchange, Method, Outgoing, SendFailure, Transport};
use crate::integrations::{Failure, FailureClass};

/// How answers are written. Events keep the version of their endpoint, whatever is asked for here.
pub const VERSION: &str = "2026-10-28.endive";
/// The most that one page of a list may hold.
pub const PAGE_MAX: usize = 100;

/// A client: an address and a key.
pub struct Stripe<'a> {
    transport: &'a dyn Transport,
    url: &'a str,
    key: &'a SecretString,
}

/// What came of one call, with what is written down about it.
#[derive(Debug)]
pub struct Called<T> {
    pub result: Result<T, Failure>,
    pub exchange: Exchange,
}

/// Which events a page is to hold. Lists are newest first, whichever way they are walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Walk {
    /// The events right after this one.
    After(String),
    /// Those since a moment: the newest of them, or those right before the one named.
    Since { at: UtcTime, before: Option<String> },
    /// The newest that is older than a moment, alone.
    LastBefore(UtcTime),
}

/// A page of events, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventPage {
    /// Each whole, as Stripe tells it.
    pub events: Vec<Value>,
    /// There are more in the direction of the walk.
    pub has_more: bool,
}

impl<'a> Stripe<'a> {
    /// A client of the API at this address.
    pub fn new(transport: &'a dyn Transport, url: &'a str, key: &'a SecretString) -> Self {
        Self { transport, url, key }
    }

    /// One page of the events that Stripe keeps, for 30 days.
    pub async fn events(&self, walk: &Walk) -> Called<EventPage> {
        let called = self.get(&format!("/v1/events?{}", walk.query())).await;
        Called { result: called.result.and_then(|body| page(&body)), exchange: called.exchange }
    }

    /// Asks; nothing there changes by it.
    pub async fn get(&self, path: &str) -> Called<Value> {
        let request = Outgoing { method: Method::Get, url: format!("{}{path}", self.url), headers: self.headers(), body: Vec::new() };
        let (answer, exchange) = self.send(&request).await;
        let result = read(&answer).map_err(|failure| Failure { effect_unknown: false, ..failure });
        Called { result, exchange }
    }

    /// Has something made there. A repeat under the same key with the same form is answered with what the first one made
    /// (docs.stripe.com/api/idempotent_requests); Stripe forgets keys after 24 h at the earliest.
    pub async fn post(&self, path: &str, form: &str, idempotency_key: &str) -> Called<Value> {
        let mut headers = self.headers();
        // A form: JSON is refused.
        headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
        headers.push(("idempotency-key", idempotency_key.to_owned()));
        let request = Outgoing { method: Method::Post, url: format!("{}{path}", self.url), headers, body: form.as_bytes().to_vec() };
        let (answer, exchange) = self.send(&request).await;
        Called { result: read(&answer), exchange }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {}", self.key.expose_secret())), ("stripe-version", VERSION.to_owned())]
    }

    async fn send(&self, request: &Outgoing) -> (Result<Answer, SendFailure>, Exchange) {
        let watch = Stopwatch::start();
        let answer = self.transport.send(request).await;
        let exchange = Exchange::of(PROVIDER, request, &answer, watch.elapsed_ms());
        (answer, exchange)
    }
}

impl Walk {
    fn query(&self) -> String {
        let mut query = Serializer::new(String::new());
        let seconds = |at: &UtcTime| at.and_utc().timestamp().to_string();
        match self {
            Self::After(id) => query.append_pair("ending_before", id).append_pair("limit", &PAGE_MAX.to_string()),
            Self::Since { at, before } => {
                if let Some(before) = before {
                    query.append_pair("starting_after", before);
                }
                query.append_pair("created[gte]", &seconds(at)).append_pair("limit", &PAGE_MAX.to_string())
            }
            Self::LastBefore(at) => query.append_pair("created[lt]", &seconds(at)).append_pair("limit", "1"),
        };
        query.finish()
    }
}

fn page(body: &Value) -> Result<EventPage, Failure> {
    let events = body["data"].as_array().ok_or_else(|| {
        Failure::of_call(
            FailureClass::Unknown,
            "Stripe's answer to our question for events holds no list, which is a bug of ours or theirs",
        )
    })?;
    Ok(EventPage { events: events.clone(), has_more: body["has_more"].as_bool().unwrap_or_default() })
}

/// When an event happened, to the second; None: it does not say.
pub fn created(event: &Value) -> Option<UtcTime> {
    envelope::moment(&event["created"])
}

/// The JSON of an answer that did what was asked, or what is wrong. A call that may have had an effect says so.
fn read(answer: &Result<Answer, SendFailure>) -> Result<Value, Failure> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(SendFailure::NotSent(why)) => return Err(Failure::of_call(FailureClass::Network, format!("Stripe cannot be reached: {why}"))),
        Err(SendFailure::Lost(why)) => {
            let message = format!("Stripe's answer was lost, so it may or may not have acted: {why}");
            return Err(Failure::of_unknown_effect(FailureClass::Network, message));
        }
    };
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match (answer.status, body) {
        (200..=299, Some(body)) => Ok(body),
        (status @ 200..=299, None) => {
            Err(Failure::of_unknown_effect(FailureClass::Network, format!("Stripe's answer broke off [HTTP {status}]")))
        }
        (_, body) => Err(refusal(answer, body.as_ref().map_or(&Value::Null, |body| &body["error"]))),
    }
}

/// Stripe says in a header whether a repeat may help, and only where it does not the status decides.
fn refusal(answer: &Answer, error: &Value) -> Failure {
    use FailureClass::{Authentication, NotFound, RateLimited, ServerError, Unknown, Validation};
    let said = error["message"].as_str().unwrap_or("no reason given");
    let code = [&error["code"], &error["decline_code"], &error["type"]].into_iter().find_map(Value::as_str);
    let code = code.map_or_else(|| format!("HTTP {}", answer.status), str::to_owned);
    let told = |words: &str| format!("{words} [{code}]");
    let may_repeat = match answer.header("stripe-should-retry") {
        Some("true") => Some(true),
        Some("false") => Some(false),
        _ => None,
    };
    match (answer.status, may_repeat) {
        // Beside a lock on one object, the answer of a busy Stripe; the packages do not repeat it, a queue may, later.
        (429, Some(true)) => Failure::of_call(ServerError, told("Stripe is at work on the same object")),
        (429, _) => Failure::of_call(RateLimited, told("Stripe asks us to slow down")).waiting_s(retry_after_s(answer)),
        (401, _) => Failure::of_call(Authentication, told("Stripe refuses our key")),
        (403, _) => Failure::of_call(Authentication, told(&format!("Our key may not do this: {said}"))),
        (409 | 500.., Some(false)) => {
            Failure::of_unknown_effect(Unknown, told("Stripe had a fault of its own, and says that a repeat will not help"))
        }
        (409, _) => Failure::of_call(ServerError, told("Another call is at work on the same thing at Stripe")),
        (500.., _) => Failure::of_unknown_effect(ServerError, told("Stripe had a fault of its own")),
        (_, Some(true)) => Failure::of_call(ServerError, told(&format!("Stripe asks us to try again: {said}"))),
        // Not by the status: a wrong address is 404 too, and says nothing of what we asked for.
        _ if code == "resource_missing" => Failure::of_record(NotFound, told(&format!("Stripe does not know what we refer to: {said}"))),
        (402, _) => Failure::of_record(Validation, told(&format!("Stripe could not take the payment: {said}"))),
        (400..=499, _) if !error.is_null() => Failure::of_record(Validation, told(&format!("Stripe refuses this: {said}"))),
        _ => Failure::of_call(ServerError, told("The answer did not come from Stripe itself but from something in between")),
    }
}

fn retry_after_s(answer: &Answer) -> Option<u32> {
    answer.header("retry-after").and_then(|text| text.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureClass::{Authentication, Network, NotFound, RateLimited, ServerError, Unknown, Validation};
    use serde_json::json;

    fn answered(status: u16, should_retry: Option<&str>, body: &Value) -> Result<Value, Failure> {
        let headers = should_retry.map(|told| ("stripe-should-retry".to_owned(), told.to_owned())).into_iter().collect();
        read(&Ok(Answer { status, headers, body: body.to_string().into_bytes() }))
    }

    #[test]
    fn each_refusal_has_a_class_and_stripes_own_code() {
        let of = |code: &str| json!({"error": {"type": "invalid_request_error", "code": code, "message": "Said."}});
        for (status, should_retry, code, class, of_record) in [
            (400, None, "parameter_invalid_empty", Validation, true),
            (400, None, "resource_missing", NotFound, true),
            (404, None, "resource_missing", NotFound, true),
            (402, None, "card_declined", Validation, true),
            (401, None, "api_key_expired", Authentication, false),
            (403, None, "more_permissions_required", Authentication, false),
            (409, None, "idempotency_key_in_use", ServerError, false),
            (409, Some("false"), "x", Unknown, false),
            (429, None, "rate_limit", RateLimited, false),
            (429, Some("false"), "rate_limit", RateLimited, false),
            (429, Some("true"), "lock_timeout", ServerError, false),
            (400, Some("true"), "x", ServerError, false),
            (500, None, "api_error", ServerError, false),
            (500, Some("false"), "api_error", Unknown, false),
        ] {
            let failure = answered(status, should_retry, &of(code)).expect_err("a refusal");
            assert_eq!((failure.class, failure.of_record), (class, of_record), "{status} {should_retry:?} {code}: {failure}");
            assert!(failure.message.ends_with(&format!("[{code}]")), "{failure}");
        }
    }

    #[test]
    fn what_is_no_answer_of_stripe_is_told_apart() {
        let between = read(&Ok(Answer { status: 404, headers: Vec::new(), body: b"<html>".to_vec() })).expect_err("no JSON");
        assert_eq!((between.class, between.of_record), (ServerError, false));
        let cut = read(&Ok(Answer { status: 200, headers: Vec::new(), body: b"{\"data\":[".to_vec() })).expect_err("cut off");
        assert_eq!((cut.class, cut.effect_unknown), (Network, true));
        let lost = read(&Err(SendFailure::Lost("reset".into()))).expect_err("lost");
        assert_eq!((lost.class, lost.effect_unknown), (Network, true));
        let away = read(&Err(SendFailure::NotSent("refused".into()))).expect_err("not sent");
        assert_eq!((away.class, away.effect_unknown), (Network, false));
        assert!(page(&json!({"object": "list"})).is_err());
    }
}
