//! Reads Books' answers: `{"code": 0, "message": …, "invoice": {…}}`. HTTP and `code` decide together.

use serde_json::Value;

use super::words::{self, Refusal};
use crate::http::{Answer, SendFailure};
use crate::integrations::zoho::{Called, Sent, no_answer};
use crate::integrations::{Failure, FailureClass};
use crate::money::Currency;

/// What came of making something under a key of ours.
#[derive(Clone, Debug, PartialEq)]
pub enum Made<T> {
    New(T),
    /// Books says that there is one already: it may be ours, made by a call whose answer was lost.
    Taken(Failure),
}

/// Reads an answer; `pick` finds in it what was asked for.
pub(super) fn read<T>(sent: Sent, pick: impl FnOnce(&Value) -> Option<T>) -> Called<T> {
    let Sent { answer, exchange } = sent;
    let (result, credentials_refused) = match body(&answer) {
        Ok(body) => (pick(&body).ok_or_else(not_understood), false),
        Err(refusal) => (Err(refusal.failure), refusal.of_token),
    };
    Called { result, credentials_refused, exchange }
}

/// One thing under its name.
pub(super) fn thing<T>(sent: Sent, name: &str, pick: impl FnOnce(&Value) -> Option<T>) -> Called<T> {
    read(sent, |body| pick(&body[name]))
}

/// A page of things. One that cannot be read fails the whole: a search that overlooks ours would make a second.
pub(super) fn list<T>(sent: Sent, name: &str, pick: impl Fn(&Value) -> Option<T>) -> Called<Vec<T>> {
    read(sent, |body| body[name].as_array()?.iter().map(&pick).collect())
}

/// One thing that was made, or was there.
pub(super) fn made<T>(sent: Sent, name: &str, pick: impl FnOnce(&Value) -> Option<T>) -> Called<Made<T>> {
    let Sent { answer, exchange } = sent;
    let (result, credentials_refused) = match body(&answer) {
        Ok(body) => (pick(&body[name]).map(Made::New).ok_or_else(not_understood), false),
        Err(refusal) if refusal.is_taken => (Ok(Made::Taken(refusal.failure)), false),
        Err(refusal) => (Err(refusal.failure), refusal.of_token),
    };
    Called { result, credentials_refused, exchange }
}

fn body(answer: &Result<Answer, SendFailure>) -> Result<Value, Refusal> {
    let answer = answer.as_ref().map_err(|failure| Refusal::of(no_answer(failure)))?;
    let body: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match (answer.status, body) {
        (200..=299, Some(body)) if body["code"] == 0 => Ok(body),
        (status @ 200..=299, None) => {
            let message = format!("Zoho Books' answer broke off, so it may or may not have acted [HTTP {status}]");
            Err(Refusal::of(Failure::of_unknown_effect(FailureClass::Network, message)))
        }
        (_, body) => Err(words::refusal(answer, &body.unwrap_or_default())),
    }
}

fn not_understood() -> Failure {
    let message = "Zoho Books answered with something we do not understand, so it may or may not have acted";
    Failure::of_unknown_effect(FailureClass::Unknown, message)
}

/// Ids come as text or as numbers.
pub(super) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An amount in minor units, by its decimal text. None: it has more decimals than the currency, or is no amount.
pub(super) fn minor(value: &Value, currency: Currency) -> Option<i64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let decimals = decimals.trim_end_matches('0');
    let exponent = currency.exponent();
    if decimals.len() > exponent || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{whole}{decimals:0<exponent$}").parse().ok()
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
