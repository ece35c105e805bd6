//! One log line a request: method, route template, status, milliseconds, request id. Never the path itself: it may hold a
//! token.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
use rocket::{Data, Request, Response};

use super::traffic::Traffic;
use crate::clock::Stopwatch;
use crate::random;

/// Writes the log. Rocket's own is off.
pub struct RequestLog;

struct Begun {
    stopwatch: Stopwatch,
    id: String,
}

fn begun<'r>(request: &'r Request<'_>) -> &'r Begun {
    request.local_cache(|| Begun {
        stopwatch: Stopwatch::start(),
        id: random::bytes::<6>().iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// The id under which this request is in the log; error pages show it.
pub fn id<'r>(request: &'r Request<'_>) -> &'r str {
    &begun(request).id
}

#[rocket::async_trait]
impl Fairing for RequestLog {
    fn info(&self) -> Info {
        Info { name: "request log", kind: Kind::Request | Kind::Response }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        begun(request);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let begun = begun(request);
        response.set_header(Header::new("X-Request-Id", begun.id.clone()));
        let template = request.route().map_or("(no route)", |route| route.uri.as_str());
        if let Some(traffic) = request.rocket().state::<Traffic>() {
            traffic.count(template, request.method(), response.status().code);
        }
        if template.starts_with("/static/") {
            return;
        }
        let (method, status, duration_ms) = (request.method().as_str(), response.status().code, begun.stopwatch.elapsed_ms());
        if status >= 500 {
            tracing::warn!(request.id = begun.id, method, template, status, duration_ms, "{method} {template} answered {status}");
        } else {
            tracing::info!(request.id = begun.id, method, template, status, duration_ms, "{method} {template} answered {status}");
        }
    }
}
