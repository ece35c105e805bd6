//! Connections to providers: custody of their tokens, connecting and reconnecting. A connection that a person must renew
//! holds its jobs (the outbox reads its state); tokens never leave this folder but inside an [`Access`].

mod api;
mod configured;
mod configured_queries;
mod connect;
mod custody;
mod export;
pub mod holds;
mod keys;
mod model;
mod pages;
mod queries;
mod refresh;
mod renewal;
mod views;

pub use configured::{hold_configured, keep_configured, release_configured};
pub use configured_queries::is_configured;
pub use connect::{ConnectError, ConnectForm, Connected, Occasion, connect};
pub use custody::{RefreshTested, access_token, refresh_after_rejection, require_reconnect, test_refresh};
pub use keys::{Unlocked, check_key, inspect_key, unlock};
pub use model::{Access, ConnectionId, ConnectionState, RENEWED_BEFORE, Summary};
pub use queries::{expire_access_token, recent_refreshes, summary};
pub use refresh::REFRESHES_MAX;
pub use renewal::with_renewal;

use rocket::{Route, routes};

use crate::config::Config;
use crate::integrations::zoho::PROVIDER;
use crate::outbox::RegistryBuilder;
use crate::outbox::limits::{Limits, Window};

/// The page, and the route that connects without a browser.
pub fn routes() -> Vec<Route> {
    [api::routes(), routes![pages::index]].concat()
}

/// What each provider allows, as the settings say.
pub fn limits(registry: &mut RegistryBuilder, config: &Config) {
    registry.limit(PROVIDER, zoho_limits(config));
}

fn zoho_limits(config: &Config) -> Limits {
    let day = Window { seconds: 24 * 3600, calls: config.zoho.credits_per_day };
    Limits { at_once: config.zoho.calls_at_once, windows: vec![day] }
}
