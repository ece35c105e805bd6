//! Orders: what customers bought and where the money stands, worked out from what Stripe says about its objects (docs/orders.md).

mod family;
pub mod list_queries;
pub mod model;
mod pages;
pub mod queries;
pub mod standing;
pub mod stripe;
mod views;

pub use model::{Attention, Object, Order, OrderId, OrderLine, OrderState, Standing};
pub use pages::routes;
pub use stripe::Applied;
pub use views::word;
