//! The headers every answer carries.

use std::sync::OnceLock;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::response::{self, Responder};
use rocket::{Request, Response};

use super::site::Site;

/// Nothing but our own files, no inline script or style; forms lead to us alone, frames nowhere.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

/// What a handler may say otherwise.
const LEFT_TO_HANDLERS: [&str; 1] = ["Cache-Control"];

/// What a public page may do that no other page may, on the sites of THROUGHLINE_SITES.
#[derive(Clone, Copy, Debug, Default)]
pub struct Openness {
    /// Stand in their frames.
    pub is_framed: bool,
    /// Lead to them after a form: browsers hold redirects to `form-action` too.
    pub leads_to_sites: bool,
}

#[derive(Default)]
struct Kept(OnceLock<Openness>);

/// Opens the answer of this request.
pub fn open(request: &Request<'_>, openness: Openness) {
    let _first_stays = request.local_cache(Kept::default).0.set(openness);
}

/// Sets security headers; a handler's own value stays.
pub struct Headers;

/// An answer whose forms may be answered with a redirect to these origins: browsers hold each step of a form's way to the policy
/// of the page it was sent from.
pub struct LeadingTo<R> {
    pub answer: R,
    pub origins: Vec<String>,
}

impl<'r, R: Responder<'r, 'static>> Responder<'r, 'static> for LeadingTo<R> {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut response = self.answer.respond_to(request)?;
        let allowed = format!("form-action 'self' {};", self.origins.join(" "));
        response.set_header(Header::new("Content-Security-Policy", POLICY.replace("form-action 'self';", allowed.trim_end())));
        Ok(response)
    }
}

#[rocket::async_trait]
impl Fairing for Headers {
    fn info(&self) -> Info {
        Info { name: "security headers", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let site = request.rocket().state::<Site>();
        let openness = request.local_cache(Kept::default).0.get().copied().unwrap_or_default();
        let sites = site.map(|site| site.sites.join(" ")).unwrap_or_default();
        let is_framed = openness.is_framed && !sites.is_empty();
        if !response.headers().contains("Content-Security-Policy") {
            response.set_header(Header::new("Content-Security-Policy", policy(openness, &sites)));
        }
        // A document that a handler means for a frame of ours.
        let is_framed_by_us =
            response.headers().get_one("Content-Security-Policy").is_some_and(|policy| policy.contains("frame-ancestors 'self'"));
        // Rocket names itself and frames pages on its own account; ours say more.
        response.remove_header("Server");
        response.remove_header("Permissions-Policy");
        response.remove_header("X-Frame-Options");
        if is_framed_by_us {
            set(response, "X-Frame-Options", "SAMEORIGIN");
        } else if !is_framed {
            // For browsers that do not know `frame-ancestors`; it cannot name sites, so the page that may be framed has none.
            set(response, "X-Frame-Options", "DENY");
        }
        set(response, "X-Content-Type-Options", "nosniff");
        // `no-referrer` would make browsers send `Origin: null`, which our cross-site defence refuses.
        set(response, "Referrer-Policy", "same-origin");
        set(response, "Cross-Origin-Opener-Policy", "same-origin");
        set(response, "Cache-Control", "no-store");
        if site.is_some_and(|site| site.https) {
            set(response, "Strict-Transport-Security", "max-age=31536000");
        }
    }
}

fn policy(openness: Openness, sites: &str) -> String {
    let mut policy = POLICY.to_owned();
    if openness.is_framed && !sites.is_empty() {
        policy = policy.replace("frame-ancestors 'none'", &format!("frame-ancestors {sites}"));
    }
    if openness.leads_to_sites && !sites.is_empty() {
        policy = policy.replace("form-action 'self'", &format!("form-action 'self' {sites}"));
    }
    policy
}

fn set(response: &mut Response<'_>, name: &'static str, value: &'static str) {
    // Rocket's shield has set headers of its own by then.
    if !LEFT_TO_HANDLERS.contains(&name) || !response.headers().contains(name) {
        response.set_header(Header::new(name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_opened_page_names_other_sites_and_only_if_there_are_any() {
        let both = Openness { is_framed: true, leads_to_sites: true };
        assert_eq!(policy(Openness::default(), "https://a.example"), POLICY);
        assert_eq!(policy(both, ""), POLICY);
        let opened = policy(both, "https://a.example https://b.example");
        assert!(opened.contains("frame-ancestors https://a.example https://b.example;"));
        assert!(opened.contains("form-action 'self' https://a.example https://b.example;"));
    }
}
