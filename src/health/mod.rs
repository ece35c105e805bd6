//! Whether the program does its work, and what would help if not: checks with stable ids over one bounded look at the
//! database, for monitors, for people and for Prometheus. Changes nothing but where an operator presses a button.

mod advice;
mod api;
mod callers;
pub mod check;
pub mod configuration;
mod crm_rules;
mod desk;
mod exposition;
mod facts;
mod inbox_rules;
mod lead_rules;
mod metrics;
mod order_rules;
mod pages;
mod people_rules;
mod probes;
mod queries;
mod report;
mod running_rules;
mod views;

pub use advice::AGAIN;
pub use desk::Desk;
pub use report::Report;

use rocket::{Route, routes};

/// Probes that say nothing but the state, the report for monitors, the page for people.
pub fn routes() -> Vec<Route> {
    routes![
        probes::livez,
        probes::readyz,
        api::report,
        api::test_refresh,
        metrics::metrics,
        pages::index,
        pages::process_now,
        pages::try_refresh
    ]
}
