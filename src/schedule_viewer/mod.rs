//! `/schedules`: what is due by the clock, what became of it, and what an operator may do about it.

mod export;
mod list_views;
mod pages;
mod queries;
mod run_views;
mod views;

pub use pages::routes;

use rocket::fairing::AdHoc;

use crate::app::App;
use crate::outbox::schedules::{Schedule, Schedules};

/// Lets the pages know every schedule of the program, as `find` gives them. One that cannot be read stops the start.
pub fn know_schedules(find: fn(&App) -> anyhow::Result<Vec<Schedule>>) -> AdHoc {
    AdHoc::try_on_ignite("schedules", move |rocket| async move {
        match rocket.state::<App>().map(find) {
            Some(Ok(schedules)) => Ok(rocket.manage(Schedules::new(schedules))),
            found => {
                let why = found.and_then(Result::err).map_or_else(|| "there is no app".into(), |cause| format!("{cause:#}"));
                tracing::error!(error = why, "The schedules cannot be read");
                Err(rocket)
            }
        }
    })
}
