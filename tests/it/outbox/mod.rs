//! The engine's promises.

mod engine;
mod kinds;
mod schedules;
