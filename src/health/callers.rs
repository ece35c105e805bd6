//! Who asks: anyone, somebody who may know more (signed in, or a monitor with the token), somebody who may try things out.

use std::net::IpAddr;
use std::sync::Arc;

use rocket::Request;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use secrecy::ExposeSecret;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::desk::{Desk, FRESH_FOR, FRESH_FOR_PEOPLE};
use super::report::Report;
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::outbox::schedules::Schedules;
use crate::outbox::{Registry, admin};
use crate::web::site::names_this_machine;
use crate::web::{ClientAddress, Problem, Site, Traffic, problem};

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
    pub traffic: &'r Traffic,
    desk: &'r Desk,
    site: &'r Site,
}

impl AtDesk<'_> {
    /// How everything stands, as of a few seconds ago at most.
    pub async fn report(&self) -> Arc<Report> {
        self.desk.report(self.app, self.registry, self.schedules, FRESH_FOR).await
    }

    /// The same for somebody who looks at the page.
    pub async fn report_for_people(&self) -> Arc<Report> {
        self.desk.report(self.app, self.registry, self.schedules, FRESH_FOR_PEOPLE).await
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
        let all = (rocket.state(), rocket.state(), rocket.state(), rocket.state(), rocket.state(), rocket.state());
        let (Some(app), Some(registry), Some(schedules), Some(traffic), Some(desk), Some(site)) = all else {
            return Outcome::Forward(Status::InternalServerError);
        };
        Outcome::Success(Self { app, registry, schedules, traffic, desk, site })
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

/// Somebody who may read the metrics: with the token, signed in, or a program on this machine that calls us itself.
pub struct MayScrape;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for MayScrape {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match bearer(request) {
            Some(Ok(())) => return Outcome::Success(Self),
            Some(Err(refused)) => return refuse(request, refused),
            None => {}
        }
        if request.rocket().state::<Site>().is_some_and(|site| calls_from_here(&Call::of(request), site)) {
            return Outcome::Success(Self);
        }
        if has_session(request) {
            return Viewer::from_request(request).await.map(|_| Self);
        }
        let detail = "Send “Authorization: Bearer” with the value of THROUGHLINE_HEALTH_TOKEN, or sign in.";
        refuse(request, Problem::new(Status::Unauthorized, "Metrics are not for everybody").detail(detail))
    }
}

/// Where a request seems to come from.
struct Call {
    peer: Option<IpAddr>,
    /// The name it was called by, perhaps with the port.
    host: Option<String>,
    is_forwarded: bool,
}

impl Call {
    fn of(request: &Request<'_>) -> Self {
        let names = ["X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via"];
        Self {
            peer: request.remote().map(|remote| remote.ip()),
            host: request.headers().get_one("Host").map(str::to_owned).or_else(|| request.host().map(ToString::to_string)),
            is_forwarded: names.iter().any(|name| request.headers().contains(name)),
        }
    }
}

/// Whether a program on this machine calls us without anything in between. A proxy here is such a program too, and then the world
/// stands behind it: it is told by its being trusted, by what it adds, by the name it was called by; and where the public address
/// says that there is a proxy and nobody has said which, none is believed to be away. The name also keeps out a browser on this
/// machine whose page has its own name led here.
fn calls_from_here(call: &Call, site: &Site) -> bool {
    let Some(peer) = call.peer.map(|peer| peer.to_canonical()).filter(IpAddr::is_loopback) else { return false };
    let is_proxy = site.trusted_proxies.iter().any(|network| network.contains(&peer));
    let may_hide_a_proxy = site.trusted_proxies.is_empty() && !names_this_machine(&site.public_url);
    let asks_for_us = call.host.as_ref().is_some_and(|host| names_this_machine(&format!("http://{host}")));
    !is_proxy && !may_hide_a_proxy && !call.is_forwarded && asks_for_us
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    fn site(settings: &[(&str, &str)]) -> Site {
        Site::new(&Config::load(&Sources::given(settings.iter().copied())).expect("a configuration"))
    }

    fn call(peer: &str, host: &str) -> Call {
        Call { peer: peer.parse().ok(), host: Some(host.into()), is_forwarded: false }
    }

    #[test]
    fn a_program_on_this_machine_needs_no_token_as_long_as_no_proxy_can_hide_in_it() {
        let plain = site(&[]);
        let behind = |proxies: &'static str| {
            site(&[("THROUGHLINE_PUBLIC_URL", "https://desk.example.com"), ("THROUGHLINE_TRUSTED_PROXIES", proxies)])
        };
        let here = || call("127.0.0.1", "127.0.0.1");
        assert!(calls_from_here(&here(), &plain));
        assert!(calls_from_here(&call("::1", "localhost"), &plain));
        assert!(calls_from_here(&call("::ffff:127.0.0.1", "[::1]"), &plain));
        assert!(calls_from_here(&here(), &behind("10.0.0.7")), "the proxy is another machine");
        assert!(!calls_from_here(&here(), &behind("127.0.0.1")), "it is the proxy");
        assert!(!calls_from_here(&here(), &behind("127.0.0.0/8,::1")));
        assert!(!calls_from_here(&here(), &behind("")), "it may be one that nobody has named");
        assert!(!calls_from_here(&Call { is_forwarded: true, ..here() }, &plain), "it says so itself");
        assert!(!calls_from_here(&call("127.0.0.1", "desk.example.com"), &plain), "called by another name");
        assert!(!calls_from_here(&Call { host: None, ..here() }, &plain));
        assert!(!calls_from_here(&call("192.0.2.1", "127.0.0.1"), &plain), "from elsewhere");
        assert!(!calls_from_here(&Call { peer: None, ..here() }, &plain));
    }
}
