//! What every integration test stands on: an app on a database of its own, on either engine.

mod app;
mod cluster;
mod engines;
mod template;
mod whole;

pub use app::TestApp;
pub use cluster::Cluster;
pub(crate) use engines::both_engines;
pub use engines::on_engine;
pub use whole::{Answered, MAIL, STRIPE, Whole, read};
