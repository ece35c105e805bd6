//! The engine that does what is still to be done to the outside world: claims, runs, retries, rescues. Knows no business.

pub mod admin;
pub mod breaker;
mod claim;
mod engine;
mod enqueue;
mod finish;
mod held;
pub mod hurry;
mod kind;
pub mod lists;
mod policy;
pub mod presence;
mod process;
mod registry;
mod row;
pub mod schedules;
pub mod waiting;
pub mod worker;

pub use engine::Engine;
pub use enqueue::{NewJob, enqueue};
pub use kind::{Change, Claimed, Job, JobId, JobState, Lane, Outcome, Repeatable, Report};
pub use presence::SILENT_AFTER;
pub use process::{Announcement, count_live_workers};
pub use registry::{Registry, RegistryBuilder};
pub use row::{JobRow, shown_state};
