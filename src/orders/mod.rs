//! Orders: what customers bought and where the money stands, worked out from what Stripe says about its objects (docs/orders.md).

pub mod booking;
pub mod checkout;
mod family;
pub mod list_queries;
mod list_views;
pub mod model;
mod pages;
pub mod queries;
mod search_queries;
pub mod standing;
pub mod stripe;
pub mod trouble_queries;
mod views;

pub use model::{Attention, Object, Order, OrderId, OrderLine, OrderState, Standing};
pub use stripe::Applied;
pub use views::word;

use rocket::Route;

/// The pages of orders, and where a purchase begins.
pub fn routes() -> Vec<Route> {
    [pages::routes(), checkout::routes()].concat()
}
