//! The engine's promises.

mod engine;
