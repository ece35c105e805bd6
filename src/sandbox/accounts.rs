//! Zoho accounts: tokens. Errors come with HTTP 200, as the real ones do.

use serde_json::json;

use super::answer::{SandboxAnswer, SandboxRequest};
use super::world::{Issued, TOKEN_LIFETIME, World};
use crate::clock::UtcTime;
use crate::http::Method;

/// Answers `/oauth/v2/…`.
pub(super) fn answer(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    match (request.method, request.path.as_str()) {
        (Method::Post, "/oauth/v2/token") => token(world, request, now),
        (Method::Post, "/oauth/v2/token/revoke") => revoke(world, request),
        _ => SandboxAnswer::empty(404),
    }
}

/// Any client id and secret will do; the refresh token is the sandbox's own.
fn token(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    let form = [request.form(), request.query.clone()].concat();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let error = |code: &str| SandboxAnswer::json(200, &json!({ "error": code }));
    if field("grant_type") != "refresh_token" {
        return error("unsupported_grant_type");
    }
    if field("client_id").is_empty() || field("client_secret").is_empty() {
        return error("invalid_client");
    }
    match world.tokens.issue(field("refresh_token"), now) {
        Issued::UnknownGrant => error("invalid_code"),
        Issued::Throttled => {
            let told = "You have made too many requests continuously. Please try again after some time.";
            SandboxAnswer::json(200, &json!({ "error": "Access Denied", "error_description": told, "status": "failure" }))
        }
        Issued::Token(token) => SandboxAnswer::json(
            200,
            &json!({
                "access_token": token,
                "scope": "ZohoCRM.modules.ALL ZohoCRM.settings.fields.READ ZohoCRM.coql.READ",
                "api_domain": world.options.base_url,
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFETIME.num_seconds(),
            }),
        ),
    }
}

fn revoke(world: &mut World, request: &SandboxRequest) -> SandboxAnswer {
    let form = [request.form(), request.query.clone()].concat();
    let token = form.iter().find(|(key, _)| key == "token").map(|(_, value)| value.clone()).unwrap_or_default();
    if token == world.tokens.grant() {
        world.tokens.revoke_grant();
        return SandboxAnswer::json(200, &json!({ "status": "success" }));
    }
    SandboxAnswer::json(200, &json!({ "error": "invalid_token" }))
}
