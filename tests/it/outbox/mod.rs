//! The engine's promises.

mod again;
mod conformance;
mod engine;
mod kinds;
mod kit;
mod limits;
mod looks;
mod order;
mod presence;
mod probes;
mod schedules;
