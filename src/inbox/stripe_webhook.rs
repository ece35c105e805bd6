//! `POST /api/stripe/webhook`: takes what Stripe pushes. 200 means that it is on the disk; what it means is found out later.

use rocket::data::Data;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::serde::json::Json;
use rocket::{Request, Route, State, post, routes};
use serde_json::{Map, Value, json};

use super::actions;
use super::model::{Incoming, ReceiptState, Stored, Verdict};
use super::refusals::{self, BODY_KEPT_MAX, RefusalGate, Refused};
use super::stripe_events::{self, Delivery};
use crate::app::App;
use crate::db::Tx;
use crate::error::Error;
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::signature::{self, Flaw};
use crate::web::{ClientAddress, Problem, body};

/// Where Stripe posts to. No cookie is used.
pub const PATH: &str = "/api/stripe/webhook";
/// Stripe states no largest size. Invoices have been seen with 200 KiB; nothing it sends comes near to this.
const BODY_MAX: usize = 1024 * 1024;

/// What is kept of the headers: nothing that could let anyone in.
const HEADERS_KEPT: &[&str] = &["accept", "content-type", "stripe-signature", "user-agent"];
/// So many characters of each.
const HEADER_MAX: usize = 1_000;

/// The route.
pub fn routes() -> Vec<Route> {
    routes![webhook]
}

/// Who posts, and what their headers say.
struct Sender {
    address: String,
    signature: Option<String>,
    /// JSON.
    headers: String,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Sender {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let address = match request.guard::<ClientAddress>().await {
            Outcome::Success(address) => address.ip.to_string(),
            Outcome::Forward(status) => return Outcome::Forward(status),
            Outcome::Error(error) => return Outcome::Error(error),
        };
        let value = |name: &str| request.headers().get_one(name).map(|value| value.replace('\0', ""));
        let kept = HEADERS_KEPT.iter().filter_map(|name| {
            let value: String = value(name)?.chars().take(HEADER_MAX).collect();
            Some(((*name).to_owned(), Value::from(value)))
        });
        let headers = Value::Object(kept.collect::<Map<String, Value>>()).to_string();
        Outcome::Success(Self { address, signature: value(signature::HEADER), headers })
    }
}

#[post("/api/stripe/webhook", data = "<data>")]
async fn webhook(app: &State<App>, gate: &State<RefusalGate>, sender: Sender, data: Data<'_>) -> Result<Json<Value>, Problem> {
    let config = &app.config.stripe;
    // Before the body: without a secret nothing can be told from anything.
    if config.webhook_secrets.is_empty() {
        return Err(without_secret());
    }
    let body = body::read(data, BODY_MAX).await?;
    let now = app.clock.now();
    if let Err(flaw) = signature::verify(sender.signature.as_deref(), &body, &config.webhook_secrets, now) {
        return Err(refuse(app, gate, sender, (flaw, body)).await);
    }
    let delivery = Delivery { body, headers: sender.headers, address: Some(sender.address), verdict: Verdict::Verified };
    let incoming = stripe_events::incoming(config, delivery, now);
    let stored = store(app, incoming).await.map_err(not_stored)?;
    Ok(Json(json!({ "receipt": stored.id, "state": stored.state, "duplicate": stored.is_duplicate, "why": why(stored.state) })))
}

async fn store(app: &App, incoming: Incoming) -> Result<Stored, Error> {
    let now = app.clock.now();
    // Two deliveries of one event go through one writer: they never wait for each other's locks.
    let key = incoming.event_id.clone();
    Ok(app.store.write("inbox.receive", &key, move |tx: &mut Tx<'_>| actions::receive(tx, now, &incoming)).await?)
}

/// Stripe's own people see this in the log of the endpoint.
fn why(state: ReceiptState) -> Option<&'static str> {
    (state == ReceiptState::Refused).then_some("It is kept and will not be interpreted: it is of another mode or account, or no event.")
}

fn without_secret() -> Problem {
    let detail = "Set STRIPE_WEBHOOK_SECRET to the signing secret of this endpoint and start again. Stripe sends the event again.";
    Problem::new(Status::ServiceUnavailable, "No signing secret is set here, so nothing is taken").detail(detail).retry_after(60)
}

fn not_stored(cause: Error) -> Problem {
    if let Error::Internal(cause) = &cause {
        tracing::error!(error = %format_args!("{cause:#}"), "A webhook could not be stored");
    }
    Problem::from(&cause)
}

/// 401, so that the sender's log says at once what is wrong; it is no matter of repeating.
async fn refuse(app: &App, gate: &RefusalGate, sender: Sender, (flaw, mut body): (Flaw, Vec<u8>)) -> Problem {
    let size_bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
    body.truncate(BODY_KEPT_MAX);
    let refused = Refused { provider: PROVIDER, flaw, address: sender.address, headers: sender.headers, body, size_bytes };
    refusals::note(app, gate, refused).await;
    Problem::new(Status::Unauthorized, "This is not signed as a webhook of Stripe").detail(flaw.in_words())
}
