//! The commands. Each says what it could not do and what to do about it, and exits with something other than 0 then.

pub mod audit;
pub mod config;
pub mod connect;
pub mod demo;
pub mod health_check;
pub mod import;
mod import_products;
mod import_words;
pub mod logs;
pub mod migrate;
mod sample_catalog;
mod samples_feed;
pub mod sandbox;
pub mod serve;
pub mod start;
pub mod user;

use std::process::ExitCode;

/// A command did what it could, and said what it could not: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("some of it was refused, as said above")]
pub struct Partly;

/// Prints why a command failed, the outermost reason first.
pub fn failed(cause: &anyhow::Error) -> ExitCode {
    #[expect(clippy::print_stderr, reason = "the last word of a command that failed")]
    {
        eprintln!("throughline: {cause:#}");
    }
    if cause.is::<Partly>() { ExitCode::from(3) } else { ExitCode::FAILURE }
}
