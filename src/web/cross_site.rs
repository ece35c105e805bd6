//! Cross-site defence for unsafe methods, by request headers instead of tokens in forms.
//!
//! In this order: `Sec-Fetch-Site` same-origin or none allows, anything else refuses; without it `Origin` must be our
//! public address; with neither only requests without a session cookie pass (curl, bearer tokens).

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Method, Status};
use rocket::{Data, Request};

use super::problem::{self, Problem};
use super::site::Site;

/// The name of the session cookie, before [`Site::cookie_name`] binds it to the host.
pub const SESSION: &str = "session";

/// Refuses unsafe requests that another site may have caused.
pub struct CrossSite {
    /// Path prefixes of routes that use no cookie: public forms, JSON intake, webhooks.
    pub exempt: Vec<&'static str>,
}

/// What a browser says about where a request comes from.
struct Provenance<'a> {
    fetch_site: Option<&'a str>,
    origin: Option<&'a str>,
    has_session: bool,
}

#[rocket::async_trait]
impl Fairing for CrossSite {
    fn info(&self) -> Info {
        Info { name: "cross-site defence", kind: Kind::Request }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        if matches!(request.method(), Method::Get | Method::Head | Method::Options) || self.is_exempt(request.uri().path().as_str()) {
            return;
        }
        let Some(site) = request.rocket().state::<Site>() else { return };
        let provenance = Provenance {
            fetch_site: request.headers().get_one("Sec-Fetch-Site"),
            origin: request.headers().get_one("Origin"),
            has_session: request.cookies().get(&site.cookie_name(SESSION)).is_some(),
        };
        if let Err(why) = judge(&provenance, &site.origin) {
            problem::keep(request, Problem::new(Status::Forbidden, "Refused: this request comes from another site").detail(why));
            // No route answers here, so the catcher does, with the problem kept above.
            request.set_uri(rocket::uri!("/.refused"));
        }
    }
}

impl CrossSite {
    fn is_exempt(&self, path: &str) -> bool {
        self.exempt.iter().any(|prefix| path == *prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/')))
    }
}

fn judge(from: &Provenance<'_>, our_origin: &str) -> Result<(), &'static str> {
    match (from.fetch_site, from.origin) {
        (Some("same-origin" | "none"), _) => Ok(()),
        (Some(_), _) => Err("The browser says that another site sent it. Open the page here and try again."),
        (None, Some(origin)) if origin == our_origin => Ok(()),
        (None, Some(_)) => Err("Its Origin is not the public address of this installation (THROUGHLINE_PUBLIC_URL)."),
        (None, None) if from.has_session => {
            Err("It carries a session but does not say where it comes from (no Sec-Fetch-Site, no Origin).")
        }
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(fetch_site: Option<&str>, origin: Option<&str>, has_session: bool) -> bool {
        judge(&Provenance { fetch_site, origin, has_session }, "https://desk.example.com").is_ok()
    }

    #[test]
    fn only_our_own_pages_and_cookieless_programs_may_change_things() {
        assert!(allowed(Some("same-origin"), None, true));
        assert!(allowed(Some("none"), None, true));
        assert!(!allowed(Some("same-site"), Some("https://desk.example.com"), true));
        assert!(!allowed(Some("cross-site"), None, false));
        assert!(allowed(None, Some("https://desk.example.com"), true));
        assert!(!allowed(None, Some("null"), true));
        assert!(!allowed(None, Some("https://desk.example.com.evil.example"), false));
        assert!(!allowed(None, None, true));
        assert!(allowed(None, None, false));
    }

    #[test]
    fn a_prefix_exempts_whole_segments_only() {
        let guard = CrossSite { exempt: vec!["/api/store-lead"] };
        assert!(guard.is_exempt("/api/store-lead") && guard.is_exempt("/api/store-lead/x"));
        assert!(!guard.is_exempt("/api/store-leads"));
    }
}
