//! Connections to providers: custody of their tokens, connecting and reconnecting. A connection that a person must renew
//! holds its jobs (the outbox reads its state); tokens never leave this folder but inside an [`Access`].

mod api;
mod authorization;
mod authorization_queries;
pub mod books;
mod callback_views;
mod configured;
mod configured_queries;
mod connect;
mod crm_fields;
mod custody;
mod disconnect;
mod export;
pub mod holds;
mod inspect;
mod keys;
mod model;
mod pages;
mod queries;
mod redirected;
mod refresh;
mod renewal;
mod views;
mod zoho_pages;
mod zoho_views;

pub use authorization::{BeginError, BeginForm, CALLBACK, Callback, CallbackError, Person, begin, callback_url, finish};
pub use configured::{hold_configured, keep_configured, release_configured};
pub use configured_queries::{is_configured, refusal};
pub use connect::{ConnectError, ConnectForm, Connected, Occasion, connect};
pub use crm_fields::{CrmFields, FieldsError, Verdict, queries::known as known_crm_fields, read as read_crm_fields};
pub use custody::{RefreshTested, access_token, refresh_after_rejection, require_reconnect, test_refresh};
pub use disconnect::{Revoked, disconnect};
pub use keys::{Unlocked, check_key, inspect_key, unlock};
pub use model::{Access, ConnectionId, ConnectionState, RENEWED_BEFORE, Summary};
pub use queries::{expire_access_token, recent_refreshes, summary};
pub use refresh::REFRESHES_MAX;
pub use renewal::with_renewal;

use rocket::{Route, routes};

use crate::config::Config;
use crate::integrations::stripe;
use crate::integrations::zoho::{self, PROVIDER};
use crate::outbox::RegistryBuilder;
use crate::outbox::limits::{Limits, Window};

/// The pages, and the route that connects without a browser.
pub fn routes() -> Vec<Route> {
    [api::routes(), routes![pages::index], zoho_pages::routes(), books::routes()].concat()
}

/// What each provider allows, as the settings say.
pub fn limits(registry: &mut RegistryBuilder, config: &Config) {
    registry.limit(PROVIDER, zoho_limits(config));
    registry.limit(zoho::books::PROVIDER, books::limits());
    if config.stripe.secret_key.is_some() {
        registry.limit(stripe::PROVIDER, stripe_limits());
    }
}

/// Stripe takes 25 calls a second in test mode and 100 in live mode, and has a limit of calls at once that it does not tell
/// (docs.stripe.com/rate-limits, 2026-11): below the lower of the two.
pub fn stripe_limits() -> Limits {
    Limits { at_once: 8, windows: vec![Window { seconds: 1, calls: 20 }] }
}

fn zoho_limits(config: &Config) -> Limits {
    let day = Window { seconds: 24 * 3600, calls: config.zoho.credits_per_day };
    Limits { at_once: config.zoho.calls_at_once, windows: vec![day] }
}
