//! In which form a list is asked for: a page, JSON or CSV; by `?format=` in its address (links), else by `Accept` (programs).

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};

use super::problem::{self, Problem};
use super::wants::Wants;

/// What a list looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Page,
    Json,
    Csv,
}

impl Shape {
    /// As addresses and audit rows name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Page => "html",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// The form a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListForm {
    pub shape: Shape,
    /// The address says so itself: then the addresses of further pages say it too.
    pub in_address: bool,
}

impl ListForm {
    /// What the address of the next page must say besides; empty where the caller's `Accept` says it.
    pub fn in_next(self) -> &'static str {
        if self.in_address && self.shape != Shape::Page { self.shape.as_str() } else { "" }
    }

    fn of(format: Option<&str>, accept: &str, wants: Wants) -> Option<Self> {
        let shape = match format {
            None | Some("") if accept.contains("text/csv") && !accept.contains("text/html") => Shape::Csv,
            None | Some("") if wants == Wants::Json => Shape::Json,
            None | Some("" | "html") => Shape::Page,
            Some("json") => Shape::Json,
            Some("csv") => Shape::Csv,
            Some(_) => return None,
        };
        Some(Self { shape, in_address: format.is_some_and(|format| !format.is_empty()) })
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for ListForm {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let accept = request.headers().get("Accept").collect::<Vec<_>>().join(",");
        let format = request.query_value::<&str>("format").and_then(std::result::Result::ok);
        match Self::of(format, &accept, Wants::of(request)) {
            Some(form) => Outcome::Success(form),
            None => {
                let problem = Problem::new(Status::BadRequest, "This list has no such format");
                let problem = problem.detail("Ask for format=csv or format=json, or leave it out for the page.");
                Outcome::Error((problem::keep(request, problem), ()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_decides_and_then_what_the_caller_accepts() {
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        for (format, accept, shape, in_address) in [
            (None, browser, Shape::Page, false),
            (Some("csv"), browser, Shape::Csv, true),
            (Some("json"), browser, Shape::Json, true),
            (Some("html"), "application/json", Shape::Page, true),
            (None, "text/csv", Shape::Csv, false),
            (None, "application/json", Shape::Json, false),
            (Some(""), "*/*", Shape::Json, false),
        ] {
            let wants = if accept.contains("text/html") { Wants::Page } else { Wants::Json };
            assert_eq!(ListForm::of(format, accept, wants), Some(ListForm { shape, in_address }), "{format:?} {accept}");
        }
        assert_eq!(ListForm::of(Some("xml"), browser, Wants::Page), None);
    }
}
