//! Zoho accounts: tokens. Errors come with HTTP 200, as the real ones do.

use serde_json::json;

use super::answer::{SandboxAnswer, SandboxRequest};
use super::consent;
use super::tokens::{Grant, Issued, TOKEN_LIFETIME};
use super::world::World;
use crate::clock::UtcTime;
use crate::http::Method;

/// Answers `/oauth/v2/…`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    match (request.method, request.path.as_str()) {
        (Method::Get, "/oauth/v2/auth") => consent::ask(&request.query),
        (Method::Post, "/oauth/v2/auth") => consent::decide(world, &request.form(), now),
        (Method::Post, "/oauth/v2/token") => token(world, request, now),
        (Method::Post, "/oauth/v2/token/revoke") => revoke(world, request),
        _ => SandboxAnswer::empty(404),
    }
}

/// Any client id and secret will do; the refresh token is the sandbox's own, or what somebody's consent gave.
fn token(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let form = [request.form(), request.query.clone()].concat();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if field("client_id").is_empty() || field("client_secret").is_empty() {
        return error("invalid_client");
    }
    match field("grant_type") {
        "refresh_token" => refresh(world, field("refresh_token"), now),
        "authorization_code" => match world.tokens.take_code(field("code"), now) {
            Some(code) if code.client_id == field("client_id") && code.redirect_uri == field("redirect_uri") => {
                let grant = code.grant.clone();
                let (access, refresh_token) = world.tokens.exchange(code, now);
                given(world, &grant, &access, refresh_token.as_deref())
            }
            _ => error("invalid_code"),
        },
        _ => error("unsupported_grant_type"),
    }
}

fn refresh(world: &mut World, refresh_token: &str, now: UtcTime) -> SandboxAnswer {
    match world.tokens.issue(refresh_token, now) {
        Issued::UnknownGrant => error("invalid_code"),
        Issued::Throttled => {
            let told = "You have made too many requests continuously. Please try again after some time.";
            SandboxAnswer::json(200, &json!({ "error": "Access Denied", "error_description": told, "status": "failure" }))
        }
        Issued::Token(token, grant) => given(world, &grant, &token, None),
    }
}

fn given(world: &World, grant: &Grant, access: &str, refresh_token: Option<&str>) -> SandboxAnswer {
    let mut body = json!({
        "access_token": access,
        "scope": grant.scopes,
        "api_domain": world.options.base_url,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME.num_seconds(),
    });
    if let Some(token) = refresh_token {
        body["refresh_token"] = json!(token);
    }
    SandboxAnswer::json(200, &body)
}

fn error(code: &str) -> SandboxAnswer {
    SandboxAnswer::json(200, &json!({ "error": code }))
}

fn revoke(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let form = [request.query.clone(), request.form()].concat();
    let token = form.iter().find(|(key, _)| key == "token").map_or("", |(_, value)| value.as_str());
    if world.tokens.revoke(token) {
        return SandboxAnswer::json(200, &json!({ "status": "success" }));
    }
    SandboxAnswer::json(400, &json!({ "error": "invalid_token" }))
}
