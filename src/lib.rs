//! Throughline: captures leads, keeps them safe, delivers them to Zoho CRM. This file alone knows every feature.

pub mod app;
pub mod audit;
pub mod clock;
pub mod config;
pub mod db;
pub mod error;
pub mod http;
pub mod integrations;
pub mod line;
pub mod outbox;
pub mod random;
pub mod sandbox;
pub mod timeline;
pub mod vault;

pub use error::{Error, Result};
