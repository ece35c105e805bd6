//! Orders, worked out from what Stripe says.

mod booking;
mod converging;
pub mod pages;
mod scenario;
