//! Orders, worked out from what Stripe says.

mod checkout;
mod checkout_refusals;
mod converging;
mod pages;
mod scenario;
