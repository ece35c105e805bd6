//! The page of mail for admins: the server and a test mail, the answer to those who write to us, and how each mail looks.

mod actions;
mod pages;
mod previews;
mod replies;
mod views;

use rocket::{Route, routes};

/// All of it is for admins.
pub fn routes() -> Vec<Route> {
    routes![pages::index, pages::test, pages::save_replies, pages::preview, pages::preview_html]
}
