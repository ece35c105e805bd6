//! The pages and what stands in front of them.

pub mod big_tables;
pub mod browser;
pub mod bulk;
mod defence;
mod exports;
mod form_pages;
mod holding;
mod job_pages;
mod lead_pages;
mod live;
mod process_pages;
mod quarantine_pages;
mod races;
mod route_table;
mod saved_filters;
mod schedule_pages;
pub mod seller_pages;
mod sessions;
mod set_up;
mod zoho_mapping;
mod zoho_sign_in;
