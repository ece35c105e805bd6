//! The public intake for programs: forms and the chatbot post here. 201 means committed; everything else means that nothing
//! was kept.

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Redirect, Responder};
use rocket::serde::json::Json;
use rocket::{Request, Response, Route, State, get, post, routes};
use serde_json::{Map, Value, json};

use super::defence::{Challenge, Defence, Form};
use super::forms::{self, Outcome, Refused, Sender, Visit};
use super::model::LeadKind;
use super::payload::{self, Unreadable};
use super::queries;
use super::reception::{self, Arrival, Caller, Received, Refusal};
use super::submission;
use crate::app::App;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::web::{Body, ClientAddress, Problem};

/// Routes that anyone may call; none uses a cookie.
pub fn routes() -> Vec<Route> {
    routes![store_lead, store_chatbot_lead, lead_status, stamp, challenge, form_script]
}

/// What a submission is answered with: JSON for programs, a page for a browser that sends a plain form.
#[derive(Responder)]
enum Answered {
    Program(Result<Received, Refusal>),
    Page(Box<Result<Outcome, Refused>>),
}

#[post("/api/store-lead", data = "<body>")]
async fn store_lead(app: &State<App>, defence: &State<Defence>, caller: Caller, visit: Visit, body: Result<Body, Problem>) -> Answered {
    let form = Form { id: "store-lead", always_stamped: false };
    let to = (LeadKind::Quote, "/api/store-lead", form);
    if visit.is_from_a_page {
        return Answered::Page(Box::new(
            take_plain_form(Sender { app, defence, visit: &visit, address: caller.address.clone() }, caller, body, to).await,
        ));
    }
    match body {
        Ok(body) => Answered::Program(take_in(app, defence, caller, &body, to).await),
        Err(problem) => Answered::Program(Err(problem.into())),
    }
}

async fn take_plain_form(
    sender: Sender<'_>,
    caller: Caller,
    body: Result<Body, Problem>,
    (kind, route, form): (LeadKind, &'static str, Form<'_>),
) -> Result<Outcome, Refused> {
    let body = body.map_err(Refused)?;
    let fields = read(&body).map_err(Refused)?;
    forms::answer_plain_form(sender, caller, Arrival { kind, route, form, fields, body: &body.bytes }).await
}

#[post("/api/chatbot-leads", data = "<body>")]
async fn store_chatbot_lead(
    app: &State<App>,
    defence: &State<Defence>,
    caller: Caller,
    body: Result<Body, Problem>,
) -> Result<Received, Refusal> {
    let form = Form { id: "chatbot-leads", always_stamped: false };
    take_in(app, defence, caller, &body?, (LeadKind::Chatbot, "/api/chatbot-leads", form)).await
}

/// The state only: whoever has the token may see how far the lead is, not what it says.
#[get("/api/leads/<token>")]
async fn lead_status(app: &State<App>, token: &str) -> Result<Value> {
    let token_hash = sha256_hex(token);
    let status = app.store.read(move |conn| queries::status_by_token_hash(conn, &token_hash).map_err(Error::from)).await?;
    let status = status.ok_or(Error::NotFound("lead"))?.told_outside();
    Ok(json!({ "status": status }))
}

/// For the script of a form on another site, whose page cannot carry a stamp: it asks for one when the form is opened.
#[get("/api/intake/stamp?<form>")]
fn stamp(app: &State<App>, defence: &State<Defence>, caller: ClientAddress, form: &str) -> Result<Json<Value>> {
    if form.is_empty() || form.len() > 100 || !form.chars().all(|c| c.is_ascii_alphanumeric() || "-_/".contains(c)) {
        return Err(Error::NotFound("form"));
    }
    let fields = defence.fields(form, &caller, app.clock.now());
    Ok(Json(json!({ "stamp": fields.stamp, "challenge": fields.challenge })))
}

/// For the script of a form that has been open for long: a challenge that counts now.
#[get("/api/intake/challenge?<form>&<stamp>")]
fn challenge(app: &State<App>, defence: &State<Defence>, caller: ClientAddress, form: &str, stamp: &str) -> Result<Json<Challenge>> {
    defence.challenge(form, stamp, &caller, app.clock.now()).map(Json).ok_or(Error::NotFound("stamp"))
}

/// An address that stays, for the pages of other sites.
#[get("/form.js")]
fn form_script() -> Redirect {
    Redirect::temporary(crate::web::assets::url("form.js").into_owned())
}

async fn take_in(
    app: &App,
    defence: &Defence,
    caller: Caller,
    body: &Body,
    (kind, route, form): (LeadKind, &'static str, Form<'_>),
) -> Result<Received, Refusal> {
    let fields = read(body)?;
    reception::take_in(app, defence, caller, Arrival { kind, route, form, fields, body: &body.bytes }).await
}

fn read(body: &Body) -> Result<Map<String, Value>, Problem> {
    let kind = body.kind.as_ref();
    let is = |top: &str, sub: &str| kind.is_some_and(|kind| kind.top() == top && kind.sub() == sub);
    let fields =
        if is("application", "json") || kind.is_some_and(|kind| kind.top() == "application" && kind.sub().as_str().ends_with("+json")) {
            payload::from_json(&body.bytes)
        } else if is("application", "x-www-form-urlencoded") {
            payload::from_form(&body.bytes)
        } else {
            let title = "This takes application/json or application/x-www-form-urlencoded";
            return Err(Problem::new(Status::UnsupportedMediaType, title).detail("Set the Content-Type header to one of the two."));
        };
    fields.map_err(unreadable)
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

impl<'r> Responder<'r, 'static> for Received {
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

impl<'r> Responder<'r, 'static> for Refusal {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match self {
            Self::Mistakes(named) => mistakes(named).respond_to(request),
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
