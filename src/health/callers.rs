//! Who asks: anyone, somebody who may know more (signed in, or a monitor with the token), somebody who may try things out.

use std::sync::Arc;

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use secrecy::ExposeSecret;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::desk::Desk;
use super::report::Report;
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::outbox::schedules::Schedules;
use crate::outbox::{Registry, admin};
use crate::web::{ClientAddress, Problem, Site, problem};

/// How audit rows name a monitor.
const MONITOR: &str = "monitor";

/// What a caller may know. Somebody who brings a token and has the wrong one is told so, rather than little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Anyone,
    /// Signed in, or with the token.
    Staff,
}

/// Somebody who may renew the token to try it out: an operator, or a monitor with the token.
#[derive(Clone, Debug)]
pub struct Tries(pub admin::Request);

/// The desk with all that a report needs.
pub struct AtDesk<'r> {
    pub app: &'r App,
    pub registry: &'r Registry,
    schedules: &'r Schedules,
    desk: &'r Desk,
    site: &'r Site,
}

impl AtDesk<'_> {
    /// How everything stands, as of a few seconds ago at most.
    pub async fn report(&self) -> Arc<Report> {
        self.desk.report(self.app, self.registry, self.schedules).await
    }

    /// Something was done: the next report is a new one.
    pub async fn forget(&self) {
        self.desk.forget().await;
    }

    /// All of a report.
    pub fn told(&self, report: &Report) -> Value {
        report.to_json(&self.site.public_url)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AtDesk<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let rocket = request.rocket();
        let all = (rocket.state(), rocket.state(), rocket.state(), rocket.state(), rocket.state());
        let (Some(app), Some(registry), Some(schedules), Some(desk), Some(site)) = all else {
            return Outcome::Forward(Status::InternalServerError);
        };
        Outcome::Success(Self { app, registry, schedules, desk, site })
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Asks {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match bearer(request) {
            Some(Ok(())) => Outcome::Success(Self::Staff),
            Some(Err(refused)) => refuse(request, refused),
            None if has_session(request) => match Viewer::from_request(request).await {
                Outcome::Success(_) => Outcome::Success(Self::Staff),
                // A session that has ended is nobody's.
                _ => Outcome::Success(Self::Anyone),
            },
            None => Outcome::Success(Self::Anyone),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Tries {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let (Some(app), Some(site)) = (request.rocket().state::<App>(), request.rocket().state::<Site>()) else {
            return Outcome::Error((Status::InternalServerError, ()));
        };
        let actor = match bearer(request) {
            Some(Ok(())) => MONITOR.to_owned(),
            Some(Err(refused)) => return refuse(request, refused),
            None => match Operator::from_request(request).await {
                Outcome::Success(operator) => operator.actor(),
                Outcome::Error(refused) => return Outcome::Error(refused),
                Outcome::Forward(status) => return Outcome::Forward(status),
            },
        };
        let address = Some(ClientAddress::of(request, site).ip.to_string());
        Outcome::Success(Self(admin::Request { actor, reason: None, address, now: app.clock.now() }))
    }
}

/// Whether a cookie could be one of a session: nobody without one costs a look at the database.
fn has_session(request: &Request<'_>) -> bool {
    let name = request.rocket().state::<Site>().map(|site| site.cookie_name(crate::web::cross_site::SESSION));
    name.is_some_and(|name| request.cookies().get(&name).is_some())
}

/// The token a monitor brings; None: it brings none.
pub fn bearer(request: &Request<'_>) -> Option<Result<(), Problem>> {
    let given = request.headers().get_one("Authorization")?;
    let given = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map_or("", |(_, token)| token.trim());
    let expected = request.rocket().state::<App>().and_then(|app| app.config.health_token.as_ref());
    let refused = |title: &str, detail: &str| Err(Problem::new(Status::Unauthorized, title).detail(detail));
    Some(match expected {
        Some(token) if bool::from(token.expose_secret().as_bytes().ct_eq(given.as_bytes())) => Ok(()),
        Some(_) => refused("This is not the health token", "Send “Authorization: Bearer” with the value of THROUGHLINE_HEALTH_TOKEN."),
        None => refused("Access by token is switched off", "Set THROUGHLINE_HEALTH_TOKEN and restart, or sign in."),
    })
}

/// Leaves the answer to the catcher.
pub fn refuse<T>(request: &Request<'_>, refused: Problem) -> Outcome<T, ()> {
    Outcome::Error((problem::keep(request, refused), ()))
}
