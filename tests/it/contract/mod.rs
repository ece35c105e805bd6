//! What leaves the program, held against the descriptions that Zoho publishes. They are not ours to hand on, so these tests run
//! only where they are: scripts/contract-test finds them, serves them with Prism and runs what is ignored here.

mod answers;
mod books;
mod described;
mod requests;
mod stripe;

use std::path::PathBuf;

/// What scripts/contract-test sets.
#[expect(clippy::disallowed_methods, reason = "the test's own surroundings, not the program's")]
fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: scripts/contract-test sets it and runs this"))
}

/// A file of what Zoho publishes.
fn published(name: &str) -> String {
    let path = PathBuf::from(given("THROUGHLINE_CONTRACTS")).join("zoho").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}
