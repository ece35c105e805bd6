//! What goes into the sandbox and what comes out of it: requests and answers without a network.

use std::time::Duration;

use serde_json::{Value, json};
use url::form_urlencoded;

use crate::http::Method;

/// A request as a provider sees it.
#[derive(Clone, Debug)]
pub struct SandboxRequest {
    pub method: Method,
    pub path: String,
    /// Decoded.
    pub query: Vec<(String, String)>,
    /// The header `authorization`.
    pub authorization: Option<String>,
    /// The header `content-type`.
    pub content_type: Option<String>,
    /// The header `idempotency-key`.
    pub idempotency_key: Option<String>,
    pub body: Vec<u8>,
    /// Calls under way, this one included.
    pub in_flight: usize,
    /// Of them, those with a limit of their own.
    pub heavy_in_flight: usize,
}

/// An answer, and how it reaches the caller.
#[derive(Clone, Debug)]
pub struct SandboxAnswer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub delivery: Delivery,
}

/// How an answer reaches the caller, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At once and whole.
    Whole,
    /// The body comes after this long.
    Slow(Duration),
    /// The caller waits until its own timeout; what was asked for may have been done.
    Never,
    /// The connection breaks before any answer.
    Reset,
    /// No connection comes about at all.
    Refused,
}

impl SandboxRequest {
    /// A request without query and credentials.
    pub fn new(method: Method, path: &str, body: Vec<u8>) -> Self {
        Self {
            method,
            path: path.to_owned(),
            query: Vec::new(),
            authorization: None,
            content_type: None,
            idempotency_key: None,
            body,
            in_flight: 1,
            heavy_in_flight: 0,
        }
    }

    /// `POST /crm/v8/Leads/upsert`.
    pub(super) fn call(&self) -> String {
        format!("{} {}", self.method.as_str(), self.path)
    }

    /// A query parameter.
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The form fields of the body.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

impl SandboxAnswer {
    /// A JSON answer.
    pub(super) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json;charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), delivery: Delivery::Whole }
    }

    /// A page.
    pub(super) fn html(status: u16, text: &str) -> Self {
        let headers = vec![("content-type", "text/html; charset=utf-8".to_owned()), ("cache-control", "no-store".to_owned())];
        Self { status, headers, body: text.as_bytes().to_vec(), delivery: Delivery::Whole }
    }

    /// An answer without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), delivery: Delivery::Whole }
    }

    /// A CRM error that concerns the whole request.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::error_about(status, code, message, &json!({}))
    }

    /// The same, naming what is wrong.
    pub(super) fn error_about(status: u16, code: &str, message: &str, details: &Value) -> Self {
        Self::json(status, &json!({ "code": code, "details": details, "message": message, "status": "error" }))
    }
}
