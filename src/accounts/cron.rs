//! The caller of a cron route: a program with the cron secret, or an operator who is signed in.

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::guards::{Admin, Operator};
use crate::app::App;
use crate::web::{Problem, problem};

/// How audit rows name it.
const PROGRAM: &str = "cron";

/// Someone who may start work by hand. Without a configured secret, bearer access is off.
#[derive(Clone, Debug)]
pub struct CronOrOperator {
    /// `cron`, or the operator as audit rows name them.
    pub actor: String,
    /// The program came with the secret, not with a session.
    pub is_program: bool,
}

/// Someone who may connect a provider: a program with the cron secret (for the first set-up), or an admin.
#[derive(Clone, Debug)]
pub struct CronOrAdmin {
    /// `cron`, or the admin as audit rows name them.
    pub actor: String,
    /// The program came with the secret, not with a session.
    pub is_program: bool,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for CronOrOperator {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match program(request) {
            Some(program) => program.map(|()| Self { actor: PROGRAM.into(), is_program: true }),
            None => Operator::from_request(request).await.map(|operator| Self { actor: operator.actor(), is_program: false }),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for CronOrAdmin {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match program(request) {
            Some(program) => program.map(|()| Self { actor: PROGRAM.into(), is_program: true }),
            None => Admin::from_request(request).await.map(|admin| Self { actor: admin.actor(), is_program: false }),
        }
    }
}

/// The caller as a program with the secret; None: it brings none, so ask for a session.
fn program(request: &Request<'_>) -> Option<Outcome<(), ()>> {
    let given = given_secret(request)?;
    let expected = request.rocket().state::<App>().and_then(|app| app.config.cron_secret.as_ref());
    Some(match expected {
        Some(secret) if bool::from(secret.expose_secret().as_bytes().ct_eq(given.as_bytes())) => Outcome::Success(()),
        Some(_) => refuse(request, "This is not the cron secret", "Send the value of THROUGHLINE_CRON_SECRET."),
        None => refuse(request, "Access by secret is switched off", "Set THROUGHLINE_CRON_SECRET and restart, or sign in."),
    })
}

fn given_secret<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let bearer = request.headers().get_one("Authorization").and_then(|value| {
        let (scheme, secret) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(secret.trim())
    });
    bearer.or_else(|| request.headers().get_one("X-CRON-SECRET"))
}

fn refuse(request: &Request<'_>, title: &str, detail: &str) -> Outcome<(), ()> {
    Outcome::Error((problem::keep(request, Problem::new(Status::Unauthorized, title).detail(detail)), ()))
}
