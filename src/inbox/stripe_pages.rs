//! The page of the connection to Stripe: how to set it up, whether it works, and the button that reads events at once.

use rocket::{Route, State, get, post, routes};
use secrecy::ExposeSecret;
use serde_json::json;

use super::read_events_job::enqueue_reading;
use super::standing;
use super::stripe_views::{Seen, StripePage};
use super::{STRIPE_WEBHOOK, list_queries as list};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::audit::{self, Act};
use crate::connections;
use crate::db::{Conn, Tx};
use crate::integrations::stripe::PROVIDER;
use crate::line::LineId;
use crate::web::{Back, Fields, Flash, Section};
use crate::{Error, Result};

/// The page and its button.
pub fn routes() -> Vec<Route> {
    routes![show, read_events]
}

#[get("/connections/stripe")]
async fn show(app: &State<App>, viewer: Viewer) -> Result<StripePage> {
    let (config, now) = (app.config.stripe.clone(), app.clock.now());
    let read = move |conn: &mut Conn| -> Result<Seen> {
        Ok(Seen {
            standing: standing::of_stripe(conn, &config, now)?,
            first_and_last: list::first_and_last(conn, PROVIDER)?,
            types: list::types(conn)?,
            mode: config.mode(),
            account: config.account,
            foreign_secrets: config.webhook_secrets.iter().any(|secret| !secret.expose_secret().starts_with("whsec_")),
        })
    };
    let seen = app.store.read(read).await?;
    let address = format!("{}{STRIPE_WEBHOOK}", app.config.public_url);
    let shell = viewer.shell(Section::Connections, "Stripe").live("stripe");
    Ok(StripePage::new(shell, &seen, address, viewer.may_operate()))
}

#[post("/connections/stripe/events", data = "<_fields>")]
async fn read_events(app: &State<App>, operator: Operator, _fields: Fields) -> Result<Back> {
    let back = Back::to("/connections/stripe");
    if app.config.stripe.secret_key.is_none() {
        return Ok(back.saying(Flash::warn("Nothing was read: STRIPE_SECRET_KEY is not set.")));
    }
    // Whatever held the connection may be mended: the reading tells.
    connections::release_configured(app, PROVIDER).await?;
    let (actor, address, now) = (operator.actor(), operator.address.ip.to_string(), app.clock.now());
    let line = LineId::mint(now);
    let ask = move |tx: &mut Tx<'_>| -> Result<()> {
        let job = enqueue_reading(tx, now, &line)?;
        let act = Act {
            actor: &actor,
            action: "inbox.read_events",
            subject: "connection:stripe",
            line: Some(&line),
            reason: None,
            before: None,
            after: Some(json!({ "job": job })),
            address: Some(&address),
        };
        Ok(audit::record(tx, now, &act)?)
    };
    app.store.write("inbox.ask_for_events", PROVIDER, ask).await.map_err(Error::from)?;
    Ok(back.saying(Flash::ok("The events that Stripe keeps are being read now.")))
}
