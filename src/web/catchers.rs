//! Error answers: a page for people, problem+json for programs; 405 with `Allow` where Rocket says 404.

use askama::Template;
use rocket::http::{ContentType, Header, Method, Status};
use rocket::response::{self, Redirect, Responder};
use rocket::{Catcher, Request, Response, catch, catchers};

use super::format::Stamp;
use super::problem::{self, Problem};
use super::request_log;
use super::shell::{self, Section, Shell};
use super::theme::Theme;
use super::wants::Wants;

/// One catcher for every status.
pub fn catchers() -> Vec<Catcher> {
    catchers![any]
}

#[catch(default)]
fn any(status: Status, request: &Request<'_>) -> Caught {
    if let Some(problem) = problem::kept(request) {
        return Caught { problem: problem.clone(), allow: None };
    }
    let is_about_path = matches!(status, Status::NotFound | Status::UnprocessableEntity);
    let allow = if is_about_path { allowed_methods(request) } else { Vec::new() };
    if !allow.is_empty() && !allow.contains(&request.method()) {
        let names: Vec<_> = allow.iter().map(|method| method.as_str()).collect();
        let problem = Problem::new(Status::MethodNotAllowed, format!("This address takes {}", names.join(", ")));
        return Caught { problem, allow: Some(names.join(", ")) };
    }
    Caught { problem: plain(status), allow: None }
}

/// What a status means where nothing more is known. A part of a path that does not parse (Rocket: 422) is not there.
fn plain(status: Status) -> Problem {
    match status.code {
        401 => Problem::new(status, "Sign in first"),
        403 => Problem::new(status, "Your role does not allow this"),
        404 | 422 => {
            Problem::new(Status::NotFound, "There is nothing at this address").detail("It may have been moved, or the link is incomplete.")
        }
        413 => Problem::new(status, "The body is too large"),
        503 => Problem::new(status, "Not available at the moment").retry_after(2),
        500..600 => Problem::new(status, "Something went wrong here"),
        _ => Problem::new(status, status.reason_lossy()),
    }
}

/// The methods under which this path is known.
fn allowed_methods(request: &Request<'_>) -> Vec<Method> {
    let path = request.uri().path();
    let mut methods: Vec<_> =
        request.rocket().routes().filter(|route| matches(route.uri.path(), path.as_str())).map(|route| route.method).collect();
    if methods.contains(&Method::Get) {
        methods.push(Method::Head);
    }
    methods.sort_by_key(|method| method.as_str());
    methods.dedup();
    methods
}

/// Whether a path fits a route's template (`/leads/<id>`, `/static/<path..>`).
fn matches(template: &str, path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    for segment in template.split('/').filter(|segment| !segment.is_empty()) {
        if segment.ends_with("..>") {
            return true;
        }
        match parts.next() {
            Some(part) if segment.starts_with('<') || segment == part => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

struct Caught {
    problem: Problem,
    allow: Option<String>,
}

impl<'r> Responder<'r, 'static> for Caught {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let wants_page = Wants::of(request) == Wants::Page;
        if wants_page && self.problem.status == Status::Unauthorized && !Wants::in_background(request) {
            return Redirect::to(sign_in_uri(request)).respond_to(request);
        }
        let retry_after_s = self.problem.retry_after_s;
        let status = self.problem.status;
        let mut answer = if wants_page { page(&self.problem, request)? } else { self.problem.respond_to(request)? };
        answer.set_status(status);
        if let Some(allow) = self.allow {
            answer.set_header(Header::new("Allow", allow));
        }
        if let Some(seconds) = retry_after_s {
            answer.set_header(Header::new("Retry-After", seconds.to_string()));
        }
        if status == Status::Unauthorized {
            answer.set_header(Header::new("WWW-Authenticate", "Bearer"));
        }
        Ok(answer)
    }
}

fn sign_in_uri(request: &Request<'_>) -> String {
    let here = request.uri().to_string();
    if request.method() != Method::Get || here == "/" {
        return "/login".into();
    }
    let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    format!("/login?next={next}")
}

impl Trouble {
    fn icon(&self) -> &'static str {
        if self.is_bad { "circle-x" } else { "file-question" }
    }
}

/// The words of an error page.
pub struct Trouble {
    pub title: String,
    pub detail: String,
    pub reference: String,
    pub at: Option<Stamp>,
    /// Trying the same again can help.
    pub again: Option<String>,
    /// Something broke, in contrast to something that is not there.
    pub is_bad: bool,
}

#[derive(Template)]
#[template(path = "error_framed.html")]
struct FramedError {
    shell: Shell,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "error_bare.html")]
struct BareError {
    theme: Theme,
    trouble: Trouble,
}

fn page(problem: &Problem, request: &Request<'_>) -> response::Result<'static> {
    let trouble = Trouble {
        title: problem.title.clone(),
        detail: problem.detail.clone().unwrap_or_else(|| reassurance(problem.status).into()),
        reference: request_log::id(request).to_owned(),
        at: shell::kept(request).map(|frame| frame.times.exact(frame.times.now)),
        again: (problem.status.code >= 500 && request.method() == Method::Get).then(|| request.uri().to_string()),
        is_bad: problem.status.code >= 500,
    };
    let text = match shell::kept(request) {
        Some(frame) => FramedError { shell: Shell::new(frame, Section::Elsewhere, trouble.title.clone()), trouble }.render(),
        None => BareError { theme: Theme::of(request), trouble }.render(),
    };
    let text = text.map_err(|_| Status::InternalServerError)?;
    Response::build().header(ContentType::HTML).sized_body(text.len(), std::io::Cursor::new(text)).ok()
}

fn reassurance(status: Status) -> &'static str {
    if status.code >= 500 {
        "Nothing was changed. Leads and jobs go on in the background. If it happens again, send the reference to your admin."
    } else {
        "Nothing was changed."
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_match_paths_by_segment() {
        assert!(matches("/leads/<id>", "/leads/12") && matches("/static/<path..>", "/static/a/b") && matches("/", "/"));
        assert!(!matches("/leads/<id>", "/leads") && !matches("/leads", "/leads/1") && !matches("/leads/<id>/edit", "/leads/1/retry"));
    }
}
