//! What kind of answer a caller can read: a page, or data.

use rocket::Request;
use rocket::http::Method;
use rocket::request::{FromRequest, Outcome};

/// Decided by `Accept` alone: browsers name `text/html`, programs do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Page,
    Json,
}

impl Wants {
    /// A caller that names HTML gets pages; under `/api` everyone gets JSON but a browser that sends a form.
    pub fn of(request: &Request<'_>) -> Self {
        let accept = request.headers().get("Accept").collect::<Vec<_>>().join(",");
        let is_api = request.uri().path().starts_with("/api/");
        if accept.contains("text/html") && (!is_api || is_form(request)) { Self::Page } else { Self::Json }
    }

    /// Whether htmx asks for a part of a page in the background, so that nothing shown once may be used up.
    pub fn in_background(request: &Request<'_>) -> bool {
        request.headers().contains("HX-Request")
    }
}

/// Whether it sends what a form of a page sends.
fn is_form(request: &Request<'_>) -> bool {
    request.method() == Method::Post && request.content_type().is_some_and(|kind| kind.is_form())
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Wants {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}
