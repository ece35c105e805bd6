//! The integration tests: one binary that runs the real program against both engines.

mod audit;
mod catalog;
mod commands;
mod connections;
mod contract;
mod harness;
mod health;
mod imports;
mod leads;
mod messages;
mod outbox;
mod retention;
mod store;
mod web;
