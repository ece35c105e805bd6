//! Leads of an older system, CSV or NDJSON, taken over with their state: from the command line and on a page. What was sent there
//! is not sent again, a second import brings nothing twice, one that was cut off goes on where it was.

pub mod actions;
pub mod batches;
mod import_job;
pub mod model;
mod pages;
pub mod plan;
pub mod queries;
pub mod report;
mod row;
pub mod run;
pub mod staged;
pub mod survey;
mod upload;
mod values;
mod views;

pub use model::{Import, ImportId, ImportState, NewImport, Standing};
pub use pages::routes;
pub use row::Rules;

pub use crate::records::Format;

use crate::outbox::RegistryBuilder;

/// The kinds of jobs imports need.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<import_job::RunImport>();
}
