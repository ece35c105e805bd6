//! Who we deal with: contacts and companies, and the rules by which what comes in is matched to one of them. Knows neither leads nor
//! orders; whoever does tells it facts ([`Facts`]).

pub mod confirm_queries;
mod free_mail;
pub mod identify_queries;
pub mod list_queries;
pub mod model;
pub mod queries;
mod views;

pub use identify_queries::{identify, learn};
pub use model::{Address, AddressKind, Company, CompanyId, Contact, ContactId, Facts, Identified, Owner, Rule};
pub use views::whose_fact;
