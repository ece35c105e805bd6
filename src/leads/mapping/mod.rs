//! Which field of the CRM gets which part of a lead: as the settings say, until an admin saves another mapping on its page.
//! Delivery, look-ups and the page read the same one.

mod check;
mod model;
mod pages;
mod queries;
mod sample;
mod views;

pub use model::{LeadField, Mapping};
pub use pages::routes;
pub use queries::current;
