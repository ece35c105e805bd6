//! The first page: what needs attention, the figures of the day, the state of the connection, what came in last. Reads any
//! feature, changes none. Also the stream of live updates, which serves every page.

mod attention;
mod chart;
mod live;
mod pages;
mod queries;
mod views;

use rocket::{Route, routes};

/// The page and the stream.
pub fn routes() -> Vec<Route> {
    routes![pages::overview, live::events]
}
