//! Leads: taken in from forms and the chatbot, kept safe, delivered to the CRM, corrected by staff.

pub mod actions;
pub mod consent;
mod crm_record;
pub mod defence;
pub mod deliver_job;
mod filter;
mod forms;
pub mod intake;
mod intake_limit;
mod list_export;
pub mod list_queries;
mod look_up;
mod mapping;
pub mod model;
pub mod news;
mod note_job;
pub mod old_leads;
mod pages;
mod payload;
mod process_routes;
pub mod quarantine;
pub mod queries;
pub mod reception;
mod selected_pages;
pub mod statistics;
pub mod submission;
pub mod sweep_job;
mod views;

pub use defence::Defence;
pub use filter::LeadFilter;
pub use intake_limit::IntakeLimiter;
pub use model::{Lead, LeadId, LeadKind, LeadStatus};
pub use process_routes::process_pending;
pub use views::label as word;

use rocket::Route;
use rocket::http::Method;

use crate::outbox::RegistryBuilder;

/// Every route of this feature.
pub fn routes() -> Vec<Route> {
    [
        intake::routes(),
        forms::routes(),
        consent::routes(),
        process_routes::routes(),
        pages::routes(),
        quarantine::routes(),
        selected_pages::routes(),
        mapping::routes(),
    ]
    .concat()
}

/// Below this are the public forms; they use no cookie.
pub const FORMS: &str = "/forms";

/// What scripts of the seller's other sites may call, and how.
pub fn open_to_scripts() -> Vec<(&'static str, Method)> {
    let post = ["/api/store-lead", "/api/chatbot-leads"].map(|path| (path, Method::Post));
    let get = ["/api/intake/stamp", "/api/intake/challenge", "/api/leads"].map(|path| (path, Method::Get));
    [post.as_slice(), &get].concat()
}

/// The kinds of jobs leads need.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<deliver_job::DeliverLead>().add::<note_job::AddEnquiryNote>().add::<sweep_job::SweepLeads>();
    news::jobs(kinds);
}
