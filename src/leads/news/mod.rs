//! Telling staff of new leads by mail: at once, together where they come in a flood, or once a day; and the answer that
//! somebody gets who has just written to us. Only leads that were accepted are news.

mod announce_job;
mod daily_job;
mod desk;
mod letters;
mod model;
pub mod queries;
mod readers;
pub mod reply;
pub mod reply_queries;
mod together_job;

pub use announce_job::announce;
pub use desk::Sender;
pub use letters::{LeadFacts, Page, daily, one, several};
pub use model::{LISTED_MAX, SINGLES_MAX, WINDOW};

use crate::outbox::RegistryBuilder;
use crate::outbox::schedules::Schedule;

/// The kinds of jobs.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<announce_job::AnnounceLead>().add::<together_job::TellTogether>().add::<daily_job::TellDaily>();
}

/// Looks every quarter of an hour whose daily mail is due: each reader has a time of their own, in the seller's zone.
pub fn schedules() -> anyhow::Result<Vec<Schedule>> {
    let schedule = Schedule::new("leads.daily_news", "*/15 * * * *", chrono_tz::UTC, daily_job::enqueue_daily)?;
    Ok(vec![schedule.for_purpose("Sends the daily mail about new leads to those whose time has come; without news there is none.")])
}
