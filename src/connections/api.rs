//! `POST /api/zoho-auth`: connects Zoho without a browser.

use rocket::http::Status;
use rocket::serde::json::Json;
use rocket::{Request, Route, State, post, response, routes};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connect::{ConnectError, ConnectForm, Connected, Occasion, connect};
use crate::accounts::CronOrAdmin;
use crate::app::App;
use crate::integrations::{Failure, FailureClass};
use crate::web::{Body, ClientAddress, Problem};

/// The routes of this feature.
pub fn routes() -> Vec<Route> {
    routes![zoho_auth]
}

/// With the cron secret only while no connection exists; afterwards it takes an admin (or the command line).
#[post("/api/zoho-auth", data = "<body>")]
async fn zoho_auth(app: &State<App>, caller: CronOrAdmin, address: ClientAddress, body: Body) -> Result<Json<Value>, ConnectError> {
    let form = parse(&body)?;
    let address = Some(address.ip.to_string());
    let occasion = match caller.is_program {
        true => Occasion::FirstSetUp { actor: caller.actor, address },
        false => Occasion::Any { actor: caller.actor, address },
    };
    connect(app, form, occasion).await.map(|connected| Json(told(&connected)))
}

#[derive(Deserialize)]
struct Submitted {
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default)]
    refresh_token: String,
}

fn parse(body: &Body) -> Result<ConnectForm, ConnectError> {
    // Its own words could repeat a secret, so only the place is told.
    let submitted: Submitted = serde_json::from_slice(&body.bytes).map_err(|cause| {
        ConnectError::NotJson(format!(
            "expected {{\"client_id\",\"client_secret\",\"refresh_token\"}} as JSON texts; see column {}",
            cause.column()
        ))
    })?;
    Ok(ConnectForm {
        client_id: submitted.client_id,
        client_secret: submitted.client_secret.map(SecretString::from),
        refresh_token: submitted.refresh_token.into(),
    })
}

fn told(connected: &Connected) -> Value {
    json!({
        "state": "connected",
        "api_url": connected.api_url,
        "external_field": connected.external_field,
        "advice": connected.advice,
    })
}

impl From<&ConnectError> for Problem {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::NotJson(why) => Self::new(Status::BadRequest, "The body is not what is expected").detail(why),
            ConnectError::Missing(field) => {
                Self::new(Status::UnprocessableEntity, "Zoho was not connected").field(*field, "is required here or in the configuration")
            }
            ConnectError::AlreadyConnected => Self::new(Status::Conflict, "Zoho is connected already").detail(error.to_string()),
            ConnectError::Refused(failure) => refused(failure),
            // Only a sign-in in the browser is held to these, and has a page of its own.
            ConnectError::MissingScopes(_) | ConnectError::OtherOrganisation { .. } => {
                Self::new(Status::UnprocessableEntity, "Zoho was not connected, and nothing was changed").detail(error.to_string())
            }
            ConnectError::Own(own) => Self::from(own),
        }
    }
}

/// Zoho's refusal of the grant is the caller's to mend (422); that Zoho cannot be asked is not (502, 503).
fn refused(failure: &Failure) -> Problem {
    let status = match failure.class {
        FailureClass::RateLimited => Status::ServiceUnavailable,
        FailureClass::Network | FailureClass::ServerError | FailureClass::Unknown => Status::BadGateway,
        FailureClass::Authentication | FailureClass::Validation | FailureClass::NotFound => Status::UnprocessableEntity,
    };
    let problem = Problem::new(status, "Zoho was not connected, and nothing was changed").detail(&failure.message);
    match failure.retry_after_s {
        Some(seconds) => problem.retry_after(seconds.into()),
        None => problem,
    }
}

impl<'r> response::Responder<'r, 'static> for ConnectError {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Own(own) => own.respond_to(request),
            other => Problem::from(&other).respond_to(request),
        }
    }
}
