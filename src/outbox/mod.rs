//! The engine that does what is still to be done to the outside world: claims, runs, retries, rescues. Knows no business.

pub mod admin;
mod attempts;
pub mod breaker;
mod claim;
mod engine;
mod enqueue;
mod finish;
mod held;
pub mod hurry;
mod kind;
pub mod limits;
pub mod lists;
pub mod order;
mod pace;
pub mod pauses;
mod plain;
mod policy;
pub mod presence;
mod process;
pub mod progress;
mod registry;
mod room;
mod row;
pub mod schedules;
mod survey;
pub mod waiting;
pub mod worker;

pub use claim::Run;
pub use engine::Engine;
pub use enqueue::{NewJob, enqueue};
pub use finish::Ended;
pub use kind::{Change, Claimed, Job, JobId, JobState, Lane, OnDead, Outcome, Repeatable, Report};
pub use presence::SILENT_AFTER;
pub use process::{Announcement, count_live_workers};
pub use registry::{Registry, RegistryBuilder};
pub use row::{JobRow, shown_state};
