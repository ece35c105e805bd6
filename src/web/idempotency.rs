//! The `Idempotency-Key` of a request: whoever sends the same request twice under one key means it once
//! (draft-ietf-httpapi-idempotency-key-header).

use std::convert::Infallible;

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};

use super::problem::Problem;

const KEY_MAX: usize = 255;

/// None: the request has no key. Err: it has one that cannot be one.
#[derive(Debug)]
pub struct IdempotencyKey(pub Result<Option<String>, Problem>);

impl IdempotencyKey {
    /// Reads the header.
    pub fn of(request: &Request<'_>) -> Self {
        let Some(key) = request.headers().get_one("Idempotency-Key") else { return Self(Ok(None)) };
        if key.is_empty() || key.len() > KEY_MAX || !key.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
            let title = format!("Idempotency-Key must have 1 to {KEY_MAX} printable ASCII characters");
            return Self(Err(Problem::new(Status::BadRequest, title).detail("A UUID does well. Nothing was saved.")));
        }
        Self(Ok(Some(key.to_owned())))
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for IdempotencyKey {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        Outcome::Success(Self::of(request))
    }
}
