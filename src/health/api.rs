//! `/api/health/zoho-integration`: the report for monitors. GET changes nothing; trying the refresh out is a POST, since it
//! replaces the token.

use rocket::http::{ContentType, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response, get, post};
use serde_json::{Value, json};

use super::callers::{Asks, AtDesk, Tries};
use super::check::State;
use crate::connections::{self, RefreshTested};
use crate::integrations::zoho::PROVIDER;
use crate::integrations::{Failure, FailureClass};
use crate::web::Problem;

/// `application/health+json`: 200 while leads go out, 503 when they do not.
pub struct Health {
    state: State,
    told: Value,
}

#[get("/api/health/zoho-integration?<refresh>")]
pub async fn report(desk: AtDesk<'_>, asks: Asks, refresh: Option<&str>) -> Result<Health, Problem> {
    if refresh.is_some() {
        let problem = Problem::new(Status::MethodNotAllowed, "A GET changes nothing, and a test of the refresh replaces the token");
        return Err(problem.detail("Send POST with ?refresh=test, as an operator or with the health token."));
    }
    let report = desk.report().await;
    let told = match asks {
        Asks::Anyone => report.state_alone(),
        Asks::Staff => desk.told(&report),
    };
    Ok(Health { state: report.state, told })
}

#[post("/api/health/zoho-integration?<refresh>")]
pub async fn test_refresh(desk: AtDesk<'_>, by: Tries, refresh: Option<&str>) -> Result<Health, Problem> {
    if refresh != Some("test") {
        return Err(
            Problem::new(Status::BadRequest, "It is not said what to try out").detail("Add ?refresh=test, or send GET for the report.")
        );
    }
    let tested = connections::test_refresh(desk.app, PROVIDER, &by.0).await;
    desk.forget().await;
    let report = desk.report().await;
    let mut told = desk.told(&report);
    told["refresh"] = result(&tested);
    Ok(Health { state: report.state, told })
}

/// A test that our own limits did not allow says nothing against the token.
fn result(tested: &Result<RefreshTested, Failure>) -> Value {
    match tested {
        Ok(tested) => json!({
            "status": State::Pass, "output": "Zoho gave out a new access token.", "took_ms": tested.took_ms,
            "expires_at": tested.expires_at.map(|at| at.and_utc()),
        }),
        Err(failure) => {
            let state = if failure.class == FailureClass::RateLimited { State::Warn } else { State::Fail };
            json!({ "status": state, "output": failure.message, "retry_after_s": failure.retry_after_s })
        }
    }
}

impl<'r> Responder<'r, 'static> for Health {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let status = if self.state == State::Fail { Status::ServiceUnavailable } else { Status::Ok };
        let text = self.told.to_string();
        let mut answer = Response::build();
        answer.status(status).header(ContentType::new("application", "health+json"));
        answer.sized_body(text.len(), std::io::Cursor::new(text)).ok()
    }
}
