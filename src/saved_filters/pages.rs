//! Saving the filter of a list, and the page where filters are renamed, shared and deleted.

use rocket::{State, get, post};

use super::actions::{self, By};
use super::model::{FilterId, List};
use super::queries::{self, NewFilter};
use super::views::FilterList;
use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Tx;
use crate::web::{Back, Fields, Flash, Section};
use crate::{Error, Result};

#[get("/filters")]
pub async fn index(app: &State<App>, viewer: Viewer) -> Result<FilterList> {
    let by = By::from(viewer.user());
    let filters = app.store.read(move |conn| queries::shown(conn, None, by.user).map_err(Error::from)).await?;
    Ok(FilterList::new(viewer.shell(Section::Elsewhere, "Saved filters"), filters, by))
}

#[post("/filters", data = "<fields>")]
pub async fn save(app: &State<App>, viewer: Viewer, fields: Fields) -> Result<Back> {
    let list = List::parse(fields.text("list")).ok_or(Error::NotFound("list"))?;
    let query = list.filter_of(&Fields::parse(fields.text("query").as_bytes()).unwrap_or_default());
    let back = if query.is_empty() { list.path().to_owned() } else { format!("{}?{query}", list.path()) };
    let new = NewFilter { list, name: fields.text("name").to_owned(), query, is_shared: fields.text("shared") == "yes" };
    let (by, now) = (By::from(viewer.user()), app.clock.now());
    let done = change(app, move |tx| actions::save(tx, now, by, &new).map(drop)).await;
    answer(back, done, "The filter is saved; its link stands above the list.")
}

#[post("/filters/<id>/name", data = "<fields>")]
pub async fn rename(app: &State<App>, viewer: Viewer, id: i64, fields: Fields) -> Result<Back> {
    let (by, name) = (By::from(viewer.user()), fields.text("name").to_owned());
    let done = change(app, move |tx| actions::rename(tx, by, FilterId(id), &name)).await;
    answer("/filters".into(), done, "It has its new name.")
}

#[post("/filters/<id>/sharing", data = "<fields>")]
pub async fn share(app: &State<App>, viewer: Viewer, id: i64, fields: Fields) -> Result<Back> {
    let (by, is_shared) = (By::from(viewer.user()), fields.text("shared") == "yes");
    let done = change(app, move |tx| actions::share(tx, by, FilterId(id), is_shared)).await;
    answer("/filters".into(), done, if is_shared { "Everyone sees it now." } else { "Nobody else sees it any more." })
}

#[post("/filters/<id>/removal")]
pub async fn remove(app: &State<App>, viewer: Viewer, id: i64) -> Result<Back> {
    let by = By::from(viewer.user());
    let done = change(app, move |tx| actions::remove(tx, by, FilterId(id))).await;
    answer("/filters".into(), done, "It is deleted.")
}

async fn change(app: &App, act: impl Fn(&mut Tx<'_>) -> Result<()> + Send + 'static) -> Result<()> {
    Ok(app.store.write("saved_filters.change", "saved_filters", act).await?)
}

/// A refusal is a message on the page.
fn answer(back: String, done: Result<()>, what: &str) -> Result<Back> {
    match done {
        Ok(()) => Ok(Back::to(back).saying(Flash::ok(what))),
        Err(Error::Conflict(why)) => Ok(Back::to(back).saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
