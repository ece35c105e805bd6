//! Bulk operations: retry, cancel or discard all jobs that fit a filter, send all leads again or replay all events that fit one. A person sees first
//! what it meets; then a job does it in chunks of the bulk channel, each of which moves the row of the operation along in the
//! same transaction, so that a process that dies costs nothing but the time until another goes on. Operations run one after
//! the other.

mod act_job;
mod chunk;
mod export;
mod model;
mod operation_queries;
mod pages;
mod pick_queries;
mod preview;
mod preview_pages;
mod preview_queries;
mod rehearsed;
mod twin_queries;
mod views;

pub use act_job::BulkAct;

use rocket::{Route, routes};

use model::{Act, Subject};

use super::selection::Selection;
use crate::web::parts::ActLink;

/// What the list of jobs offers for all that fit its filter.
pub fn links(selection: &Selection) -> Vec<ActLink> {
    let label = |act: Act| match act {
        Act::Retry => "Retry all…",
        Act::Cancel => "Cancel all…",
        Act::Discard => "Discard all…",
        Act::Replay | Act::ReplayWithMails => "Replay all…",
    };
    let fits = |act: &Act| selection.list.shown.is_none_or(|shown| act.touches().contains(&shown));
    let link = |act: Act| ActLink {
        label: label(act),
        href: selection.href("/operations/preview", &[("subject", "jobs"), ("act", act.as_str())]),
        icon: preview::icon(act),
    };
    Act::ALL.iter().copied().filter(|act| act.fits(Subject::Jobs)).filter(fits).map(link).collect()
}

/// The list, an operation, its preview, and what operators may do.
pub fn routes() -> Vec<Route> {
    routes![pages::list, pages::show, preview_pages::look, preview_pages::start, pages::cancel]
}
