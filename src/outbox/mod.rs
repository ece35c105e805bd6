//! The engine that does what is still to be done to the outside world: claims, runs, retries, rescues. Knows no business.

mod kind;

pub use kind::{Change, Claimed, Job, JobId, JobState, Lane, Outcome, Report};
