//! The public forms: hosted pages in the seller's languages that work without script and may stand in a frame on the
//! seller's own sites; and the pages that a plain form of another site is answered with. What is sent goes the way of every
//! submission (`reception`).

mod answer;
mod pages;
mod sent;
mod speech;
mod texts;
mod views;
mod visit;

pub use answer::Outcome;
pub use pages::Refused;
pub use sent::{Sender, answer_plain_form};
pub use visit::Visit;

use rocket::{Route, routes};

/// The hosted forms.
pub fn routes() -> Vec<Route> {
    routes![pages::quote, pages::send_quote, pages::thanks]
}
