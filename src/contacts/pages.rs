//! The list of contacts, and a contact.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, routes};
use serde_json::{Value, json};

use super::export;
use super::show_queries as queries;
use super::views::{ContactList, ContactShow};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::people::{ContactId, list_queries};
use crate::timeline::FeedFilter;
use crate::web::{CsvFile, Fields, ListForm, Query, Section, Shape};

/// The longest text that is searched for.
const TEXT_MAX: usize = 200;

/// The pages.
pub fn routes() -> Vec<Route> {
    routes![index, show]
}

/// The list as a page or as data.
#[derive(Responder)]
enum Contacts {
    Page(Box<ContactList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

/// What is searched for; None: everything.
pub(super) fn searched(query: &Fields) -> Option<String> {
    let text: String = query.text("text").chars().take(TEXT_MAX).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[get("/contacts")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Contacts> {
    let (text, place): (_, Place) = (searched(&query), query.text("place").parse().unwrap_or_default());
    if form.shape != Shape::Page {
        let asked = json!({ "format": form.shape.as_str(), "text": text });
        audit::record_taken(app, viewer.takes_along("contacts.export", "contacts", asked)).await?;
    }
    if form.shape == Shape::Csv {
        return export::contacts(app, form, text, place).await.map(Contacts::Csv);
    }
    let (asked, is_page) = (text.clone(), form.shape == Shape::Page);
    let ask = if is_page { queries::contacts } else { queries::contacts_piece };
    let found = app.store.read(move |conn: &mut Conn| ask(conn, asked.as_deref(), place, list_queries::PAGE)).await?;
    if is_page {
        let shell = viewer.shell(Section::Contacts, "Contacts").live("people");
        return Ok(Contacts::Page(Box::new(ContactList::new(shell, text.as_deref(), &found))));
    }
    Ok(Contacts::Json(Json(export::contacts_json(&found, text.as_deref(), form))))
}

#[get("/contacts/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: i64, query: Query) -> Result<ContactShow> {
    let (filter, place): (_, Place) = (FeedFilter::of(&query, viewer.times()), query.text("place").parse().unwrap_or_default());
    let asked = filter.clone();
    let known = app.store.read(move |conn: &mut Conn| queries::contact(conn, ContactId(id), &asked, place)).await?;
    let shell = viewer.shell(Section::Contacts, known.label()).live("people");
    Ok(ContactShow::new(shell, &known, &filter, viewer.may_operate()))
}
