//! Submissions that looked suspicious: stored, answered as good ones are, and held until a person decides. What nobody
//! decides about is removed by `retention`.

pub mod actions;
mod pages;
pub mod queries;
pub mod views;

pub use pages::routes;
