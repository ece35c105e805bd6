//! `/processes`: who runs on this database, since when, with which version, and what each has in its hands.

mod export;
mod pages;
mod queries;
mod views;

pub use pages::routes;
