//! Reads the CRM's answers. The per-record `status` decides, not only HTTP: 200, 201, 207, 400 and (historically) 202 all
//! carry an array in the order of the request. Errors of the whole request come bare or wrapped in `data`.

use serde_json::Value;

use super::words::{is_permission, is_token_refused, permission, record, whole};
use super::{BatchAnswer, How, MemberAnswer, Record, Written, ZohoLeadId, id_text};
use crate::http::{Answer, Exchange, SendFailure};
use crate::integrations::zoho::{Called, Sent, code_of, no_answer, readable};
use crate::integrations::{Failure, FailureClass};

/// Reads an answer about one thing; `pick` finds it in the body.
pub(super) fn read_one<T>(sent: Sent, pick: impl FnOnce(&Value) -> Option<T>) -> Called<T> {
    let Sent { answer, exchange } = sent;
    let status = answer.as_ref().map_or(0, |answer| answer.status);
    let read = answer.as_ref().map_err(no_answer).and_then(readable);
    let (result, code) = match read {
        Err(failure) => (Err(failure), String::new()),
        Ok(body) => match pick(&body).filter(|_| status < 300) {
            Some(found) => (Ok(found), String::new()),
            None => (Err(not_found(status, &body)), code_of(&body).unwrap_or_default().to_owned()),
        },
    };
    let credentials_refused = result.is_err() && is_token_refused(status, &code);
    Called { result, credentials_refused, exchange }
}

/// The body does not hold what was asked for: an error, or nothing we understand.
fn not_found(status: u16, body: &Value) -> Failure {
    match &body["data"][0] {
        error if error["status"] == "error" && status < 401 => record(error),
        error if error.is_object() && status >= 400 => whole(status, error),
        _ if body["code"].is_string() => whole(status, body),
        _ => not_understood(status),
    }
}

/// Reads what came of a batch.
pub(super) struct BatchReader<'a> {
    pub leads: &'a [Record],
    pub exchange: &'a Exchange,
}

impl BatchReader<'_> {
    /// One answer for each lead, in their order.
    pub(super) fn read(&self, answer: &Result<Answer, SendFailure>) -> BatchAnswer {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.all_failed(no_answer(failure), false),
        };
        let body = match readable(answer) {
            Ok(body) => body,
            Err(failure) => return self.all_failed(failure, answer.status == 401),
        };
        let code = code_of(&body).unwrap_or_default();
        if matches!(answer.status, 401 | 403) || is_token_refused(answer.status, code) {
            let error = if body["code"].is_string() { &body } else { &body["data"][0] };
            return self.all_failed(whole(answer.status, error), is_token_refused(answer.status, code));
        }
        match body["data"].as_array() {
            Some(results) if results.len() == self.leads.len() => self.one_by_one(results),
            Some(results) if results.len() == 1 && results[0]["status"] == "error" => {
                self.all_failed(whole(answer.status, &results[0]), false)
            }
            None if body["code"].is_string() => self.all_failed(whole(answer.status, &body), false),
            _ => self.all_failed(not_understood(answer.status), false),
        }
    }

    fn one_by_one(&self, results: &[Value]) -> BatchAnswer {
        let is_refused_to_all = results.iter().all(|result| result["code"].as_str().is_some_and(is_permission));
        if is_refused_to_all {
            return self.all_failed(permission(&results[0]), false);
        }
        let members = results
            .iter()
            .zip(self.leads)
            .map(|(result, lead)| MemberAnswer { result: one(result), exchange: self.part(lead, &result.to_string()) })
            .collect();
        BatchAnswer { members, whole: None, credentials_refused: false }
    }

    fn all_failed(&self, failure: Failure, credentials_refused: bool) -> BatchAnswer {
        let members = self
            .leads
            .iter()
            .map(|lead| MemberAnswer { result: Err(failure.clone()), exchange: self.part(lead, &self.exchange.response) })
            .collect();
        BatchAnswer { members, whole: Some(failure), credentials_refused }
    }

    fn part(&self, lead: &Record, answered: &str) -> Exchange {
        let sent = serde_json::to_string(lead).unwrap_or_default();
        self.exchange.for_member(&sent, answered)
    }
}

fn one(result: &Value) -> Result<Written, Failure> {
    if result["status"] == "success" {
        let how = if result["action"] == "update" { How::Updated } else { How::Inserted };
        return match id_text(&result["details"]["id"]) {
            Some(id) => Ok(Written { id: ZohoLeadId(id), how }),
            None => Err(not_understood(200)),
        };
    }
    adopted(result).map_or_else(|| Err(record(result)), Ok)
}

/// DUPLICATE_DATA, alone or as the only one of several errors, names the record that is there already.
fn adopted(result: &Value) -> Option<Written> {
    let error = match (result["code"].as_str()?, result["details"]["errors"].as_array()) {
        ("MULTIPLE_OR_MULTI_ERRORS", Some(errors)) if errors.len() == 1 => &errors[0],
        _ => result,
    };
    if error["code"] != "DUPLICATE_DATA" {
        return None;
    }
    let details = &error["details"];
    let id = id_text(&details["id"]).or_else(|| id_text(&details["duplicate_record"]["id"]))?;
    let field = details["api_name"].as_str().unwrap_or_default().to_owned();
    Some(Written { id: ZohoLeadId(id), how: How::Adopted { field } })
}

fn not_understood(status: u16) -> Failure {
    let message = format!("Zoho answered with something we do not understand, so it may or may not have acted [HTTP {status}]");
    if status < 300 { Failure::of_unknown_effect(FailureClass::Unknown, message) } else { Failure::of_call(FailureClass::Unknown, message) }
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
