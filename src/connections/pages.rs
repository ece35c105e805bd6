//! The page of connections: their state, the breaker, and how much of what the provider allows is used.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{State, get};
use serde_json::{Value, json};

use super::export;
use super::holds;
use super::queries;
use super::views::{self, ConnectionList, Told};
use crate::Result;
use crate::accounts::Viewer;
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::integrations::smtp::PROVIDER as MAIL;
use crate::integrations::stripe::PROVIDER as STRIPE;
use crate::integrations::zoho::PROVIDER;
use crate::integrations::zoho::books::PROVIDER as BOOKS;
use crate::outbox::{Registry, breaker, limits};
use crate::web::{CsvFile, ListForm, Section, Shape};

/// The page, or the same as data.
#[derive(Responder)]
pub enum Listed {
    Page(Box<ConnectionList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/connections")]
pub async fn index(app: &State<App>, registry: &State<Registry>, viewer: Viewer, form: ListForm) -> Result<Listed> {
    let (registry, now) = (registry.inner().clone(), app.clock.now());
    // The mail server and Stripe are among them where the settings name them.
    let named = |provider: &'static str| registry.limits(provider).map(|_| provider);
    let providers = [Some(PROVIDER), Some(BOOKS), named(STRIPE), named(MAIL)];
    let read = move |conn: &mut Conn| -> Result<Vec<Told>> {
        providers.into_iter().flatten().map(|provider| told_of(conn, &registry, provider, now)).collect()
    };
    let told = app.store.read(read).await?;
    if form.shape == Shape::Json {
        let connections: Vec<Value> = told.iter().map(|told| views::to_json(told, now)).collect();
        return Ok(Listed::Json(Json(json!({ "connections": connections }))));
    }
    if form.shape == Shape::Csv {
        return Ok(Listed::Csv(export::csv(&told, form, now)));
    }
    let shell = viewer.shell(Section::Connections, "Connections").live("connections");
    Ok(Listed::Page(Box::new(ConnectionList::new(shell, &told, viewer.may_operate()))))
}

/// What is known of the connection to Zoho.
pub(super) fn told(conn: &mut Conn, registry: &Registry, now: UtcTime) -> Result<Told> {
    told_of(conn, registry, PROVIDER, now)
}

pub(super) fn told_of(conn: &mut Conn, registry: &Registry, provider: &'static str, now: UtcTime) -> Result<Told> {
    let gauge = match registry.limits(provider) {
        Some(limits) => Some(limits::gauge(conn, provider, limits, now)?),
        None => None,
    };
    Ok(Told {
        provider,
        summary: queries::summary_of(conn, provider)?,
        breaker: breaker::all(conn)?.into_iter().find(|state| state.provider == provider),
        gauge,
        held: holds::on_hold(conn, now)?,
    })
}
