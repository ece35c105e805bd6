//! The pages of schedules and what operators may do there.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, post, routes};
use serde_json::{Value, json};

use super::export;
use super::list_views::{self, ScheduleList};
use super::queries::{self, RUNS, STRIP};
use super::views::{self, ScheduleShow};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::db::Tx;
use crate::outbox::schedules::{self, Schedule, Schedules};
use crate::web::{Back, CsvFile, Fields, Flash, ListForm, Section, Shape};
use crate::{Error, Result};

/// The pages, and the actions of operators.
pub fn routes() -> Vec<Route> {
    routes![index, show, run, pause, resume]
}

#[derive(Responder)]
enum Listed {
    Page(Box<ScheduleList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/schedules")]
async fn index(app: &State<App>, known: &State<Schedules>, viewer: Viewer, form: ListForm) -> Result<Listed> {
    let known = known.all(viewer.times().zone);
    let names: Vec<&'static str> = known.iter().map(Schedule::name).collect();
    let told = app.store.read(move |conn| queries::told(conn, &names, STRIP)).await?;
    let now = app.clock.now();
    if form.shape == Shape::Csv {
        return Ok(Listed::Csv(export::schedules(&known, &told, form, now)));
    }
    if form.shape == Shape::Json {
        let schedules: Vec<Value> = known.iter().zip(&told).map(|(schedule, told)| list_views::to_json(schedule, told, now)).collect();
        return Ok(Listed::Json(Json(json!({ "schedules": schedules }))));
    }
    let shell = viewer.shell(Section::Schedules, "Schedules").live("schedules");
    Ok(Listed::Page(Box::new(ScheduleList::new(shell, &known, &told))))
}

#[derive(Responder)]
enum Shown {
    Page(Box<ScheduleShow>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/schedules/<name>")]
async fn show(app: &State<App>, known: &State<Schedules>, viewer: Viewer, form: ListForm, name: &str) -> Result<Shown> {
    let schedule = find(known, &viewer, name)?;
    let name = schedule.name();
    if form.shape == Shape::Csv {
        return export::runs(app, name, form).await.map(Shown::Csv);
    }
    let told = app.store.read(move |conn| queries::told(conn, &[name], RUNS)).await?.pop().unwrap_or_default();
    if form.shape == Shape::Json {
        return Ok(Shown::Json(Json(views::to_json(&schedule, &told, app.clock.now()))));
    }
    let shell = viewer.shell(Section::Schedules, format!("Schedule {name}")).live("schedules");
    Ok(Shown::Page(Box::new(ScheduleShow::new(shell, &schedule, &told, viewer.may_operate()))))
}

#[post("/schedules/<name>/run", data = "<fields>")]
async fn run(app: &State<App>, known: &State<Schedules>, operator: Operator, name: &str, fields: Fields) -> Result<Back> {
    let schedule = find(known, &operator, name)?;
    let (by, process_id) = (operator.asks_because(&fields, app.clock.now()), app.process_id.clone());
    let done = change(app, &schedule, move |tx, schedule| schedules::run_now(tx, schedule, &process_id, &by)).await;
    answer(&schedule, done.map(|job| format!("It runs now, as job {job}.")))
}

#[post("/schedules/<name>/pause", data = "<fields>")]
async fn pause(app: &State<App>, known: &State<Schedules>, operator: Operator, name: &str, fields: Fields) -> Result<Back> {
    let schedule = find(known, &operator, name)?;
    let by = operator.asks_because(&fields, app.clock.now());
    let until = match fields.text("until") {
        "" => None,
        typed => match operator.times().moment(typed) {
            Some(until) => Some(until),
            None => return answer(&schedule, Err(Error::Conflict(format!("“{typed}” is not a moment. Write it like 2026-11-22T14:05.")))),
        },
    };
    let done = change(app, &schedule, move |tx, schedule| schedules::pause(tx, schedule, until, &by)).await;
    answer(&schedule, done.map(|()| "It is paused.".to_owned()))
}

#[post("/schedules/<name>/resumption", data = "<fields>")]
async fn resume(app: &State<App>, known: &State<Schedules>, operator: Operator, name: &str, fields: Fields) -> Result<Back> {
    let schedule = find(known, &operator, name)?;
    let by = operator.asks_because(&fields, app.clock.now());
    let done = change(app, &schedule, move |tx, schedule| schedules::resume(tx, schedule, &by)).await;
    answer(&schedule, done.map(|()| "It goes on at its next due time.".to_owned()))
}

fn find(known: &Schedules, viewer: &Viewer, name: &str) -> Result<Schedule> {
    known.find(name, viewer.times().zone).ok_or(Error::NotFound("schedule"))
}

async fn change<T: Send + 'static>(
    app: &App,
    schedule: &Schedule,
    act: impl Fn(&mut Tx<'_>, &Schedule) -> Result<T> + Send + 'static,
) -> Result<T> {
    let (key, schedule) = (schedule.name(), schedule.clone());
    Ok(app.store.write("schedules.admin", key, move |tx| act(tx, &schedule)).await?)
}

/// A refusal is a message on the page of the schedule; what the person saw may have been out of date.
fn answer(schedule: &Schedule, done: Result<String>) -> Result<Back> {
    let back = Back::to(format!("/schedules/{}", schedule.name()));
    match done {
        Ok(what) => Ok(back.saying(Flash::ok(what))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
