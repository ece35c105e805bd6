//! The page, and the same as data.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, routes};
use serde_json::Value;

use super::export;
use super::queries;
use super::views::{Fleet, ProcessList};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::db::Conn;
use crate::web::{CsvFile, ListForm, Section, Shape};

/// The page.
pub fn routes() -> Vec<Route> {
    routes![index]
}

#[derive(Responder)]
enum Processes {
    Page(Box<ProcessList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/processes")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm) -> Result<Processes> {
    let read = |conn: &mut Conn| -> Result<_> { Ok((queries::processes(conn)?, queries::in_flight(conn)?)) };
    let (processes, in_flight) = app.store.read(read).await?;
    let fleet = Fleet { processes, in_flight, own_id: app.process_id.clone(), now: app.clock.now() };
    Ok(match form.shape {
        Shape::Json => Processes::Json(Json(fleet.to_json())),
        Shape::Csv => Processes::Csv(export::csv(&fleet, form)),
        Shape::Page => Processes::Page(Box::new(ProcessList::new(viewer.shell(Section::Processes, "Processes").live("processes"), &fleet))),
    })
}
