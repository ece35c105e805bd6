//! Zoho accounts: asking a person for a grant, exchanging its code, refreshing the token, revoking the grant.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{Called, Sent, no_answer, readable, scopes, send};
use crate::http::{Exchange, Method, Outgoing, Transport};
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
    /// What it may be used for; None: the answer does not say.
    pub scopes: Option<Vec<String>>,
}

/// The program that asks, as Zoho's API console knows it.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub secret: SecretString,
    /// Where Zoho sends the person back to: exactly as it was registered.
    pub redirect_uri: String,
}

/// What a code was exchanged for.
#[derive(Clone, Debug)]
pub struct Granted {
    pub access: AccessToken,
    /// None: Zoho gives one only with offline access, and not for each sign-in.
    pub refresh_token: Option<SecretString>,
}

/// The page at Zoho on which a person grants these scopes. Consent is always asked for: without it a second sign-in brings no
/// refresh token (accounts docs, 2026-11).
pub fn consent_url(accounts_url: &str, client: &Client, scopes: &str, state: &str) -> String {
    let query = Serializer::new(String::new())
        .append_pair("client_id", &client.id)
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", &client.redirect_uri)
        .append_pair("scope", scopes)
        .append_pair("access_type", "offline")
        .append_pair("prompt", "consent")
        .append_pair("state", state)
        .finish();
    format!("{}/oauth/v2/auth?{query}", accounts_url.trim_end_matches('/'))
}

/// Exchanges the code that Zoho sent a person back with. It works once, within 2 minutes.
pub async fn exchange(transport: &dyn Transport, accounts_url: &str, client: &Client, code: &SecretString) -> Called<Granted> {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("client_id", &client.id)
        .append_pair("client_secret", client.secret.expose_secret())
        .append_pair("redirect_uri", &client.redirect_uri)
        .append_pair("code", code.expose_secret())
        .finish();
    let (read, exchange) = post(transport, &format!("{}/oauth/v2/token", accounts_url.trim_end_matches('/')), form).await;
    let (result, credentials_refused) = match read {
        Ok(body) => match body["error"].as_str() {
            Some("invalid_code") if body["access_token"].is_null() => (Err(code_refused()), true),
            _ => granted(&body),
        },
        Err(failure) => (Err(failure), false),
    };
    Called { result, credentials_refused, exchange }
}

fn granted(body: &Value) -> (Result<Granted, Failure>, bool) {
    let (access, credentials_refused) = from_body(body);
    let refresh_token = body["refresh_token"].as_str().filter(|token| !token.is_empty()).map(SecretString::from);
    (access.map(|access| Granted { access, refresh_token }), credentials_refused)
}

fn code_refused() -> Failure {
    let message = "Zoho no longer takes the code it has just given out: each works once, for two minutes, and only at the data centre it came \
                   from. Start again, and confirm within two minutes [invalid_code]";
    Failure::of_call(FailureClass::Authentication, message)
}

/// Asks for a new access token. The refresh token stays as it is: Zoho does not rotate it.
pub async fn refresh(transport: &dyn Transport, accounts_url: &str, grant: &Grant) -> Called<AccessToken> {
    let form = Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .append_pair("client_id", &grant.client_id)
        .append_pair("client_secret", grant.client_secret.expose_secret())
        .append_pair("refresh_token", grant.refresh_token.expose_secret())
        .finish();
    let (read, exchange) = post(transport, &format!("{}/oauth/v2/token", accounts_url.trim_end_matches('/')), form).await;
    let (result, credentials_refused) = match read {
        Ok(body) => from_body(&body),
        Err(failure) => (Err(failure), false),
    };
    // A refresh changes nothing that could be doubled: it may always be asked for again.
    let result = result.map_err(|failure| Failure { effect_unknown: false, ..failure });
    Called { result, credentials_refused, exchange }
}

/// Ends a grant with every access token it gave. One that Zoho does not know any more (400) has ended already.
pub async fn revoke(transport: &dyn Transport, accounts_url: &str, refresh_token: &SecretString) -> Called<()> {
    // Zoho reads it from the address only (accounts docs, 2026-11).
    let query = Serializer::new(String::new()).append_pair("token", refresh_token.expose_secret()).finish();
    let url = format!("{}/oauth/v2/token/revoke?{query}", accounts_url.trim_end_matches('/'));
    let (read, exchange) = post(transport, &url, String::new()).await;
    let is_over = |body: &Value| body["status"] == "success" || body["error"] == "invalid_token";
    let result = match read {
        _ if exchange.status == Some(400) => Ok(()),
        Ok(body) if is_over(&body) => Ok(()),
        Ok(_) => Err(Failure::of_call(FailureClass::Unknown, "Zoho did not say that it has revoked the grant")),
        Err(failure) => Err(failure),
    };
    Called { result, credentials_refused: false, exchange }
}

async fn post(transport: &dyn Transport, url: &str, form: String) -> (Result<Value, Failure>, Exchange) {
    let request = Outgoing {
        method: Method::Post,
        url: url.to_owned(),
        headers: vec![("content-type", "application/x-www-form-urlencoded".into()), ("accept", "application/json".into())],
        body: form.into_bytes(),
    };
    let Sent { answer, exchange } = send(transport, &request).await;
    (answer.as_ref().map_err(no_answer).and_then(readable), exchange)
}

/// Zoho answers HTTP 200 with `{"error": …}` when a refresh is refused, so the status tells nothing (accounts docs, 2026-11).
fn from_body(body: &Value) -> (Result<AccessToken, Failure>, bool) {
    match body["access_token"].as_str() {
        Some(token) => {
            let api_domain = body["api_domain"].as_str().map(str::to_owned);
            let scopes = body["scope"].as_str().map(scopes::parse).filter(|scopes| !scopes.is_empty());
            (Ok(AccessToken { token: token.to_owned().into(), api_domain, lifetime_s: lifetime_s(body), scopes }), false)
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
