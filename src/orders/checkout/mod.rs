//! Where a purchase begins: the client names SKUs and quantities, prices and currency come from the catalogue, and Stripe's page takes
//! the payment. Whether it was paid is learnt from Stripe's events alone; the pages people come back to decide nothing.

mod actions;
mod calls;
mod closing;
mod limit;
mod model;
mod opening;
mod queries;
mod request;
mod routes;
mod session;
mod views;

pub use limit::CheckoutLimiter;
pub use model::Checkout;
pub use queries::of_order;
pub use routes::routes;
pub use views::facts;

use rocket::http::Method;

/// Where a purchase begins; it uses no cookie.
pub const ADDRESS: &str = "/api/checkout";

/// What scripts of the seller's other sites may call, and how.
pub fn open_to_scripts() -> Vec<(&'static str, Method)> {
    vec![(ADDRESS, Method::Post)]
}
