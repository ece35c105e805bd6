//! What a form is answered with: a page, or the way to the next one; with the headers that let the seller's sites frame it.

use rocket::Request;
use rocket::http::{Header, Status};
use rocket::response::{self, Redirect, Responder};

use super::views::{FormPage, ThanksPage};
use crate::web::headers::{self, Openness};

/// See the variants.
pub enum Outcome {
    Form {
        status: Status,
        page: Box<FormPage>,
        retry_after_s: Option<u64>,
    },
    Thanks(Box<ThanksPage>),
    /// See other (303): reloading what follows sends nothing again.
    Next(String),
}

impl<'r> Responder<'r, 'static> for Outcome {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Form { status, page, retry_after_s } => {
                headers::open(request, Openness { is_framed: page.is_embedded, leads_to_sites: true });
                let mut answer = page.respond_to(request)?;
                answer.set_status(status);
                if let Some(seconds) = retry_after_s {
                    answer.set_header(Header::new("Retry-After", seconds.to_string()));
                }
                Ok(answer)
            }
            Self::Thanks(page) => {
                headers::open(request, Openness { is_framed: page.is_embedded, leads_to_sites: false });
                page.respond_to(request)
            }
            Self::Next(to) => {
                let mut answer = Redirect::to(to).respond_to(request)?;
                answer.set_status(Status::SeeOther);
                Ok(answer)
            }
        }
    }
}
