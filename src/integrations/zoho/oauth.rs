//! Zoho accounts: the refresh_token grant. The browser flow (authorization_code) is not in here yet.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{Called, Sent, no_answer, readable, send};
use crate::http::{Method, Outgoing, Transport};
use crate::integrations::{Failure, FailureClass};

/// A value above this cannot be seconds: older answers gave `expires_in` in milliseconds.
const LIFETIME_MAX_S: i64 = 86_400;
/// Zoho gives at most 10 tokens in 10 minutes and then refuses for the rest of them (CRM token-validity page).
const THROTTLED_FOR_S: u32 = 600;

/// What lets us ask for access tokens for ever.
#[derive(Clone, Debug)]
pub struct Grant {
    pub client_id: String,
    pub client_secret: SecretString,
    pub refresh_token: SecretString,
}

/// A fresh access token.
#[derive(Clone, Debug)]
pub struct AccessToken {
    pub token: SecretString,
    /// The API host of the account's data centre; not checked yet (see `data_centers::api_url`).
    pub api_domain: Option<String>,
    pub lifetime_s: i64,
}

/// Asks for a new access token. The refresh token stays as it is: Zoho does not rotate it.
pub async fn refresh(transport: &dyn Transport, accounts_url: &str, grant: &Grant) -> Called<AccessToken> {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", &grant.client_id)
        .append_pair("client_secret", grant.client_secret.expose_secret())
        .append_pair("refresh_token", grant.refresh_token.expose_secret())
        .finish();
    let request = Outgoing {
        method: Method::Post,
        url: format!("{}/oauth/v2/token", accounts_url.trim_end_matches('/')),
        headers: vec![("content-type", "application/x-www-form-urlencoded".into()), ("accept", "application/json".into())],
        body: form.into_bytes(),
    };
    let Sent { answer, exchange } = send(transport, &request).await;
    let read = answer.as_ref().map_err(no_answer).and_then(readable);
    let (result, credentials_refused) = match read {
        Ok(body) => from_body(&body),
        Err(failure) => (Err(failure), false),
    };
    // A refresh changes nothing that could be doubled: it may always be asked for again.
    let result = result.map_err(|failure| Failure { effect_unknown: false, ..failure });
    Called { result, credentials_refused, exchange }
}

/// Zoho answers HTTP 200 with `{"error": …}` when a refresh is refused, so the status tells nothing (accounts docs, 2026-11).
fn from_body(body: &Value) -> (Result<AccessToken, Failure>, bool) {
    match body["access_token"].as_str() {
        Some(token) => {
            let api_domain = body["api_domain"].as_str().map(str::to_owned);
            (Ok(AccessToken { token: token.to_owned().into(), api_domain, lifetime_s: lifetime_s(body) }), false)
        }
        None => refusal(body["error"].as_str().unwrap_or_default()),
    }
}

fn lifetime_s(body: &Value) -> i64 {
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match number(&body["expires_in_sec"]).or_else(|| number(&body["expires_in"])) {
        Some(value) if value > LIFETIME_MAX_S => value / 1000,
        Some(value) if value > 0 => value,
        _ => 3600,
    }
}

fn refusal(code: &str) -> (Result<AccessToken, Failure>, bool) {
    let failure = |class, message: &str, retry_after_s| {
        let code = if code.is_empty() { "no access_token" } else { code };
        Err(Failure::of_call(class, format!("{message} [{code}]")).waiting_s(retry_after_s))
    };
    // Throttling is told as "Access Denied", without a status of its own.
    match code.to_ascii_lowercase().replace(' ', "_").as_str() {
        "invalid_code" => {
            let message = "Zoho no longer accepts our connection: it was revoked, or belongs to another data centre. Connect Zoho again";
            (failure(FailureClass::Authentication, message, None), true)
        }
        "invalid_client" | "invalid_client_secret" => {
            let message = "Zoho does not know this client id and secret (or they belong to another data centre). Connect Zoho again with the right ones";
            (failure(FailureClass::Authentication, message, None), true)
        }
        "access_denied" | "too_many_requests" => {
            let message = "Zoho gives out no more access tokens for now, because too many were asked for within 10 minutes";
            (failure(FailureClass::RateLimited, message, Some(THROTTLED_FOR_S)), false)
        }
        // Whatever it is, no lead is at fault: the connection waits and asks again.
        _ => (failure(FailureClass::ServerError, "Zoho gave no access token, for a reason we do not know", None), false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_presence_of_a_token_decides() {
        let (granted, _) = from_body(&json!({"access_token": "1000.a", "api_domain": "https://www.zohoapis.eu", "expires_in": 3600}));
        assert_eq!(granted.expect("a token").lifetime_s, 3600);
        for (body, class, refused) in [
            (json!({"error": "invalid_code"}), FailureClass::Authentication, true),
            (json!({"error": "invalid_client"}), FailureClass::Authentication, true),
            (json!({"error": "Access Denied", "status": "failure"}), FailureClass::RateLimited, false),
            (json!({"error": "general_error"}), FailureClass::ServerError, false),
            (json!({}), FailureClass::ServerError, false),
            (Value::Null, FailureClass::ServerError, false),
        ] {
            let (result, credentials_refused) = from_body(&body);
            assert_eq!((result.expect_err("no token").class, credentials_refused), (class, refused), "{body}");
        }
    }

    #[test]
    fn a_lifetime_is_read_in_seconds_whatever_the_unit() {
        for (body, lifetime) in [
            (json!({"expires_in": 3_600_000, "expires_in_sec": 3600}), 3600),
            (json!({"expires_in": 3_600_000}), 3600),
            (json!({"expires_in": "3600"}), 3600),
            (json!({"expires_in": 0}), 3600),
            (json!({}), 3600),
            (json!({"expires_in": 86_400}), 86_400),
        ] {
            assert_eq!(lifetime_s(&body), lifetime, "{body}");
        }
    }
}
