//! The public intake: forms and the chatbot post here. 201 means committed; everything else means that nothing was kept.

use rocket::http::{ContentType, Header, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::{self, Responder};
use rocket::{Request, Response, Route, State, get, post, routes};
use serde_json::{Value, json};

use super::actions;
use super::intake_limit::{IntakeLimiter, Verdict};
use super::model::{LeadKind, NewLead};
use super::payload::{self, Unreadable};
use super::queries;
use super::submission;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::random;
use crate::web::{Body, ClientAddress, Problem, Site};

const KEY_MAX: usize = 255;

/// Routes that anyone may call; none uses a cookie.
pub fn routes() -> Vec<Route> {
    routes![store_lead, store_chatbot_lead, lead_status]
}

#[post("/api/store-lead", data = "<body>")]
async fn store_lead(app: &State<App>, caller: Caller, body: Result<Body, Problem>) -> Result<Stored, Refusal> {
    take_in(app, LeadKind::Quote, "/api/store-lead", caller, body?).await
}

#[post("/api/chatbot-leads", data = "<body>")]
async fn store_chatbot_lead(app: &State<App>, caller: Caller, body: Result<Body, Problem>) -> Result<Stored, Refusal> {
    take_in(app, LeadKind::Chatbot, "/api/chatbot-leads", caller, body?).await
}

/// The state only: whoever has the token may see how far the lead is, not what it says.
#[get("/api/leads/<token>")]
async fn lead_status(app: &State<App>, token: &str) -> Result<Value> {
    let token_hash = actions::hash(token);
    let status = app.store.read(move |conn| queries::status_by_token_hash(conn, &token_hash).map_err(Error::from)).await?;
    let status = status.ok_or(Error::NotFound("lead"))?;
    Ok(json!({ "status": status }))
}

async fn take_in(app: &App, kind: LeadKind, route: &'static str, caller: Caller, body: Body) -> Result<Stored, Refusal> {
    let key = caller.idempotency_key?;
    // Hashed here: the writer's thread has better things to do.
    let hashes = key.as_ref().map(|key| (actions::hash(key), actions::hash(&String::from_utf8_lossy(&body.bytes))));
    let fields = read(&body)?;
    let new = submission::check(kind, fields, app.config.phone_region.as_deref()).map_err(mistakes)?;
    let now = app.clock.now();
    let token = random::token();
    let token_hash = actions::hash(&token);
    let write = Write { line: LineId::mint(now), token, token_hash, public_url: caller.public_url, new };
    let writer_key = key.unwrap_or_else(|| write.line.to_string());
    let store = move |tx: &mut Tx<'_>| match &hashes {
        Some((key_hash, body_hash)) => write.once(tx, now, route, key_hash, body_hash),
        None => write.always(tx, now),
    };
    Ok(app.store.write("leads.receive", &writer_key, store).await.map_err(Error::from)?)
}

/// Everything a write closure needs, so that it can run again.
struct Write {
    line: LineId,
    token: String,
    token_hash: String,
    public_url: String,
    new: NewLead,
}

impl Write {
    fn always(&self, tx: &mut Tx<'_>, now: crate::clock::UtcTime) -> Result<Stored> {
        let id = actions::receive(tx, now, &self.line, &self.token_hash, &self.new)?;
        let status_url = format!("{}/api/leads/{}", self.public_url, self.token);
        let answer = json!({ "id": id, "status": "pending", "line_id": self.line, "status_url": status_url });
        Ok(Stored { answer: answer.to_string() })
    }

    /// With an `Idempotency-Key`: the first request writes, the same request again gets the same answer.
    fn once(&self, tx: &mut Tx<'_>, now: crate::clock::UtcTime, route: &str, key_hash: &str, body_hash: &str) -> Result<Stored> {
        match queries::reserve_key(tx, now, route, key_hash, body_hash)? {
            None => {
                let stored = self.always(tx, now)?;
                queries::keep_answer(tx, route, key_hash, &stored.answer)?;
                Ok(stored)
            }
            Some(earlier) if earlier.body_hash == body_hash => Ok(Stored { answer: earlier.answer }),
            Some(_) => {
                Err(Error::Conflict("this Idempotency-Key was used for another body within the last 24 hours; use a new key".into()))
            }
        }
    }
}

fn read(body: &Body) -> Result<serde_json::Map<String, Value>, Refusal> {
    let kind = body.kind.as_ref();
    let is = |top: &str, sub: &str| kind.is_some_and(|kind| kind.top() == top && kind.sub() == sub);
    let fields =
        if is("application", "json") || kind.is_some_and(|kind| kind.top() == "application" && kind.sub().as_str().ends_with("+json")) {
            payload::from_json(&body.bytes)
        } else if is("application", "x-www-form-urlencoded") {
            payload::from_form(&body.bytes)
        } else {
            let title = "This takes application/json or application/x-www-form-urlencoded";
            return Err(Problem::new(Status::UnsupportedMediaType, title).detail("Set the Content-Type header to one of the two.").into());
        };
    Ok(fields.map_err(unreadable)?)
}

fn unreadable(cause: Unreadable) -> Problem {
    let status = if cause == Unreadable::NotAnObject { Status::UnprocessableEntity } else { Status::BadRequest };
    Problem::new(status, "The body cannot be read").detail(format!("{cause}. Nothing was saved."))
}

fn mistakes(mistakes: Vec<submission::Mistake>) -> Problem {
    let problem = Problem::new(Status::UnprocessableEntity, "Some fields need another look")
        .detail("Nothing was saved. Correct the fields named and send the form again.");
    mistakes.into_iter().fold(problem, |problem, (field, message)| problem.field(field, message))
}

/// Who posts, once the limit has let them through.
struct Caller {
    public_url: String,
    idempotency_key: Result<Option<String>, Problem>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Caller {
    type Error = Problem;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Problem> {
        let (Some(site), Some(limiter)) = (request.rocket().state::<Site>(), request.rocket().state::<IntakeLimiter>()) else {
            return fail(request, Problem::new(Status::InternalServerError, "Something went wrong here"));
        };
        let address = ClientAddress::of(request, site);
        let sample_secret = request.headers().get_one("X-Throughline-Sample");
        if let Verdict::Wait { seconds } = limiter.ask(&address, sample_secret) {
            let problem = Problem::new(Status::TooManyRequests, "Too many submissions from this network");
            return fail(request, problem.detail(format!("Try again in {seconds} s. Nothing was saved.")).retry_after(seconds));
        }
        Outcome::Success(Self { public_url: site.public_url.clone(), idempotency_key: idempotency_key(request) })
    }
}

fn fail(request: &Request<'_>, problem: Problem) -> Outcome<Caller, Problem> {
    Outcome::Error((crate::web::problem::keep(request, problem.clone()), problem))
}

fn idempotency_key(request: &Request<'_>) -> Result<Option<String>, Problem> {
    let Some(key) = request.headers().get_one("Idempotency-Key") else { return Ok(None) };
    if key.is_empty() || key.len() > KEY_MAX || !key.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        let title = format!("Idempotency-Key must have 1 to {KEY_MAX} printable ASCII characters");
        return Err(Problem::new(Status::BadRequest, title).detail("A UUID does well. Nothing was saved."));
    }
    Ok(Some(key.to_owned()))
}

/// The answer to a stored lead.
struct Stored {
    answer: String,
}

impl<'r> Responder<'r, 'static> for Stored {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let status_url =
            serde_json::from_str::<Value>(&self.answer).ok().and_then(|answer| answer["status_url"].as_str().map(str::to_owned));
        let mut created = Response::build();
        created.status(Status::Created).header(ContentType::JSON);
        if let Some(url) = status_url {
            created.header(Header::new("Location", url));
        }
        created.sized_body(self.answer.len(), std::io::Cursor::new(self.answer)).ok()
    }
}

/// A refused submission: a problem of its own, or an error of the program.
enum Refusal {
    Problem(Problem),
    Error(Error),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Problem(problem) => problem.respond_to(request),
            Self::Error(error) => {
                if let Error::Internal(cause) = &error {
                    tracing::error!(error = %format_args!("{cause:#}"), "A submission could not be stored");
                }
                Problem::from(&error).respond_to(request)
            }
        }
    }
}
