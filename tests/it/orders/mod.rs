//! Orders, worked out from what Stripe says.

mod booking;
pub mod checkout;
mod checkout_refusals;
mod converging;
pub mod pages;
mod scenario;
