//! Scripts on the seller's own sites may call the intake and the checkout: cross-origin resource sharing (Fetch Standard, read
//! 2026-11) for the sites of THROUGHLINE_SITES and no other. Never with credentials: neither uses any. A plain form needs none of this.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, Method, Status};
use rocket::response::Responder;
use rocket::{Request, Response};

use super::problem::Problem;
use super::site::Site;

/// The headers a script may send, beside those that are always allowed.
const HEADERS: [&str; 2] = ["content-type", "idempotency-key"];
/// How long a browser need not ask again.
const MAX_AGE_S: &str = "600";

/// Answers preflights, and lets scripts of listed sites read what is answered there.
pub struct Cors {
    /// Path prefixes, each with the one method that scripts may use there.
    pub paths: Vec<(&'static str, Method)>,
}

#[rocket::async_trait]
impl Fairing for Cors {
    fn info(&self) -> Info {
        Info { name: "cross-origin resource sharing", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Some(method) = self.method(request.uri().path().as_str()) else { return };
        let Some(site) = request.rocket().state::<Site>() else { return };
        let headers = request.headers();
        let origin = headers.get_one("Origin");
        let wanted = headers.get_one("Access-Control-Request-Method").filter(|_| request.method() == Method::Options);
        if let (Some(origin), Some(wanted)) = (origin, wanted) {
            let listed = headers.get("Access-Control-Request-Headers").collect::<Vec<_>>().join(",");
            match preflight(site, method, Preflight { origin, wanted, headers: &listed }) {
                Ok(()) => *response = allowed(origin, method),
                Err(problem) => {
                    if let Ok(refusal) = problem.respond_to(request) {
                        *response = refusal;
                    }
                }
            }
        } else if let Some(origin) = origin.filter(|origin| site.is_listed(origin)) {
            response.set_header(Header::new("Access-Control-Allow-Origin", origin.to_owned()));
            response.set_header(Header::new("Access-Control-Expose-Headers", "Location, Retry-After"));
        }
        response.adjoin_header(Header::new("Vary", "Origin"));
    }
}

impl Cors {
    fn method(&self, path: &str) -> Option<Method> {
        let is_under = |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.paths.iter().find(|(prefix, _)| is_under(prefix)).map(|(_, method)| *method)
    }
}

/// What a browser asks before it lets a script send something.
struct Preflight<'a> {
    origin: &'a str,
    wanted: &'a str,
    headers: &'a str,
}

fn preflight(site: &Site, method: Method, asked: Preflight<'_>) -> Result<(), Problem> {
    let refuse = |title: String, detail: &str| Err(Problem::new(Status::Forbidden, title).detail(detail));
    if !site.is_listed(asked.origin) {
        let detail = "Add the site to THROUGHLINE_SITES, or send this from your own server. Nothing was saved.";
        return refuse("Scripts of this site may not call this".into(), detail);
    }
    if asked.wanted != method.as_str() {
        return refuse(format!("Scripts of other sites may use {method} here"), "Nothing was saved.");
    }
    let is_known = |name: &str| HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if asked.headers.split(',').map(str::trim).any(|name| !name.is_empty() && !is_known(name)) {
        return refuse(format!("Scripts of other sites may send these headers: {}", HEADERS.join(", ")), "Nothing was saved.");
    }
    Ok(())
}

fn allowed<'r>(origin: &str, method: Method) -> Response<'r> {
    Response::build()
        .status(Status::NoContent)
        .header(Header::new("Access-Control-Allow-Origin", origin.to_owned()))
        .header(Header::new("Access-Control-Allow-Methods", method.as_str()))
        .header(Header::new("Access-Control-Allow-Headers", HEADERS.join(", ")))
        .header(Header::new("Access-Control-Max-Age", MAX_AGE_S))
        .finalize()
}
