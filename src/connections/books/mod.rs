//! Zoho Books: a connection of its own for jobs, limits and holds, on the one grant of Zoho. It stands once an admin has chosen the
//! organisation; what Books refuses holds booking alone, and leads go on.

mod choose;
mod pages;
pub(super) mod queries;
mod views;

pub use choose::{Choice, ChoiceError, PLANS, choose, organisations};
pub(super) use pages::routes;
pub use queries::{chosen, organisation, summary};

use futures_util::future::BoxFuture;

use super::configured::hold_configured;
use super::custody::{access_token, refresh_after_rejection};
use super::model::Access;
use crate::app::App;
use crate::error::Error;
use crate::integrations::zoho::books::{Books, PROVIDER};
use crate::integrations::zoho::{self, Called};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::limits::{DAY_S, Limits, Window};

/// What a call to Books needs.
#[derive(Clone, Debug)]
pub struct BooksAccess {
    pub access: Access,
    pub organisation_id: String,
}

impl BooksAccess {
    /// A client with it.
    pub fn client<'a>(&'a self, app: &'a App) -> Books<'a> {
        Books::new(&*app.transport, (&self.access.api_url, &self.access.token), &self.organisation_id)
    }
}

/// Books allows 100 calls in a minute to all programs of an organisation together, and by plan so many a day; a free plan's until
/// one is chosen (zoho.com/books/api/v3/introduction, 2026-11).
pub(super) fn limits() -> Limits {
    let day = PLANS[0].calls_per_day;
    Limits { at_once: 5, windows: vec![Window { seconds: 60, calls: 90 }, Window { seconds: DAY_S, calls: day }] }
}

/// What jobs call Books with. A failure is the connection's, never a record's.
pub async fn access(app: &App) -> Result<BooksAccess, Failure> {
    let organisation = app.store.read(|conn| queries::organisation(conn).map_err(Error::from)).await;
    let organisation_id = organisation.map_err(|cause| Failure::of_call(FailureClass::Network, cause.to_string()))?.ok_or_else(|| {
        Failure::of_call(FailureClass::Authentication, "Zoho Books is not connected: choose its organisation under Connections")
    })?;
    match access_token(app, zoho::PROVIDER).await {
        Ok(access) => Ok(BooksAccess { access, organisation_id }),
        Err(failure) => Err(held(app, failure).await),
    }
}

/// Makes a call, and once more with another token where its token is refused. What is refused again lacks a right: booking is held
/// until a person connects Zoho again or tries the connection, and leads go on.
pub async fn ask<'a, T>(app: &App, books: &mut BooksAccess, call: impl Fn(BooksAccess) -> BoxFuture<'a, Called<T>>) -> Called<T> {
    let first = call(books.clone()).await;
    if !first.credentials_refused {
        return first;
    }
    match refresh_after_rejection(app, zoho::PROVIDER, &books.access.token).await {
        Ok(fresh) => books.access = fresh,
        Err(failure) => return Called { result: Err(held(app, failure).await), ..first },
    }
    let again = call(books.clone()).await;
    match again.result {
        Err(failure) if again.credentials_refused => Called { result: Err(held(app, failure).await), ..again },
        result => Called { result, ..again },
    }
}

/// Notes that booking waits for a person, where that is so.
async fn held(app: &App, failure: Failure) -> Failure {
    if failure.class == FailureClass::Authentication {
        let advice = "Connect Zoho again under Connections with all permissions, then try Zoho Books out there";
        hold_configured(app, PROVIDER, &format!("{}. {advice}", failure.message)).await;
    }
    failure
}
