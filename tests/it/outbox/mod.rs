//! The engine's promises.

mod again;
mod engine;
mod kinds;
mod kit;
mod limits;
mod order;
mod presence;
mod probes;
mod schedules;
