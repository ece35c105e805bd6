//! Stripe: signatures of its webhooks, what its events say, and plain calls of its API on top of the one outbound door. No
//! database and no retries in here.

pub mod amounts;
pub mod api;
pub mod envelope;
pub mod event;
pub mod signature;
pub mod snapshot;

/// The name under which connections, jobs, receipts and attempts know Stripe.
pub const PROVIDER: &str = "stripe";
