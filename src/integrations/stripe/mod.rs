//! Stripe: what its events say. No database in here.

pub mod event;
pub mod snapshot;

/// How connections, jobs and receipts name it.
pub const PROVIDER: &str = "stripe";
