//! Choosing the organisation and the plan. Books is asked whether the grant may book there before anything is kept.

use serde_json::json;

use super::{BooksAccess, limits, queries};
use crate::app::App;
use crate::connections::connect::{in_time, record_connected};
use crate::connections::custody::access_token;
use crate::connections::queries as zoho_queries;
use crate::db::{Tx, WriteError};
use crate::error::{Error, Result};
use crate::integrations::zoho::books::{Organisation, PROVIDER};
use crate::integrations::zoho::scopes::{self, Scope};
use crate::integrations::{Failure, zoho};
use crate::outbox::admin::Request;
use crate::outbox::limits as outbox_limits;

/// A plan of Books, by what it allows in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub code: &'static str,
    pub name: &'static str,
    pub calls_per_day: i64,
}

/// The plans (zoho.com/books/api/v3/introduction, 2026-11), the smallest first.
pub const PLANS: [Plan; 4] = [
    Plan { code: "free", name: "Free", calls_per_day: 1_000 },
    Plan { code: "standard", name: "Standard", calls_per_day: 2_000 },
    Plan { code: "professional", name: "Professional", calls_per_day: 5_000 },
    Plan { code: "premium", name: "Premium, Elite or Ultimate", calls_per_day: 10_000 },
];

/// What an admin chose.
#[derive(Clone, Debug)]
pub struct Choice {
    pub organisation_id: String,
    /// Of [`PLANS`].
    pub plan: String,
}

/// Why nothing was chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The form names no plan there is, or an organisation that the grant may not use.
    #[error("{0}")]
    NotThere(String),
    /// The grant was given without these.
    #[error("The grant of Zoho lacks permissions for Books ({}): reconnect Zoho and grant all of them.", .0.iter().map(|scope| scope.name).collect::<Vec<_>>().join(", "))]
    MissingScopes(Vec<Scope>),
    #[error("{}", .0.message)]
    Refused(Failure),
    #[error("{0}")]
    Own(#[from] Error),
}

/// The organisations that the grant may book to.
pub async fn organisations(app: &App) -> Result<Vec<Organisation>, ChoiceError> {
    let granted = app.store.read(|conn| zoho_queries::detail(conn).map_err(Error::from)).await?;
    let told = granted.and_then(|detail| detail.scopes);
    let missing = told.map(|told| scopes::missing_of(&scopes::BOOKS, &told.split(' ').map(str::to_owned).collect::<Vec<_>>()));
    if let Some(missing) = missing.filter(|missing| !missing.is_empty()) {
        return Err(ChoiceError::MissingScopes(missing));
    }
    outbox_limits::ask(app, PROVIDER, &limits(), 1).await?;
    let access = access_token(app, zoho::PROVIDER).await.map_err(ChoiceError::Refused)?;
    let books = BooksAccess { access, organisation_id: String::new() };
    in_time(books.client(app).organisations()).await.map_err(ChoiceError::Refused)
}

/// Books to this organisation from now on. What waited for that goes on.
pub async fn choose(app: &App, choice: &Choice, by: &Request) -> Result<Organisation, ChoiceError> {
    let plan = PLANS.iter().find(|plan| plan.code == choice.plan).copied();
    let plan = plan.ok_or_else(|| ChoiceError::NotThere("Choose the plan of the organisation in Zoho Books.".into()))?;
    let all = organisations(app).await?;
    let chosen = all.into_iter().find(|one| one.id == choice.organisation_id);
    let chosen =
        chosen.ok_or_else(|| ChoiceError::NotThere("Choose one of the organisations that Zoho Books lists for this grant.".into()))?;
    let (who, kept) = (by.clone(), chosen.clone());
    let keep = move |tx: &mut Tx<'_>| -> Result<()> {
        let before = queries::chosen(tx.conn())?;
        queries::keep(tx, &kept, plan.calls_per_day, (&who.actor, who.now))?;
        record(tx, &who, before.as_ref(), (&kept, plan))
    };
    let written: Result<(), WriteError<Error>> = app.store.write("connections.choose_books", "outbox.claim", keep).await;
    written.map_err(Error::from)?;
    tracing::info!(provider = PROVIDER, calls_per_day = plan.calls_per_day, "An organisation of Zoho Books was chosen");
    Ok(chosen)
}

fn record(tx: &mut Tx<'_>, by: &Request, before: Option<&queries::Chosen>, (chosen, plan): (&Organisation, Plan)) -> Result<()> {
    let told = |id: &str, name: &str, calls: i64| json!({ "organisation_id": id, "organisation": name, "calls_per_day": calls });
    let before = before
        .map(|(id, name, calls)| told(id.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default(), calls.unwrap_or_default()));
    let after = told(&chosen.id, &chosen.name, plan.calls_per_day);
    record_connected(tx, ("connection:zoho_books", "connections.choose_books"), (before, after), by)
}
