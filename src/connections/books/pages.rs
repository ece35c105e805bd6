//! The page of the connection to Books: which organisation is booked to, whether it works, what waits.

use rocket::http::Status;
use rocket::{Route, State, get, post, routes};

use super::choose::{self, Choice, ChoiceError};
use super::views::{BooksPage, Picking, Seen};
use super::{PROVIDER, queries};
use crate::accounts::{Admin, Operator, Viewer};
use crate::app::App;
use crate::connections::configured::release_configured;
use crate::connections::pages::told_of;
use crate::connections::queries as zoho_queries;
use crate::db::Conn;
use crate::outbox::{Registry, lists};
use crate::timeline::story;
use crate::web::{Back, Fields, Flash, Section};
use crate::{Error, Result};

const PAGE: &str = "/connections/books";
/// Acts that the page shows.
const ACTS_MAX: i64 = 12;
/// Waiting jobs are counted up to so many.
const COUNTED_MAX: i64 = 10_000;

/// The page, and what may be done there.
pub fn routes() -> Vec<Route> {
    routes![show, list, choose_one, test]
}

#[get("/connections/books")]
async fn show(app: &State<App>, registry: &State<Registry>, viewer: Viewer) -> Result<Box<BooksPage>> {
    page(app, registry, &viewer, Picking::default()).await
}

async fn page(app: &App, registry: &Registry, viewer: &Viewer, picking: Picking) -> Result<Box<BooksPage>> {
    let (registry, now) = (registry.clone(), app.clock.now());
    let read = move |conn: &mut Conn| -> Result<Seen> {
        let told = told_of(conn, &registry, PROVIDER, now)?;
        let (acts, mut people) = story::acts_on(conn, "connection:zoho_books", ACTS_MAX)?;
        people.extend(story::people(conn, told.summary.iter().map(|summary| summary.connected_by.as_str()))?);
        let zoho = zoho_queries::summary(conn)?.map(|summary| summary.state);
        let kinds = lists::counts_by_kind(conn, COUNTED_MAX)?;
        let counts = kinds.into_iter().filter(|count| registry.connection_of(&count.kind) == Some(PROVIDER)).collect();
        let scopes = zoho_queries::detail(conn)?.and_then(|detail| detail.scopes);
        Ok(Seen { told, chosen: queries::chosen(conn)?, zoho, scopes, counts, acts, people })
    };
    let seen = app.store.read(read).await?;
    let mut shell = viewer.shell(Section::Connections, "Zoho Books").live("connections");
    // Also where a form of this page has brought the person to another address.
    PAGE.clone_into(&mut shell.frame.here);
    Ok(Box::new(BooksPage::new(shell, &seen, (viewer.may_operate(), viewer.may_administer()), picking)))
}

type Answer = std::result::Result<(Status, Box<BooksPage>), Back>;

/// Asks Books for the organisations that the grant may use, to choose one of them.
#[post("/connections/books/organisations", data = "<_fields>")]
async fn list(app: &State<App>, registry: &State<Registry>, admin: Admin, _fields: Fields) -> Result<Answer> {
    match choose::organisations(app).await {
        Ok(all) => Ok(Ok((Status::Ok, page(app, registry, &admin, Picking { all, mistake: None }).await?))),
        Err(ChoiceError::Own(own)) => Err(own),
        Err(refused) => Ok(Err(Back::to(PAGE).saying(Flash::bad(refused.to_string())))),
    }
}

/// Books to an organisation from now on.
#[post("/connections/books", data = "<fields>")]
async fn choose_one(app: &State<App>, registry: &State<Registry>, admin: Admin, fields: Fields) -> Result<Answer> {
    let choice = Choice { organisation_id: fields.text("organisation_id").to_owned(), plan: fields.text("plan").to_owned() };
    match choose::choose(app, &choice, &admin.asks_because(&fields, app.clock.now())).await {
        Ok(chosen) => Ok(Err(Back::to(PAGE).saying(Flash::ok(format!("Paid orders are booked to {} from now on.", chosen.name))))),
        Err(ChoiceError::NotThere(mistake)) => {
            let picking = Picking { all: choose::organisations(app).await.unwrap_or_default(), mistake: Some(mistake) };
            Ok(Ok((Status::UnprocessableEntity, page(app, registry, &admin, picking).await?)))
        }
        Err(ChoiceError::Own(own)) => Err(own),
        Err(refused) => Ok(Err(Back::to(PAGE).saying(Flash::bad(refused.to_string())))),
    }
}

/// Proves that the grant may still book to the chosen organisation; what held booking back is over then.
#[post("/connections/books/test", data = "<_fields>")]
async fn test(app: &State<App>, _operator: Operator, _fields: Fields) -> Result<Back> {
    let back = Back::to(PAGE);
    let chosen = app.store.read(|conn| queries::organisation(conn).map_err(Error::from)).await?;
    let Some(chosen) = chosen else {
        return Ok(back.saying(Flash::warn("Nothing was tried: no organisation is chosen yet.")));
    };
    match choose::organisations(app).await {
        Ok(all) => match all.into_iter().find(|one| one.id == chosen) {
            Some(one) => {
                release_configured(app, PROVIDER).await?;
                Ok(back.saying(Flash::ok(format!("It works: Zoho Books knows us and {}. What waited goes on.", one.name))))
            }
            None => Ok(back.saying(Flash::bad("Zoho Books no longer lists the chosen organisation for this grant. Choose another, or connect Zoho with a user who may use it."))),
        },
        Err(ChoiceError::Own(own)) => Err(own),
        Err(refused) => Ok(back.saying(Flash::bad(refused.to_string()))),
    }
}
