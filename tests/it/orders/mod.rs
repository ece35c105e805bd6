//! Orders, worked out from what Stripe says.

mod converging;
mod pages;
mod scenario;
