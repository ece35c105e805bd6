//! The integration tests: one binary that runs the real program against both engines.

mod harness;
mod store;
