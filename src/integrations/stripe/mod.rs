//! Stripe: signatures of its webhooks, the head that every event has, and plain calls of its API on top of the one outbound
//! door. No database and no retries in here.

pub mod api;
pub mod envelope;
pub mod signature;

/// The name under which connections, jobs, receipts and attempts know Stripe.
pub const PROVIDER: &str = "stripe";
