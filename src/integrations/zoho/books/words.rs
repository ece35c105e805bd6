//! Books' codes in words a person can act on, each with its class (errors page and integrators' logs, read 2026-11).

use serde_json::Value;

use crate::http::Answer;
use crate::integrations::{Failure, FailureClass};

/// Zoho says "for a while" after 44, and that calls at once are a soft limit: a minute lets both pass.
const BLOCKED_S: u32 = 60;
/// Where the header does not say when the day's calls come back.
const DAY_UNKNOWN_S: u32 = 3_600;

/// What Books refuses, and what may be tried about it.
pub(super) struct Refusal {
    pub failure: Failure,
    /// Another token may be accepted.
    pub of_token: bool,
    /// What was to be made is there already.
    pub is_taken: bool,
}

impl Refusal {
    pub(super) fn of(failure: Failure) -> Self {
        Self { failure, of_token: false, is_taken: false }
    }
}

/// What an answer that is no success says.
pub(super) fn refusal(answer: &Answer, body: &Value) -> Refusal {
    use FailureClass::{Authentication, NotFound, RateLimited, ServerError, Unknown, Validation};
    let code = code(body);
    let said = body["message"].as_str().unwrap_or("no reason given").trim_end_matches('.');
    let shown = if code.is_empty() { format!("HTTP {}", answer.status) } else { code.clone() };
    let told = |words: &str| format!("{words} [{shown}]");
    let of_call = |class: FailureClass, words: &str| Refusal::of(Failure::of_call(class, told(words)));
    let waits = |words: &str, wait_s: u32| Refusal::of(Failure::of_call(RateLimited, told(words)).waiting_s(Some(wait_s)));
    let of_record = |class: FailureClass, words: &str| Refusal::of(Failure::of_record(class, told(words)));
    match (answer.status, code.as_str()) {
        (_, "45") => {
            let until = seconds(answer, "x-rate-limit-reset").or(seconds(answer, "retry-after")).unwrap_or(DAY_UNKNOWN_S);
            waits("Zoho Books' calls of the day are used up; it counts those of all programs of the organisation", until)
        }
        (_, "44") => {
            let wait_s = seconds(answer, "retry-after").unwrap_or(BLOCKED_S);
            waits("Zoho Books has blocked the organisation for a while: more than 100 calls in a minute, of all its programs", wait_s)
        }
        (_, "1070") => {
            waits("Zoho Books has too many calls of the organisation at once", seconds(answer, "retry-after").unwrap_or(BLOCKED_S))
        }
        (429, _) => waits("Zoho Books asks us to slow down", seconds(answer, "retry-after").unwrap_or(BLOCKED_S)),
        // An ended token, a missing permission and another organisation's id all look like this.
        (401, _) | (_, "57" | "INVALID_TOKEN") => Refusal {
            of_token: true,
            ..of_call(
                Authentication,
                "Zoho Books refuses us: the grant lacks a permission for Books, or its user may not do this in the organisation",
            )
        },
        (403, _) => of_call(Authentication, &format!("Zoho Books does not let the grant's user do this: {said}")),
        (500.., _) => {
            let failure = Failure::of_unknown_effect(ServerError, told("Zoho Books had a fault of its own"));
            Refusal::of(failure.waiting_s(seconds(answer, "retry-after")))
        }
        (_, "1000") => Refusal::of(Failure::of_unknown_effect(ServerError, told("Zoho Books had a fault of its own"))),
        (_, "1002") => {
            of_record(NotFound, &format!("Zoho Books does not know what we refer to; somebody may have deleted it there: {said}"))
        }
        (_, "1038") => of_call(Unknown, "Zoho Books cannot read what we sent, which is a bug of ours"),
        (_, "3062") => Refusal { is_taken: true, ..of_record(Validation, "Zoho Books has a customer of this name already") },
        (404 | 405, _) => of_call(NotFound, &format!("Zoho Books does not know this address: {said}")),
        // Which codes a number that is taken has is not published: the words tell, and looking it up decides.
        (400, _) if said.contains("already") => Refusal { is_taken: true, ..of_record(Validation, &format!("Zoho Books says: {said}")) },
        (200..=299 | 400..=499, _) if !code.is_empty() => of_record(Validation, &format!("Zoho Books refuses this: {said}")),
        (200..=299, _) => {
            let words = told("Zoho Books answered with something we do not understand, so it may or may not have acted");
            Refusal::of(Failure::of_unknown_effect(Unknown, words))
        }
        _ => of_call(ServerError, "The answer did not come from Zoho Books itself but from something in between"),
    }
}

/// The code as text; empty where there is none.
fn code(body: &Value) -> String {
    match &body["code"] {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

fn seconds(answer: &Answer, header: &str) -> Option<u32> {
    answer.header(header).and_then(|text| text.trim().parse().ok())
}
