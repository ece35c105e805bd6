//! Filters of lists that people keep under a name: their own, and those that an admin shows to everyone. A list shows them as
//! links; what they narrow is the business of the list.

mod actions;
mod model;
mod pages;
mod queries;
mod strip;
mod views;

pub use model::List;
pub use strip::{FilterLink, FilterStrip};

use rocket::{Route, routes};

/// Saving, renaming, sharing, removing, and the page of all of them.
pub fn routes() -> Vec<Route> {
    routes![pages::index, pages::save, pages::rename, pages::share, pages::remove]
}
