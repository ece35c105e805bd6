//! Errors as programs read them (RFC 9457, `application/problem+json`), and the way from an error to its page.

use std::sync::OnceLock;

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response};
use serde_json::{Map, Value, json};

use crate::Error;

/// What went wrong, for a program or a page. As a responder it is always JSON; [`keep`] leaves the form to the catcher.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: Status,
    /// A short sentence about the kind of problem.
    pub title: String,
    /// What to do about this one.
    pub detail: Option<String>,
    pub retry_after_s: Option<u64>,
    /// A mistake per field.
    pub errors: Vec<(String, String)>,
}

impl Problem {
    /// A problem with nothing but a title.
    pub fn new(status: Status, title: impl Into<String>) -> Self {
        Self { status, title: title.into(), detail: None, retry_after_s: None, errors: Vec::new() }
    }

    /// Says what can be done.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Names the mistake of a field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push((field.into(), message.into()));
        self
    }

    /// The members RFC 9457 names, and `errors` with one entry a field.
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        members.insert("type".into(), "about:blank".into());
        members.insert("title".into(), self.title.clone().into());
        members.insert("status".into(), self.status.code.into());
        if let Some(detail) = &self.detail {
            members.insert("detail".into(), detail.clone().into());
        }
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(|(field, detail)| json!({"field": field, "pointer": pointer(field), "detail": detail}));
            members.insert("errors".into(), errors.collect());
        }
        Value::Object(members)
    }
}

/// `items.0.sku` as a JSON pointer fragment (RFC 6901).
fn pointer(field: &str) -> String {
    format!("#/{}", field.replace('~', "~0").replace('/', "~1").replace('.', "/"))
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        match error {
            Error::NotFound(what) => Self::new(Status::NotFound, format!("This {what} does not exist")),
            Error::Forbidden => {
                Self::new(Status::Forbidden, "Your role does not allow this").detail("Ask an admin to do it or to change your role.")
            }
            Error::Conflict(why) => Self::new(Status::Conflict, sentence(why)),
            Error::Unavailable(why) => Self::new(Status::ServiceUnavailable, sentence(why)).retry_after(2),
            Error::Internal(_) => Self::new(Status::InternalServerError, "Something went wrong here"),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

impl<'r> Responder<'r, 'static> for Problem {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let text = self.to_json().to_string();
        let mut answer = Response::build();
        answer.status(self.status).header(ContentType::new("application", "problem+json"));
        answer.sized_body(text.len(), std::io::Cursor::new(text));
        if let Some(seconds) = self.retry_after_s {
            answer.header(Header::new("Retry-After", seconds.to_string()));
        }
        Ok(answer.finalize())
    }
}

/// An error becomes a page or problem+json in the catcher. Here, at the edge, it is logged, once.
impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        if let Self::Internal(cause) = &self {
            tracing::error!(request.id = super::request_log::id(request), error = %format_args!("{cause:#}"), "A request failed");
        }
        Err(keep(request, Problem::from(&self)))
    }
}

/// A problem that becomes a page for people and problem+json for programs, in the catcher.
#[derive(Clone, Debug)]
pub struct Refusal(pub Problem);

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        Err(keep(request, self.0))
    }
}

#[derive(Default)]
struct Kept(OnceLock<Problem>);

/// Keeps a problem for the catcher and gives its status, for guards and responders to fail with. The first one stays.
pub fn keep(request: &Request<'_>, problem: Problem) -> Status {
    let status = problem.status;
    let _first_stays = request.local_cache(Kept::default).0.set(problem);
    status
}

/// The problem kept during this request, if any.
pub fn kept<'r>(request: &'r Request<'_>) -> Option<&'r Problem> {
    request.local_cache(Kept::default).0.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_named_with_its_field() {
        let problem = Problem::new(Status::UnprocessableEntity, "Two fields need another look").field("items.0.sku", "is missing");
        assert_eq!(
            problem.to_json(),
            json!({"type": "about:blank", "title": "Two fields need another look", "status": 422,
                "errors": [{"field": "items.0.sku", "pointer": "#/items/0/sku", "detail": "is missing"}]})
        );
    }
}
