//! The seller: name, logo, zone, currency, languages and how to reach them, as public pages and mails show them. One row,
//! edited by admins at `/settings/seller`; before anyone has saved it there are defaults.

mod actions;
mod form;
mod image;
mod model;
mod pages;
mod queries;
mod views;

pub use model::{Direction, Language, Logo, LogoKind, Profile, Seller};
pub use queries::current;

use rocket::{Route, routes};

/// The settings' page, and the logo for everyone.
pub fn routes() -> Vec<Route> {
    routes![pages::show, pages::save, pages::save_logo, pages::remove_logo, pages::logo]
}
