//! What kind of answer a caller can read: a page, or data.

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

/// Decided by `Accept` alone: browsers name `text/html`, programs do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Page,
    Json,
}

impl Wants {
    /// A caller that names HTML gets pages; under `/api` everyone gets JSON.
    pub fn of(request: &Request<'_>) -> Self {
        let accept = request.headers().get("Accept").collect::<Vec<_>>().join(",");
        if !request.uri().path().starts_with("/api/") && accept.contains("text/html") { Self::Page } else { Self::Json }
    }

    /// Whether htmx asks for a part of a page in the background, so that nothing shown once may be used up.
    pub fn in_background(request: &Request<'_>) -> bool {
        request.headers().contains("HX-Request")
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Wants {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request))
    }
}
