//! The catalogue: products with their names, lists of prices, and the one rule that finds a price. Checkout asks it what an order
//! costs ([`quote`]); the sync with Zoho will fill the same tables.

pub mod actions;
mod export;
mod filter;
mod form;
pub mod import;
mod list_queries;
mod list_views;
pub mod model;
mod pages;
pub mod price_list_actions;
mod price_list_form;
mod price_list_pages;
pub mod price_list_queries;
mod price_list_views;
pub mod pricing;
pub mod queries;
mod quote;
mod views;

pub use model::{PriceListFacts, PriceListId, ProductFacts, ProductId};
pub use quote::{Mistake, Quote, QuotedLine, Wrong, quote};

use rocket::Route;
use serde_json::Value;

use crate::audit::{self, Act};
use crate::db::Tx;
use crate::error::Result;
use crate::outbox::RegistryBuilder;
use crate::outbox::admin::Request;

/// The pages of products, of lists of prices and of imports.
pub fn routes() -> Vec<Route> {
    [pages::routes(), price_list_pages::routes(), import::routes()].concat()
}

/// The kinds of jobs the catalogue needs.
pub fn jobs(kinds: &mut RegistryBuilder) {
    import::jobs(kinds);
}

/// Writes an act down, in the transaction of what was done.
fn tell(
    tx: &mut Tx<'_>,
    (action, subject): (&'static str, &str),
    (before, after): (Option<Value>, Option<Value>),
    by: &Request,
) -> Result<()> {
    let (reason, address) = (by.reason.as_deref(), by.address.as_deref());
    Ok(audit::record(tx, by.now, &Act { actor: &by.actor, action, subject, line: None, reason, before, after, address })?)
}
