//! The inbox: everything a provider tells us, kept as it came before anyone acts on it, then interpreted by a job. Knows how an
//! event is known to be genuine, kept once, interpreted once and replayed; what it means is said by the features it concerns.

pub mod actions;
mod export;
mod feed;
pub mod feed_queries;
pub mod filter;
pub mod interpret_job;
pub mod interpreters;
pub mod list_queries;
pub mod model;
mod pages;
pub mod queries;
pub mod read_events_job;
mod receipt_views;
pub mod refusals;
mod refused_pages;
pub mod refused_queries;
pub mod rehearsal;
mod replay_pages;
pub mod replay_views;
pub mod standing;
pub mod statistics;
mod statistics_views;
pub mod stripe_events;
mod stripe_pages;
mod stripe_views;
pub mod stripe_webhook;
mod views;
pub mod walk_queries;

pub use refusals::RefusalGate;
pub use standing::{Standing, of_stripe as stripe_standing};
pub use stripe_webhook::PATH as STRIPE_WEBHOOK;

use rocket::Route;

use crate::app::App;
use crate::connections;
use crate::error::Result;
use crate::integrations::stripe::PROVIDER;
use crate::outbox::RegistryBuilder;

/// Every route of this feature.
pub fn routes() -> Vec<Route> {
    [stripe_webhook::routes(), pages::routes(), replay_pages::routes(), refused_pages::routes(), stripe_pages::routes()].concat()
}

/// The kinds of jobs.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<interpret_job::Interpret>().add::<read_events_job::ReadEvents>();
}

/// At start: the connection to Stripe is as the settings of this process say. A key that was refused before is tried again.
pub async fn announce(app: &App) -> Result<()> {
    let config = &app.config.stripe;
    let server = config.secret_key.as_ref().map(|_| config.api_url.as_str());
    connections::keep_configured(app, PROVIDER, server, "STRIPE_SECRET_KEY is not set").await
}
