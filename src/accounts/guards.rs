//! Request guards: a handler that names `Viewer`, `Operator` or `Admin` cannot run for anyone less.

use std::ops::Deref;

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use serde_json::Value;

use crate::app::App;
use crate::audit::TakenAlong;
use crate::clock::UtcTime;
use crate::outbox::admin;
use crate::web::{
    ClientAddress, Fields, Frame, NavCounts, Problem, Section, Shell, ShellUser, Site, Theme, Times, Wants, flash, format, problem, shell,
};

use super::model::{Role, User};
use super::queries::Attention;
use super::sessions::{self, Session};

/// Someone who is signed in and may see everything.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub session: Session,
    pub frame: Frame,
    pub address: ClientAddress,
}

impl Viewer {
    /// The person.
    pub fn user(&self) -> &User {
        &self.session.user
    }

    /// As audit rows name them.
    pub fn actor(&self) -> String {
        self.session.user.actor()
    }

    /// A list with personal data that they take along, for the audit.
    pub fn takes_along(&self, action: &'static str, subject: &'static str, asked: Value) -> TakenAlong {
        TakenAlong { actor: self.actor(), address: self.address.ip.to_string(), action, subject, asked }
    }

    /// Whether pages should offer what an operator may do. The guards decide, not this.
    pub fn may_operate(&self) -> bool {
        self.session.user.role >= Role::Operator
    }

    /// Whether pages should offer what an admin may do. The guards decide, not this.
    pub fn may_administer(&self) -> bool {
        self.session.user.role >= Role::Admin
    }

    /// As ledgers write down who asks, from where and when.
    pub fn asks(&self, now: UtcTime) -> admin::Request {
        admin::Request { actor: self.actor(), reason: None, address: Some(self.address.ip.to_string()), now }
    }

    /// The same, with why: what they wrote into the field `reason`, 500 characters at most.
    pub fn asks_because(&self, fields: &Fields, now: UtcTime) -> admin::Request {
        let reason = Some(fields.text("reason").chars().take(500).collect::<String>()).filter(|reason| !reason.is_empty());
        admin::Request { reason, ..self.asks(now) }
    }

    /// Writes times for the page.
    pub fn times(&self) -> Times {
        self.frame.times
    }

    /// The frame of a page.
    pub fn shell(&self, section: Section, title: impl Into<String>) -> Shell {
        Shell::new(self.frame.clone(), section, title)
    }
}

/// Someone who may also retry, edit and cancel.
#[derive(Clone, Debug)]
pub struct Operator(pub Viewer);

/// Someone who may do everything.
#[derive(Clone, Debug)]
pub struct Admin(pub Viewer);

impl Deref for Operator {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.0
    }
}

impl Deref for Admin {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.0
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Viewer {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        at_least(request, Role::Viewer).await
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Operator {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        at_least(request, Role::Operator).await.map(Self)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Admin {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        at_least(request, Role::Admin).await.map(Self)
    }
}

async fn at_least(request: &Request<'_>, role: Role) -> Outcome<Viewer, ()> {
    let (Some(app), Some(site)) = (request.rocket().state::<App>(), request.rocket().state::<Site>()) else {
        return Outcome::Error((Status::InternalServerError, ()));
    };
    let session = match sessions::of_request(request, app, site).await {
        Ok(Some(session)) => session,
        Ok(None) => {
            return refuse(request, Problem::new(Status::Unauthorized, "Sign in first").detail("Your session has ended or you have none."));
        }
        Err(error) => {
            tracing::warn!(error = %error, "A session could not be read");
            return refuse(request, Problem::from(&error));
        }
    };
    let frame = frame(request, app, site, &session);
    shell::keep(request, frame.clone());
    if session.user.role < role {
        let detail = format!("This takes the role {}; yours is {}. Ask an admin.", role.label(), session.user.role.label());
        return refuse(request, Problem::new(Status::Forbidden, "Your role does not allow this").detail(detail));
    }
    Outcome::Success(Viewer { session, frame, address: ClientAddress::of(request, site) })
}

fn refuse<T>(request: &Request<'_>, problem: Problem) -> Outcome<T, ()> {
    Outcome::Error((problem::keep(request, problem), ()))
}

fn frame(request: &Request<'_>, app: &App, site: &Site, session: &Session) -> Frame {
    let Attention { jobs, leads, quarantine } = session.attention;
    let shown = |count: i64| if count == 0 { String::new() } else { format::capped(count, 100) };
    // A part of a page that fetches itself again must not use up the message meant for the person.
    let flash = if Wants::in_background(request) { None } else { flash::take(request.cookies(), site) };
    Frame {
        user: ShellUser { name: session.user.name.clone(), role: session.user.role.label() },
        theme: Theme::of(request),
        here: request.uri().to_string(),
        flash,
        counts: NavCounts { jobs: shown(jobs), leads: shown(leads), quarantine: shown(quarantine) },
        times: Times { zone: session.zone.unwrap_or(site.zone), now: app.clock.now() },
        as_of: app.store.changes_told(),
    }
}
