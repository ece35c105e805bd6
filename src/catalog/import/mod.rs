//! Products and prices from a CSV file: uploaded, looked over, started by a person, worked through by a job. A file with a row that
//! cannot be taken over brings nothing at all; the same file again changes nothing.

pub mod actions;
mod columns;
mod compare;
mod import_job;
mod model;
mod pages;
pub mod preview;
mod queries;
mod rows;
mod views;

pub use columns::Plan;
pub use import_job::work;
pub use model::{ImportId, NewImport, Standing};
pub use pages::routes;
pub use rows::{RefusedRow, Rows};

use crate::outbox::RegistryBuilder;

/// The kind of job that takes a file over.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<import_job::ImportProducts>();
}
