//! The outbox as people see it: the list of jobs, a job with its attempts, and what may be done to one.

mod export;
mod list_queries;
mod pages;
mod pause_pages;
mod selection;
mod views;
mod walk_queries;

use rocket::{Route, routes};

/// The pages, and the actions of operators.
pub fn routes() -> Vec<Route> {
    routes![pages::list, pages::show, pages::run_again, pages::cancel, pages::complete, pause_pages::pause, pause_pages::resume]
}
