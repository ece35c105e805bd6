//! Orders, worked out from what Stripe says.

mod booking;
mod booking_failed;
mod booking_gone;
mod booking_missing;
pub mod checkout;
mod checkout_calls;
mod checkout_closing;
mod checkout_refusals;
mod converging;
pub mod pages;
mod scenario;
mod telling;
mod troubles;
