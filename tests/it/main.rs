//! The integration tests: one binary that runs the real program against both engines.

mod audit;
mod catalog;
mod commands;
mod connections;
mod contacts;
mod contract;
mod harness;
mod health;
mod imports;
mod inbox;
mod leads;
mod messages;
mod orders;
mod outbox;
mod retention;
mod store;
mod web;
