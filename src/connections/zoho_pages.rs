//! The page of the connection to Zoho: connecting in the browser, testing, checking, disconnecting.

use rocket::http::Status;
use rocket::response::{Redirect, Responder};
use rocket::{Route, State, get, post, routes};

use super::authorization::{self, BeginError, BeginForm, Person};
use super::callback_views::{self, CallbackBare, CallbackPage};
use super::connect::CALL_TIMEOUT;
use super::crm_fields::{self, FieldsError, Verdict};
use super::custody;
use super::disconnect::{self, Revoked};
use super::model::ConnectionState;
use super::pages;
use super::queries;
use super::redirected::Redirected;
use super::zoho_views::{self, ConnectFields, DisconnectPage, Read, ZohoPage};
use crate::accounts::{Admin, Operator, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::integrations::zoho::{PROVIDER, data_centers};
use crate::outbox::Registry;
use crate::timeline::story;
use crate::web::{Back, Fields, Flash, LeadingTo, Section, Theme};
use crate::{Error, Result};

const PAGE: &str = "/connections/zoho";
/// Acts that the page shows.
const ACTS_MAX: i64 = 12;

/// The page, and what may be done there.
pub fn routes() -> Vec<Route> {
    routes![show, authorize, callback, refresh, read_fields, confirm, end]
}

type Page = LeadingTo<Box<ZohoPage>>;

#[get("/connections/zoho")]
async fn show(app: &State<App>, registry: &State<Registry>, viewer: Viewer) -> Result<Page> {
    page(app, registry, &viewer, ConnectFields::default()).await
}

async fn page(app: &App, registry: &Registry, viewer: &Viewer, form: ConnectFields) -> Result<Page> {
    let (registry, now) = (registry.clone(), app.clock.now());
    let read = move |conn: &mut Conn| -> Result<Read> {
        let told = pages::told(conn, &registry, now)?;
        let (acts, mut people) = story::acts_on(conn, "connection:zoho", ACTS_MAX)?;
        people.extend(story::people(conn, told.summary.iter().map(|summary| summary.connected_by.as_str()))?);
        Ok(Read { detail: queries::detail(conn)?, fields: crm_fields::queries::known(conn, PROVIDER)?, acts, people, told })
    };
    let read = app.store.read(read).await?;
    let mut shell = viewer.shell(Section::Connections, "Zoho CRM").live("connections");
    // Also where a form of this page has brought the person to another address.
    PAGE.clone_into(&mut shell.frame.here);
    let answer = Box::new(ZohoPage::new(shell, app, &read, (viewer.may_operate(), viewer.may_administer()), form));
    Ok(LeadingTo { answer, origins: data_centers::accounts_urls(&app.config.zoho.accounts_url) })
}

#[derive(Responder)]
enum Begun {
    Away(Box<Redirect>),
    Again(Box<(Status, Page)>),
}

/// Sends an admin to Zoho.
#[post("/connections/zoho/authorization", data = "<fields>")]
async fn authorize(app: &State<App>, registry: &State<Registry>, admin: Admin, fields: Fields) -> Result<Begun> {
    let form = BeginForm {
        client_id: fields.text("client_id").to_owned(),
        client_secret: fields.text("client_secret").into(),
        accounts_url: fields.text("accounts_url").to_owned(),
        move_to: Some(fields.text("move_to").to_owned()).filter(|id| !id.is_empty()),
    };
    match authorization::begin(app, form, person(&admin)).await {
        Ok(url) => Ok(Begun::Away(Box::new(Redirect::to(url)))),
        Err(BeginError::Own(own)) => Err(own),
        Err(BeginError::Field(field, mistake)) => {
            let form = ConnectFields {
                client_id: fields.text("client_id").to_owned(),
                accounts_url: fields.text("accounts_url").to_owned(),
                mistake: Some((field, mistake)),
            };
            Ok(Begun::Again(Box::new((Status::UnprocessableEntity, page(app, registry, &admin, form).await?))))
        }
    }
}

#[derive(Responder)]
enum Returned {
    Connected(Back),
    Refused(Box<(Status, LeadingTo<CallbackPage>)>),
    Nobody((Status, CallbackBare)),
}

/// Takes an admin back from Zoho. The one GET that changes something: it is Zoho's redirect, and its state works once, in the
/// session that asked for it.
#[get("/connections/zoho/callback")]
async fn callback(
    app: &State<App>,
    viewer: Option<Viewer>,
    admin: Option<Admin>,
    theme: Theme,
    redirected: Redirected,
) -> Result<Returned> {
    let Some(admin) = admin else {
        return if viewer.is_some() { Err(Error::Forbidden) } else { Ok(Returned::Nobody((Status::Unauthorized, CallbackBare { theme }))) };
    };
    match authorization::finish(app, redirected.0, person(&admin)).await {
        Ok(connected) => {
            let whose = connected.organisation.map(|organisation| format!(" Leads go to {}.", organisation.name)).unwrap_or_default();
            let told = format!("Zoho CRM is connected.{whose}");
            let flash = match connected.advice {
                Some(advice) => Flash::warn(format!("{told} {advice}")),
                None => Flash::ok(told),
            };
            Ok(Returned::Connected(Back::to(PAGE).saying(flash)))
        }
        Err(error) => {
            tracing::warn!(provider = PROVIDER, reason = %error, "A sign-in at Zoho connected nothing");
            let mut shell = admin.shell(Section::Connections, "Nothing was connected");
            PAGE.clone_into(&mut shell.frame.here);
            let answer = CallbackPage { shell, refused: callback_views::refused(error)? };
            let origins = data_centers::accounts_urls(&app.config.zoho.accounts_url);
            Ok(Returned::Refused(Box::new((Status::UnprocessableEntity, LeadingTo { answer, origins }))))
        }
    }
}

/// Proves that the grant still works. The refresh goes on by itself where a person has waited long enough.
#[post("/connections/zoho/refresh", data = "<fields>")]
async fn refresh(app: &State<App>, operator: Operator, fields: Fields) -> Result<Back> {
    let (by, its_app) = (operator.asks_because(&fields, app.clock.now()), app.inner().clone());
    let tried = tokio::spawn(async move { custody::test_refresh(&its_app, PROVIDER, &by).await });
    let flash = match tokio::time::timeout(CALL_TIMEOUT, tried).await {
        Ok(Ok(Ok(tested))) => Flash::ok(zoho_views::tested(&tested, operator.times())),
        Ok(Ok(Err(failure))) => Flash::bad(failure.message),
        Ok(Err(cause)) => return Err(anyhow::Error::new(cause).context("trying a token refresh out").into()),
        Err(_) => Flash::warn(format!("Zoho has not answered within {} s. This page shows what comes of it.", CALL_TIMEOUT.as_secs())),
    };
    Ok(Back::to(PAGE).saying(flash))
}

/// Looks again whether the CRM has the unique field.
#[post("/connections/zoho/fields", data = "<fields>")]
async fn read_fields(app: &State<App>, operator: Operator, fields: Fields) -> Result<Back> {
    let flash = match crm_fields::read(app, &operator.asks_because(&fields, app.clock.now())).await {
        Ok(known) => {
            let wanted = &app.config.zoho.external_field;
            match Verdict::of(&known.fields, wanted) {
                Verdict::Unique => Flash::ok(format!("Leads have the unique field {wanted}: each arrives exactly once.")),
                Verdict::NotUnique => Flash::warn(format!("The field {wanted} is there, but it still allows duplicate values.")),
                Verdict::Missing => Flash::warn(format!("The CRM's leads still have no field {wanted}.")),
            }
        }
        Err(FieldsError::Zoho(failure)) => Flash::bad(format!("The CRM's fields could not be read: {}", failure.message)),
        Err(FieldsError::Own(own)) => return Err(own),
    };
    Ok(Back::to(PAGE).saying(flash))
}

#[get("/connections/zoho/disconnection")]
async fn confirm(app: &State<App>, admin: Admin) -> Result<std::result::Result<Box<DisconnectPage>, Back>> {
    let read = |conn: &mut Conn| -> Result<_> { Ok((queries::summary(conn)?, queries::detail(conn)?)) };
    let (Some(summary), Some(detail)) = app.store.read(read).await? else { return Ok(Err(not_connected())) };
    if summary.state == ConnectionState::Disconnected {
        return Ok(Err(not_connected()));
    }
    let organisation = detail.organisation_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "Zoho CRM".into());
    Ok(Ok(Box::new(DisconnectPage { shell: admin.shell(Section::Connections, "Disconnect Zoho CRM?"), organisation })))
}

fn not_connected() -> Back {
    Back::to(PAGE).saying(Flash::warn("Zoho CRM is not connected, so there is nothing to disconnect."))
}

#[post("/connections/zoho/disconnection", data = "<fields>")]
async fn end(app: &State<App>, admin: Admin, fields: Fields) -> Result<Back> {
    let flash = match disconnect::disconnect(app, &admin.asks_because(&fields, app.clock.now())).await {
        Ok(Revoked::Yes) => Flash::ok("Zoho CRM is disconnected, and the grant is revoked at Zoho. Jobs are kept and wait."),
        Ok(Revoked::No(why)) => Flash::warn(format!(
            "Zoho CRM is disconnected, and jobs wait. Zoho could not be told: remove Throughline there, under Sessions > Connected Apps. {why}"
        )),
        Err(Error::Conflict(why)) => Flash::warn(why),
        Err(other) => return Err(other),
    };
    Ok(Back::to(PAGE).saying(flash))
}

fn person(admin: &Admin) -> Person {
    Person { session: admin.session.id, actor: admin.actor(), address: Some(admin.address.ip.to_string()) }
}
