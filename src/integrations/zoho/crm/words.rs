//! The CRM's error codes in words a person can act on, each with its class.

use serde_json::Value;

use crate::integrations::{Failure, FailureClass};

/// Codes by which the CRM refuses the token itself; refreshing it may help.
const TOKEN_CODES: &[&str] = &["INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"];
/// Codes by which the CRM refuses what the user may do.
const PERMISSION_CODES: &[&str] = &["NO_PERMISSION", "AUTHORIZATION_FAILED", "PERMISSION_DENIED"];

/// Whether another token may be accepted where this one was not.
pub(super) fn is_token_refused(status: u16, code: &str) -> bool {
    TOKEN_CODES.contains(&code) || (status == 401 && code.is_empty())
}

/// Whether the code is about the user's rights rather than about the record.
pub(super) fn is_permission(code: &str) -> bool {
    PERMISSION_CODES.contains(&code)
}

/// An error that concerns the whole request. `Validation` means that one of its records may have spoilt it for the others.
pub(super) fn whole(status: u16, error: &Value) -> Failure {
    let code = error["code"].as_str().unwrap_or_default();
    let told = error["message"].as_str().unwrap_or_default();
    let (class, message) = match code {
        _ if TOKEN_CODES.contains(&code) => (FailureClass::Authentication, "Zoho refuses our access token".to_owned()),
        "OAUTH_SCOPE_MISMATCH" => (
            FailureClass::Authentication,
            "The Zoho connection lacks a permission it needs: connect Zoho again and grant all of them".to_owned(),
        ),
        _ if is_permission(code) => return permission(error),
        // Nothing about the records: sending them in smaller groups would only cost calls.
        "INVALID_MODULE" | "INVALID_URL_PATTERN" => {
            (FailureClass::NotFound, format!("Zoho does not know what we refer to: {}", place(error, told)))
        }
        "INVALID_REQUEST_METHOD" | "REQUIRED_PARAM_MISSING" => {
            (FailureClass::Unknown, format!("Zoho refuses the way we ask, which is a bug of ours: {}", place(error, told)))
        }
        // The set-up is wrong, not a lead: they wait until a person has mended it.
        "INVALID_DATA" if error["details"]["json_path"] == "$.duplicate_check_fields" => (
            FailureClass::Authentication,
            format!("Zoho CRM has no unique field of this name any more: create it again, or connect Zoho again. {}", place(error, told)),
        ),
        "LIMIT_EXCEEDED" => (FailureClass::Validation, "Zoho takes fewer records in one call than we sent".to_owned()),
        "INTERNAL_ERROR" | "INTERNAL_SERVER_ERROR" => (FailureClass::ServerError, "Zoho had a fault of its own".to_owned()),
        _ => match status {
            401 => (FailureClass::Authentication, "Zoho refuses our access token".to_owned()),
            403 => (FailureClass::Authentication, format!("Zoho does not let this connection do that: {told}")),
            404 => (FailureClass::NotFound, format!("Zoho does not know what we refer to: {told}")),
            400 | 405 | 412 | 413 => (FailureClass::Validation, format!("Zoho refuses the request: {}", place(error, told))),
            _ => (FailureClass::Unknown, format!("Zoho answered with something we do not understand: {told}")),
        },
    };
    let code = if code.is_empty() { format!("HTTP {status}") } else { code.to_owned() };
    failure(class, &message, &code)
}

/// The user of the connection may not do this: the connection waits, no record is at fault.
pub(super) fn permission(error: &Value) -> Failure {
    let rights: Vec<_> = error["details"]["permissions"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let what = if rights.is_empty() { "may not write leads".to_owned() } else { format!("may not do this ({})", rights.join(", ")) };
    let message = format!("The Zoho user of this connection {what}: give the user that right in Zoho, or connect with another user");
    failure(FailureClass::Authentication, &message, error["code"].as_str().unwrap_or_default())
}

/// An error that concerns one record.
pub(super) fn record(error: &Value) -> Failure {
    let code = error["code"].as_str().unwrap_or("no code");
    let details = &error["details"];
    let field = details["api_name"].as_str();
    let name = field.map_or_else(|| "a field".to_owned(), |field| field.replace('_', " "));
    let (class, message) = match code {
        "MANDATORY_NOT_FOUND" => (FailureClass::Validation, format!("Zoho needs a value for {name}")),
        "INVALID_DATA" => (FailureClass::Validation, invalid(&name, details, error)),
        "DUPLICATE_DATA" => (FailureClass::Validation, format!("Zoho already has a record with this {name}")),
        "MULTIPLE_OR_MULTI_ERRORS" => return multiple(details),
        "DEPENDENT_FIELD_MISSING" => (FailureClass::Validation, format!("Zoho needs another field filled in together with {name}")),
        "DEPENDENT_MISMATCH" => (FailureClass::Validation, format!("{name} does not fit another field of this lead")),
        "NOT_APPROVED" => (FailureClass::Validation, "The record waits for an approval in Zoho".to_owned()),
        "RECORD_LOCKED" => (FailureClass::ServerError, "The record is locked in Zoho at the moment".to_owned()),
        "INTERNAL_ERROR" | "INTERNAL_SERVER_ERROR" => {
            (FailureClass::ServerError, "Zoho had a fault of its own with this record".to_owned())
        }
        _ if is_permission(code) => (FailureClass::Validation, "The Zoho user of this connection may not write this record".to_owned()),
        _ => {
            let told = error["message"].as_str().unwrap_or("no reason given");
            (FailureClass::Unknown, format!("Zoho refused this record for a reason we do not know: {told}"))
        }
    };
    let code = field.map_or_else(|| code.to_owned(), |field| format!("{code}: {field}"));
    Failure::of_record(class, format!("{message} [{code}]"))
}

fn invalid(name: &str, details: &Value, error: &Value) -> String {
    if let Some(length) = details["maximum_length"].as_i64() {
        return format!("{name} is longer than the {length} characters Zoho takes");
    }
    if let Some(expected) = details["expected_data_type"].as_str() {
        return format!("{name} is not a value Zoho accepts (it expects: {expected})");
    }
    if let Some(values) = details["supported_values"].as_array() {
        let known: Vec<_> = values.iter().filter_map(Value::as_str).take(10).collect();
        return format!("Zoho does not know this value for {name}; it knows {}", known.join(", "));
    }
    format!("Zoho refuses the value of {name}: {}", error["message"].as_str().unwrap_or("no reason given"))
}

fn multiple(details: &Value) -> Failure {
    let failures: Vec<_> = details["errors"].as_array().into_iter().flatten().map(record).collect();
    let Some(first) = failures.first() else {
        return failure(FailureClass::Unknown, "Zoho refused this record without saying why", "MULTIPLE_OR_MULTI_ERRORS");
    };
    let message = failures.iter().map(|failure| failure.message.as_str()).collect::<Vec<_>>().join("; ");
    // What cannot be mended by trying again decides.
    let class = failures.iter().map(|failure| failure.class).find(|class| *class == FailureClass::Validation).unwrap_or(first.class);
    Failure::of_record(class, message)
}

fn place(error: &Value, told: &str) -> String {
    match error["details"]["api_name"].as_str().or_else(|| error["details"]["param_name"].as_str()) {
        Some(field) => format!("{told} ({field})"),
        None => told.to_owned(),
    }
}

fn failure(class: FailureClass, message: &str, code: &str) -> Failure {
    Failure::of_call(class, format!("{message} [{code}]"))
}
