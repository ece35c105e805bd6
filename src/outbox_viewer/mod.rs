//! The outbox as people see it: the list of jobs, a job with its attempts, and what may be done to one or to all that fit.

mod bulk;
mod export;
mod list_queries;
mod pages;
mod pause_pages;
mod selected_pages;
mod selection;
mod views;
mod walk_queries;

use rocket::{Route, routes};

use crate::outbox::RegistryBuilder;

/// The pages, and the actions of operators.
pub fn routes() -> Vec<Route> {
    let jobs = routes![pages::list, pages::show, pages::run_again, pages::cancel, pages::complete, selected_pages::act];
    [jobs, routes![pause_pages::pause, pause_pages::resume], bulk::routes()].concat()
}

/// The kind of job that does bulk operations.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<bulk::BulkAct>();
}
