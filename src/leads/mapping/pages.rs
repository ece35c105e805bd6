//! The page of the mapping: checked against the CRM's own fields, shown on a lead, then saved.

use chrono::DateTime;
use rocket::http::Status;
use rocket::{Route, State, get, post, routes};
use serde_json::json;

use super::check::{Checked, Row, check};
use super::model::Mapping;
use super::queries::{self, Saved};
use super::views::{MappingPage, Read, rows_of};
use crate::accounts::{Admin, Viewer};
use crate::app::App;
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::connections::{self, FieldsError};
use crate::db::{Conn, Topic, Tx, WriteError};
use crate::integrations::zoho::PROVIDER;
use crate::outbox::admin::Request;
use crate::timeline::story;
use crate::web::{Back, Fields, Flash, Section};
use crate::{Error, Result};

const PAGE: &str = "/connections/zoho/mapping";
/// More rows than any CRM has use for here.
const ROWS_MAX: usize = 60;

/// The page, and what admins do there.
pub fn routes() -> Vec<Route> {
    routes![show, preview, save, reset]
}

type Page = Box<MappingPage>;
/// The page again with what is wrong, or back to it with what was done.
type Answered = std::result::Result<Back, (Status, Page)>;

#[get("/connections/zoho/mapping")]
async fn show(app: &State<App>, viewer: Viewer) -> Result<Page> {
    let read = read(app).await?;
    let rows = rows_of(read.current());
    Ok(page(&viewer, &read, &rows, None))
}

/// Checks what was typed and shows it on a lead; nothing is saved.
#[post("/connections/zoho/mapping/preview", data = "<fields>")]
async fn preview(app: &State<App>, admin: Admin, fields: Fields) -> Result<Answered> {
    let rows = rows(&fields);
    match checked(app, &admin, &rows).await? {
        Ok(checked) => {
            let status = if checked.is_fine() { Status::Ok } else { Status::UnprocessableEntity };
            Ok(Err((status, page(&admin, &read(app).await?, &rows, Some(&checked)))))
        }
        Err(why) => again(app, &admin, &rows, why).await,
    }
}

/// Checks once more, then saves.
#[post("/connections/zoho/mapping", data = "<fields>")]
async fn save(app: &State<App>, admin: Admin, fields: Fields) -> Result<Answered> {
    let rows = rows(&fields);
    let checked = match checked(app, &admin, &rows).await? {
        Ok(checked) => checked,
        Err(why) => return again(app, &admin, &rows, why).await,
    };
    if !checked.is_fine() {
        return Ok(Err((Status::UnprocessableEntity, page(&admin, &read(app).await?, &rows, Some(&checked)))));
    }
    let by = admin.asks(app.clock.now());
    let saved = Saved { mapping: checked.mapping, at: by.now, by: by.actor.clone() };
    match store(app, moment(fields.text("seen")), Some(saved), by).await {
        Ok(()) => Ok(Ok(Back::to(PAGE).saying(Flash::ok("The mapping is saved. Leads that are sent from now on follow it.")))),
        Err(Error::Conflict(why)) => again(app, &admin, &rows, why).await,
        Err(other) => Err(other),
    }
}

/// Lets the settings hold again.
#[post("/connections/zoho/mapping/reset", data = "<fields>")]
async fn reset(app: &State<App>, admin: Admin, fields: Fields) -> Result<Back> {
    let flash = match store(app, moment(fields.text("seen")), None, admin.asks(app.clock.now())).await {
        Ok(()) => Flash::ok("The mapping of the settings holds again."),
        Err(Error::Conflict(why)) => Flash::warn(why),
        Err(other) => return Err(other),
    };
    Ok(Back::to(PAGE).saying(flash))
}

fn page(viewer: &Viewer, read: &Read, rows: &[Row], checked: Option<&Checked>) -> Page {
    let mut shell = viewer.shell(Section::Connections, "Field mapping");
    PAGE.clone_into(&mut shell.frame.here);
    Box::new(MappingPage::new(shell, viewer.may_administer(), read, rows, checked))
}

/// The page with everything that was typed, and why nothing came of it.
async fn again(app: &App, admin: &Admin, rows: &[Row], why: String) -> Result<Answered> {
    let mut page = page(admin, &read(app).await?, rows, None);
    page.notice = Some(super::views::Notice { tone: "bad", icon: "circle-alert", title: "Nothing was saved".into(), lines: vec![why] });
    Ok(Err((Status::UnprocessableEntity, page)))
}

async fn read(app: &App) -> Result<Read> {
    let config = app.config.clone();
    let read = move |conn: &mut Conn| -> Result<Read> {
        let saved = queries::saved(conn)?;
        let by = saved.as_ref().map(|saved| saved.by.clone()).unwrap_or_default();
        Ok(Read {
            saved_by: story::people(conn, std::iter::once(by.as_str()))?.remove(&by).unwrap_or_default(),
            of_settings: Mapping::of_settings(&config.zoho),
            known: connections::known_crm_fields(conn, PROVIDER)?,
            newest: queries::newest_lead(conn)?,
            external_field: connections::summary(conn)?.and_then(|summary| summary.external_field),
            saved,
        })
    };
    app.store.read(read).await
}

/// Asks the CRM for its fields and checks the rows by them; Err: it could not be asked.
async fn checked(app: &App, admin: &Admin, rows: &[Row]) -> Result<std::result::Result<Checked, String>> {
    match connections::read_crm_fields(app, &admin.asks(app.clock.now())).await {
        Ok(known) => Ok(Ok(check(rows, &known.fields, &app.config.zoho.external_field))),
        Err(FieldsError::Zoho(failure)) => {
            Ok(Err(format!("The CRM's fields could not be read, so the mapping could not be checked: {}", failure.message)))
        }
        Err(FieldsError::Own(own)) => Err(own),
    }
}

async fn store(app: &App, seen: Option<UtcTime>, saved: Option<Saved>, by: Request) -> Result<()> {
    let settings = Mapping::of_settings(&app.config.zoho);
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        let before = queries::saved(tx.conn())?.map_or_else(|| settings.clone(), |saved| saved.mapping);
        let is_done = match (&saved, seen) {
            (Some(saved), seen) => queries::save(tx, seen, saved)?,
            (None, Some(seen)) => queries::reset(tx, seen)?,
            (None, None) => false,
        };
        if !is_done {
            let why = "Someone else has changed the mapping meanwhile. Open the page again to see it; what you typed is still here.";
            return Err(Error::Conflict(why.into()));
        }
        let act = Act {
            actor: &by.actor,
            action: if saved.is_some() { "connections.save_mapping" } else { "connections.reset_mapping" },
            subject: "connection:zoho",
            line: None,
            reason: None,
            before: Some(json!(before)),
            after: Some(json!(saved.as_ref().map_or(&settings, |saved| &saved.mapping))),
            address: by.address.as_deref(),
        };
        tx.touch(Topic::Connections);
        Ok(audit::record(tx, by.now, &act)?)
    };
    let written: std::result::Result<(), WriteError<Error>> = app.store.write("leads.save_mapping", PROVIDER, write).await;
    Ok(written?)
}

fn rows(fields: &Fields) -> Vec<Row> {
    let row =
        |place: usize| Row { crm_field: fields.text(&format!("crm_{place}")).into(), part: fields.text(&format!("part_{place}")).into() };
    (0..ROWS_MAX).map(row).filter(|row| !row.crm_field.is_empty() || !row.part.is_empty()).collect()
}

fn moment(stamp: &str) -> Option<UtcTime> {
    stamp.parse().ok().and_then(DateTime::from_timestamp_micros).map(|at| at.naive_utc())
}
