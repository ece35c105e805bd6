//! `POST /api/checkout`, and the pages people come back to. 201 means: the order is on the disk and Stripe's page is open.

use std::convert::Infallible;

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome};
use rocket::response::status::{self, Created};
use rocket::serde::json::Json;
use rocket::{Request, Route, State, get, post, routes};
use serde_json::{Value, json};

use super::actions::{self, RACED, Repeatable, Resumed};
use super::calls::followed;
use super::closing::{self, NotClosed};
use super::limit::CheckoutLimiter;
use super::model::{Begun, NewCheckout, PricedLine};
use super::opening::{self, NotOpened};
use super::queries;
use super::request::{self, Purchase};
use super::views::CameBack;
use crate::app::App;
use crate::catalog::{self, Wrong};
use crate::clock::Stopwatch;
use crate::db::{Conn, Tx};
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::integrations::stripe::amounts::charged;
use crate::line::LineId;
use crate::random;
use crate::seller::{self, Seller};
use crate::web::{Body, ClientAddress, IdempotencyKey, Problem, Site};

/// The routes.
pub fn routes() -> Vec<Route> {
    routes![begin, thanks, cancelled]
}

#[post("/api/checkout", data = "<body>")]
async fn begin(
    app: &State<App>,
    site: &State<Site>,
    limiter: &State<CheckoutLimiter>,
    customer: Customer,
    body: Result<Body, Problem>,
) -> Result<Created<Json<Value>>, Problem> {
    let key = customer.key.0?;
    if let Some(seconds) = limiter.ask(&customer.address) {
        let problem = Problem::new(Status::TooManyRequests, "Too many checkouts from this network");
        return Err(problem.detail(format!("Try again in {seconds} s. Nothing was saved.")).retry_after(seconds));
    }
    let body = body?;
    let purchase = read(&body, &site.public_url, &app.config.sites)?;
    let asked = Asked { key_hash: key.as_deref().map(sha256_hex), body_hash: sha256_hex(&body.bytes) };
    if app.config.stripe.secret_key.is_none() {
        // No order is begun that cannot be paid.
        return Err(not_opened(NotOpened::NotSetUp));
    }
    let watch = Stopwatch::start();
    let begun = match known(app, &asked).await.map_err(told)? {
        Some(Resumed::Stands(begun)) => begun,
        Some(Resumed::RunsOut(begun)) => followed(app, closing::close(app, &begun)).await.map_err(not_closed)?,
        None => write_down(app, price(app, purchase, asked, &site.public_url).await?).await.map_err(told)?,
    };
    let url = match &begun.checkout.url {
        Some(url) => url.clone(),
        None => followed(app, opening::open(app, &begun, watch.elapsed())).await.map_err(not_opened)?.url,
    };
    Ok(status::Created::new(url.clone()).body(Json(json!({ "order": begun.reference, "url": url }))))
}

/// Who asks, and under which key of theirs.
struct Customer {
    address: ClientAddress,
    key: IdempotencyKey,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Customer {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let Some(site) = request.rocket().state::<Site>() else { return Outcome::Forward(Status::InternalServerError) };
        Outcome::Success(Self { address: ClientAddress::of(request, site), key: IdempotencyKey::of(request) })
    }
}

/// What tells a repeated purchase.
struct Asked {
    key_hash: Option<String>,
    body_hash: String,
}

/// An outcome as programs read it.
fn told(error: Error) -> Problem {
    if let Error::Internal(cause) = &error {
        tracing::error!(error = %format_args!("{cause:#}"), "A checkout could not be stored");
    }
    Problem::from(&error)
}

/// The purchase that was asked for before under this key: it keeps the prices of that time.
async fn known(app: &App, asked: &Asked) -> Result<Option<Resumed>> {
    let Some(key_hash) = asked.key_hash.clone() else { return Ok(None) };
    let key = key_hash.clone();
    if app.store.read(move |conn| queries::by_client_key(conn, &key).map_err(Error::from)).await?.is_none() {
        return Ok(None);
    }
    let (now, asked) = (app.clock.now(), Repeatable { key_hash, body_hash: asked.body_hash.clone() });
    let key = asked.key_hash.clone();
    Ok(app.store.write("orders.resume_checkout", &key, move |tx: &mut Tx<'_>| actions::resume(tx, now, &asked)).await?)
}

fn read(body: &Body, own: &str, sites: &[String]) -> Result<Purchase, Problem> {
    if !body.kind.as_ref().is_some_and(|kind| kind.is_json()) {
        return Err(Problem::new(Status::UnsupportedMediaType, "This takes application/json").detail("Set the Content-Type header."));
    }
    let value: Value = serde_json::from_slice(&body.bytes)
        .map_err(|cause| Problem::new(Status::BadRequest, "The body is not JSON").detail(format!("{cause}. Nothing was saved.")))?;
    request::parse(&value, own, sites).map_err(mistakes)
}

fn mistakes(mistakes: Vec<(String, String)>) -> Problem {
    let problem = Problem::new(Status::UnprocessableEntity, "This purchase needs another look").detail("Nothing was saved.");
    mistakes.into_iter().fold(problem, |problem, (field, message)| problem.field(field, message))
}

/// The field of a purchase that a quote finds wrong.
fn field_of(mistake: &catalog::Mistake) -> String {
    let Some(line) = mistake.line else { return "items".into() };
    let part = if matches!(mistake.what, Wrong::Quantity(_)) { "quantity" } else { "sku" };
    format!("items.{line}.{part}")
}

/// Prices and names as the catalogue has them at this moment.
async fn price(app: &App, purchase: Purchase, told_by: Asked, own: &str) -> Result<NewCheckout, Problem> {
    let (config, now) = (app.config.clone(), app.clock.now());
    let items = purchase.items.clone();
    let asked = purchase.currency;
    let read = move |conn: &mut Conn| -> Result<_> {
        let seller = seller::current(conn, &config)?;
        let quote = catalog::quote(conn, &items, asked.unwrap_or(seller.currency), now)?;
        Ok((quote, seller.languages.first().copied().unwrap_or(seller::Language::English)))
    };
    let (quote, language) = app.store.read(read).await.map_err(told)?;
    let quote = quote.map_err(|wrong| mistakes(wrong.into_iter().map(|one| (field_of(&one), one.what.to_string())).collect()))?;
    let uncharged = quote.lines.iter().enumerate().filter_map(|(place, line)| {
        let why = charged(line.unit).err()?;
        Some((format!("items.{place}"), why.to_string()))
    });
    let uncharged: Vec<_> = uncharged.collect();
    if !uncharged.is_empty() {
        return Err(mistakes(uncharged));
    }
    let lines = quote.lines.into_iter().map(|line| PricedLine {
        name: Some(line.names.in_language(language)).filter(|name| !name.is_empty()).unwrap_or(&line.sku).to_owned(),
        sku: line.sku,
        quantity: line.quantity,
        unit: line.unit,
        total: line.total,
    });
    Ok(NewCheckout {
        lines: lines.collect(),
        total: quote.total,
        email: purchase.email,
        success_url: purchase.success_url.unwrap_or_else(|| format!("{own}/checkout/thanks")),
        cancel_url: purchase.cancel_url.unwrap_or_else(|| format!("{own}/checkout/cancelled")),
        client_key_hash: told_by.key_hash,
        body_hash: told_by.body_hash,
    })
}

async fn write_down(app: &App, new: NewCheckout) -> Result<Begun> {
    let now = app.clock.now();
    let (reference, line) = (format!("o-{}", random::token()), LineId::mint(now));
    let key = new.client_key_hash.clone().unwrap_or_else(|| reference.clone());
    let begin = move |tx: &mut Tx<'_>| actions::begin(tx, now, (&reference, &line), &new);
    match app.store.write("orders.begin_checkout", &key, begin.clone()).await.map_err(Error::from) {
        // Whoever was faster has committed by now: its order is found.
        Err(Error::Conflict(why)) if why == RACED => app.store.write("orders.begin_checkout", &key, begin).await.map_err(Error::from),
        done => done,
    }
}

fn not_closed(why: NotClosed) -> Problem {
    match why {
        NotClosed::Own(error) => told(error),
        NotClosed::Stripe(why) => not_opened(why),
    }
}

/// What the customer's page is told; what Stripe said in particular stands on the order.
fn not_opened(why: NotOpened) -> Problem {
    let (status, title, detail) = match why {
        NotOpened::NotSetUp => (Status::ServiceUnavailable, "Payments are not set up here", "The seller has to set STRIPE_SECRET_KEY."),
        NotOpened::Refused => (
            Status::BadGateway,
            "The payment provider refused this purchase",
            "Nothing was charged. The order is kept; the seller sees on its page what was refused.",
        ),
        NotOpened::Unreachable => (
            Status::ServiceUnavailable,
            "The payment provider does not answer",
            "Nothing was charged. Send the same request with the same Idempotency-Key again in a moment.",
        ),
    };
    let problem = Problem::new(status, title).detail(detail);
    if matches!(why, NotOpened::Unreachable) { problem.retry_after(10) } else { problem }
}

/// Where Stripe sends people after they paid. It decides nothing: the payment is learnt from Stripe's events.
#[get("/checkout/thanks")]
async fn thanks(app: &State<App>) -> Result<CameBack> {
    Ok(CameBack::paid(seller(app).await?))
}

/// Where Stripe sends people who turned back.
#[get("/checkout/cancelled")]
async fn cancelled(app: &State<App>) -> Result<CameBack> {
    Ok(CameBack::turned_back(seller(app).await?))
}

async fn seller(app: &App) -> Result<Seller> {
    let config = app.config.clone();
    app.store.read(move |conn| seller::current(conn, &config).map_err(Error::from)).await
}
