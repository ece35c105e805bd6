//! The outbox pages and what operators may do there.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{State, get, post};
use serde_json::Value;

use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::clock::UtcTime;
use crate::connections::holds;
use crate::db::{Conn, Tx};
use crate::outbox::admin::{self, Request};
use crate::outbox::waiting::Reasons;
use crate::outbox::{JobId, Registry, progress};
use crate::saved_filters::{FilterStrip, List};
use crate::timeline::story;
use crate::web::{Back, CsvFile, Fields, Flash, ListForm, Query, Section, Shape, Wants};
use crate::{Error, Result};

use super::list_queries::{self as queries, From, JobPage};
use super::selection::Selection;
use super::views::{self, JobList, JobShow, JobStory, Listing};
use super::{export, walk_queries};

/// The list as a page or as data.
#[derive(Responder)]
pub enum Listed {
    Page(Box<JobList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

/// A job as a page or as data.
#[derive(Responder)]
pub enum Shown {
    Page(Box<JobShow>),
    Json(Json<Value>),
}

#[get("/outbox")]
pub async fn list(app: &State<App>, registry: &State<Registry>, viewer: Viewer, form: ListForm, query: Query) -> Result<Listed> {
    let selection = Selection::of(&query);
    let place = |name: &str| query.text(name).parse().ok().map(JobId);
    let from = match (place("before"), place("after")) {
        (Some(id), _) => From::Before(id),
        (None, Some(id)) => From::After(id),
        (None, None) => From::Newest,
    };
    if form.shape != Shape::Page {
        export::write_down(app, &viewer, form, &selection).await?;
    }
    if form.shape == Shape::Csv {
        return export::csv(app, form, selection, place("before")).await.map(Listed::Csv);
    }
    let (known, now, user) = (registry.inner().clone(), app.clock.now(), viewer.user().clone());
    let read = move |conn: &mut Conn| -> Result<Listing> {
        let page = page(conn, &selection, from, now)?;
        let reasons = Reasons::read(conn, &known, &page.rows, now)?;
        let held = holds::on_hold(conn, now)?;
        let saved = FilterStrip::read(conn, List::Outbox, &user, &query)?;
        Ok(Listing { page, counts: queries::counts(conn)?, kinds: queries::kinds(conn)?, reasons, held, saved, selection })
    };
    let listing = app.store.read(read).await?;
    if form.shape == Shape::Json {
        return Ok(Listed::Json(Json(views::list_to_json(&listing, form))));
    }
    let shell = viewer.shell(Section::Outbox, "Outbox").live("outbox");
    Ok(Listed::Page(Box::new(JobList::new(shell, &listing, registry, viewer.may_operate()))))
}

/// By the indexes where they know the whole filter; else by looking at one job after the other, which only goes back in time.
fn page(conn: &mut Conn, selection: &Selection, from: From, now: UtcTime) -> Result<JobPage> {
    if !selection.needs_looks() {
        return Ok(queries::page(conn, &selection.list, from)?);
    }
    let before = if let From::Before(id) = from { Some(id) } else { None };
    let walked = walk_queries::older(conn, selection, before, now, walk_queries::PAGE)?;
    let rows = walk_queries::rows(conn, &walked.ids)?;
    Ok(JobPage { rows, newer: None, older: walked.on, looked_to: walked.on.filter(|_| walked.is_cut) })
}

#[get("/outbox/<id>")]
pub async fn show(app: &State<App>, registry: &State<Registry>, viewer: Viewer, wants: Wants, id: i64) -> Result<Shown> {
    let (registry, now) = (registry.inner().clone(), app.clock.now());
    let read = move |conn: &mut Conn| -> Result<JobStory> {
        let row = queries::find(conn, JobId(id))?.ok_or(Error::NotFound("job"))?;
        let (attempts, acts, people) = story::of_job(conn, row.id)?;
        let reasons = Reasons::read(conn, &registry, std::slice::from_ref(&row), now)?;
        let progress = progress::of(conn, row.id)?;
        Ok(JobStory { row, attempts, acts, people, reasons, progress })
    };
    let job = app.store.read(read).await?;
    if wants == Wants::Json {
        return Ok(Shown::Json(Json(views::to_json(&job.row, &job.reasons))));
    }
    let shell = viewer.shell(Section::Outbox, format!("Job {id}")).live("outbox");
    Ok(Shown::Page(Box::new(JobShow::new(shell, &job, viewer.may_operate()))))
}

#[post("/outbox/<id>/run", data = "<fields>")]
pub async fn run_again(app: &State<App>, registry: &State<Registry>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    let done = change(app, registry, operator.asks_because(&fields, app.clock.now()), move |tx, registry, by| {
        admin::retry(tx, registry, JobId(id), by)
    })
    .await;
    answer(id, done, "will run again now")
}

#[post("/outbox/<id>/cancellation", data = "<fields>")]
pub async fn cancel(app: &State<App>, registry: &State<Registry>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    let done = change(app, registry, operator.asks_because(&fields, app.clock.now()), move |tx, registry, by| {
        admin::cancel(tx, registry, JobId(id), by)
    })
    .await;
    answer(id, done, "is cancelled")
}

#[post("/outbox/<id>/completion", data = "<fields>")]
pub async fn complete(app: &State<App>, registry: &State<Registry>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    let by = operator.asks_because(&fields, app.clock.now());
    let done = change(app, registry, by, move |tx, registry, by| admin::mark_done(tx, registry, JobId(id), by)).await;
    answer(id, done, "is marked as done")
}

async fn change(
    app: &App,
    registry: &Registry,
    by: Request,
    act: impl Fn(&mut Tx<'_>, &Registry, &Request) -> Result<()> + Send + 'static,
) -> Result<()> {
    let registry = registry.clone();
    Ok(app.store.write("outbox.admin", "outbox.admin", move |tx| act(tx, &registry, &by)).await?)
}

/// A refusal is a message on the page of the job; what the person saw may have been out of date.
fn answer(id: i64, done: Result<()>, what: &str) -> Result<Back> {
    let back = Back::to(format!("/outbox/{id}"));
    match done {
        Ok(()) => Ok(back.saying(Flash::ok(format!("Job {id} {what}.")))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
