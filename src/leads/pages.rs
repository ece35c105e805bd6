//! The list of leads, a lead, and what operators may do with one.

use rocket::http::Status;
use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, post, routes};
use serde_json::{Map, Value, json};

use super::actions::{self, Correction};
use super::filter::LeadFilter;
use super::list_queries as list;
use super::model::LeadId;
use super::views::{CorrectionForm, LeadList, LeadShow, LeadStory, Listing};
use super::{list_export, quarantine, queries, submission};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::outbox::Registry;
use crate::outbox::waiting::Reasons;
use crate::people::queries as people;
use crate::saved_filters::{FilterStrip, List};
use crate::timeline::story;
use crate::web::{Back, CsvFile, Field, Fields, Flash, ListForm, Query, Section, Shape};
use crate::{Error, Result};

/// The pages, and the actions of operators.
pub fn routes() -> Vec<Route> {
    routes![index, show, send_again, correct]
}

/// The list as a page or as data.
#[derive(Responder)]
enum Leads {
    Page(Box<LeadList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/leads")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Leads> {
    let (filter, place) = (LeadFilter::of(&query), query.text("place").parse().unwrap_or_default());
    let (is_page, user) = (form.shape == Shape::Page, viewer.user().clone());
    if !is_page {
        list_export::write_down(app, &viewer, form, &filter).await?;
    }
    if form.shape == Shape::Csv {
        return list_export::csv(app, form, filter, place).await.map(Leads::Csv);
    }
    let read = move |conn: &mut Conn| -> Result<Listing> {
        let found = list::page(conn, &filter, place, list::PAGE)?;
        let saved = FilterStrip::read(conn, List::Leads, &user, &query)?;
        let (counts, sources) = if is_page { (list::counts(conn)?, list::sources(conn)?) } else { (Vec::new(), Vec::new()) };
        Ok(Listing { filter, found, counts, sources, saved })
    };
    let listing = app.store.read(read).await?;
    if is_page {
        let shell = viewer.shell(Section::Leads, "Leads").live("leads");
        return Ok(Leads::Page(Box::new(LeadList::new(shell, &listing, place, viewer.may_operate()))));
    }
    let on = listing.found.page.older.or_else(|| listing.found.searched.as_ref().and_then(|searched| searched.on));
    let next = on.map(|place| listing.filter.href(Some(place), form.in_next()));
    Ok(Leads::Json(Json(json!({ "leads": listing.found.page.rows, "next": next }))))
}

#[get("/leads/<id>")]
async fn show(app: &State<App>, registry: &State<Registry>, viewer: Viewer, id: i64) -> Result<LeadShow> {
    let found = read_story(app, registry, LeadId(id)).await?;
    let form = CorrectionForm::from(&found.lead);
    Ok(LeadShow::new(viewer.shell(Section::Leads, format!("Lead {id}")).live("lead"), &found, form, viewer.may_operate()))
}

async fn read_story(app: &App, registry: &Registry, id: LeadId) -> Result<LeadStory> {
    let (registry, now) = (registry.clone(), app.clock.now());
    app.store
        .read(move |conn| -> Result<LeadStory> {
            let lead = queries::find(conn, id)?.ok_or(Error::NotFound("lead"))?;
            let story = story::of_line(conn, &lead.line_id)?;
            let job = list::last_job(conn, id)?;
            let reasons = Reasons::read(conn, &registry, job.as_slice(), now)?;
            let suspicion = quarantine::queries::suspicions_of(conn, &[id])?.into_iter().next().map(|(_, suspicion)| suspicion);
            let whose = people::whose(conn, &id.subject())?;
            Ok(LeadStory { job, reasons, lead, story, suspicion, whose })
        })
        .await
}

#[post("/leads/<id>/delivery")]
async fn send_again(app: &State<App>, registry: &State<Registry>, operator: Operator, id: i64) -> Result<Back> {
    let (registry, by) = (registry.inner().clone(), operator.asks(app.clock.now()));
    let key = LeadId(id).subject();
    let done = app.store.write("leads.retry", &key, move |tx| actions::retry(tx, &registry, LeadId(id), &by)).await;
    answer(id, done.map_err(Error::from), "The lead will be sent again now.")
}

#[post("/leads/<id>/correction", data = "<fields>")]
async fn correct(
    app: &State<App>,
    registry: &State<Registry>,
    operator: Operator,
    id: i64,
    fields: Fields,
) -> Result<std::result::Result<Back, (Status, LeadShow)>> {
    let correction = match parse(&fields, app.config.phone_region.as_deref()) {
        Ok(correction) => correction,
        Err(form) => {
            let found = read_story(app, registry, LeadId(id)).await?;
            let shell = operator.shell(Section::Leads, format!("Lead {id}"));
            return Ok(Err((Status::UnprocessableEntity, LeadShow::new(shell, &found, *form, true))));
        }
    };
    let (registry, by) = (registry.inner().clone(), operator.asks(app.clock.now()));
    let key = LeadId(id).subject();
    let edit = move |tx: &mut crate::db::Tx<'_>| actions::edit_and_resend(tx, &registry, LeadId(id), &correction, &by);
    let done = app.store.write("leads.edit", &key, edit).await;
    answer(id, done.map_err(Error::from), "The correction is saved; the lead will be sent again now.").map(Ok)
}

/// A refusal is a message on the page of the lead; what the person saw may have been out of date.
fn answer<T>(id: i64, done: Result<T>, what: &str) -> Result<Back> {
    let back = Back::to(format!("/leads/{id}"));
    match done {
        Ok(_) => Ok(back.saying(Flash::ok(what))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}

/// The most a message may hold, as intake has it.
const MESSAGE_MAX: usize = 20_000;

fn parse(fields: &Fields, phone_region: Option<&str>) -> std::result::Result<Correction, Box<CorrectionForm>> {
    let names = ["name", "email", "phone", "company"];
    let typed: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), fields.text(name).into())).collect();
    let checked = submission::check_contact(typed, phone_region);
    let is_long = fields.text("message").chars().count() > MESSAGE_MAX;
    let message = Some(fields.text("message").to_owned()).filter(|text| !text.is_empty());
    let mistakes = match checked {
        Ok(contact) if !is_long => return Ok(Correction { contact, message }),
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes,
    };
    let field = |name: &str, label: &str| {
        let mistake = mistakes.iter().find(|(field, _)| field == name).map(|(_, why)| format!("{label} {why}."));
        Field { text: fields.text(name).into(), mistake: mistake.unwrap_or_default() }
    };
    let long = if is_long { "The message may have at most 20,000 characters." } else { "" };
    Err(Box::new(CorrectionForm {
        name: field("name", "The name"),
        email: field("email", "The mail address"),
        phone: field("phone", "The phone number"),
        company: field("company", "The company"),
        message: Field { text: fields.text("message").into(), mistake: long.into() },
        is_open: true,
    }))
}
