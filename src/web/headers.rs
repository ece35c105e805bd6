//! The headers every answer carries.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::{Request, Response};

use super::site::Site;

/// Nothing but our own files, no inline script or style, never in a frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/// Sets security headers; a handler's own value stays.
pub struct Headers;

#[rocket::async_trait]
impl Fairing for Headers {
    fn info(&self) -> Info {
        Info { name: "security headers", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        set(response, "Content-Security-Policy", POLICY);
        set(response, "X-Content-Type-Options", "nosniff");
        // `no-referrer` would make browsers send `Origin: null`, which our cross-site defence refuses.
        set(response, "Referrer-Policy", "same-origin");
        set(response, "Cross-Origin-Opener-Policy", "same-origin");
        set(response, "Cache-Control", "no-store");
        if request.rocket().state::<Site>().is_some_and(|site| site.https) {
            set(response, "Strict-Transport-Security", "max-age=31536000");
        }
        // Rocket names itself and frames pages on its own account; ours say more.
        response.remove_header("Server");
        response.remove_header("X-Frame-Options");
        response.remove_header("Permissions-Policy");
    }
}

fn set(response: &mut Response<'_>, name: &'static str, value: &'static str) {
    // Rocket's shield has set its own policy headers by then; only Cache-Control is left to handlers.
    if name != "Cache-Control" || !response.headers().contains(name) {
        response.set_header(Header::new(name, value));
    }
}
