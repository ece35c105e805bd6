//! What is written down about a call to a provider, with its secrets taken out.

use std::fmt::Write;

use super::meter::tell_call;
use super::redact::redact;
use super::tally;
use super::{Answer, Outgoing, SendFailure};

/// One call, as an attempt records it. `request` and `response` are redacted and cut to 16 KiB each.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// `zoho`.
    pub provider: &'static str,
    /// `POST /crm/v8/Leads/upsert`. Its query is left to `request`: people are looked for by their addresses.
    pub call: String,
    /// None: there was no answer.
    pub status: Option<u16>,
    pub duration_ms: i64,
    /// The provider's own id of the request, where it gives one.
    pub request_id: Option<String>,
    pub request: String,
    pub response: String,
}

impl Exchange {
    /// Writes down one call: secrets hidden, long bodies cut. A call without an answer keeps the reason in its place.
    pub fn of(provider: &'static str, request: &Outgoing, answer: &Result<Answer, SendFailure>, duration_ms: i64) -> Self {
        tally::count(provider, answer, duration_ms);
        let (status, request_id, response) = match answer {
            Ok(answer) => {
                // Stripe's has a name of its own.
                let request_id = answer.header("x-request-id").or_else(|| answer.header("request-id"));
                (Some(answer.status), request_id.map(str::to_owned), String::from_utf8_lossy(&answer.body).into_owned())
            }
            Err(failure) => (None, None, format!("(no answer: {failure})")),
        };
        let exchange = Self {
            provider,
            call: redact(&call_line(request)),
            status,
            duration_ms,
            request_id,
            request: redact(&request_text(request)),
            response: redact(&response),
        };
        tell_call(&exchange);
        exchange
    }

    /// The same call told from one member's side: only its own part of what was sent and answered.
    pub fn for_member(&self, sent: &str, answered: &str) -> Self {
        Self { request: redact(&format!("{}\n\n{sent}", self.call)), response: redact(answered), ..self.clone() }
    }
}

fn call_line(request: &Outgoing) -> String {
    let path = url::Url::parse(&request.url).map_or_else(|_| request.url.clone(), |url| url.path().to_owned());
    format!("{} {path}", request.method.as_str())
}

fn request_text(request: &Outgoing) -> String {
    let mut text = format!("{} {}\n", request.method.as_str(), request.url);
    for (name, value) in &request.headers {
        let _infallible = writeln!(text, "{name}: {value}");
    }
    if !request.body.is_empty() {
        let _infallible = write!(text, "\n{}", String::from_utf8_lossy(&request.body));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Method;

    #[test]
    fn a_call_is_told_without_its_secrets() {
        let request = Outgoing {
            method: Method::Post,
            url: "https://accounts.zoho.com/oauth/v2/token?for=ada@example.com".into(),
            headers: vec![("authorization", "Zoho-oauthtoken 1000.live".into())],
            body: b"refresh_token=1000.keep&grant_type=refresh_token".to_vec(),
        };
        let answer = Ok(Answer { status: 200, headers: Vec::new(), body: br#"{"access_token":"1000.new"}"#.to_vec() });
        let exchange = Exchange::of("zoho", &request, &answer, 12);
        assert_eq!(exchange.call, "POST /oauth/v2/token");
        assert_eq!(
            exchange.request,
            "POST https://accounts.zoho.com/oauth/v2/token?for=ada@example.com\nauthorization: [hidden]\n\nrefresh_token=[hidden]&grant_type=refresh_token"
        );
        assert_eq!(exchange.response, r#"{"access_token":"[hidden]"}"#);
    }
}
