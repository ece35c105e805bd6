//! Paid orders in Zoho Books: what of an order has to be there, and the job that sees to it (docs/books.md).

mod book_job;
mod customer;
mod desk;
mod documents;
pub mod due;
pub mod failed_queries;
mod missing_job;
pub mod missing_queries;
pub mod model;
pub mod queries;
pub mod views;

pub use book_job::BookOrder;
pub use due::enqueue_due;
pub use missing_job::{BookMissing, schedules};
pub use model::{Step, StepKind};

use crate::outbox::RegistryBuilder;

/// Its kinds of jobs.
pub fn jobs(registry: &mut RegistryBuilder) {
    registry.add::<BookOrder>();
    registry.add::<BookMissing>();
}
