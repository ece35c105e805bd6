//! Contacts and companies as people see them, and the linker, which finds out whose each lead, order and event is.

mod actions;
mod address_pages;
mod aside;
pub mod aside_queries;
mod company_pages;
mod export;
mod linker;
mod linker_queries;
mod note_pages;
mod pages;
mod show_queries;
mod views;

pub use aside::{LinkAgain, schedules};
pub use linker::link_new;

use rocket::Route;

use crate::outbox::RegistryBuilder;

/// The pages.
pub fn routes() -> Vec<Route> {
    [pages::routes(), company_pages::routes(), note_pages::routes(), address_pages::routes()].concat()
}

/// Its kinds of jobs.
pub fn jobs(registry: &mut RegistryBuilder) {
    registry.add::<LinkAgain>();
}
