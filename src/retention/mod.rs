//! What is removed or emptied when it has been kept long enough: personal values as `db::personal_data` says, and rows that
//! only make tables larger. Readers look for what is too old; the writer removes it in chunks of its bulk channel, so that no
//! request waits for it. Not here: erasing one person, and what features forget by themselves (sessions, processes).

mod forget_job;
mod inbox_queries;
mod queries;
mod rules;

pub use forget_job::{ForgetOld, enqueue_sweep};
pub use rules::{RULES, Rule, sweep};

use crate::outbox::RegistryBuilder;
use crate::outbox::schedules::Schedule;

/// The kinds of jobs.
pub fn jobs(registry: &mut RegistryBuilder) {
    registry.add::<ForgetOld>();
}

/// When it is swept: at a quiet minute of each hour.
pub fn schedules() -> anyhow::Result<Vec<Schedule>> {
    let hourly = Schedule::new("retention.sweep", "37 * * * *", chrono_tz::UTC, enqueue_sweep)?;
    Ok(vec![hourly.for_purpose("Removes or empties what has been kept long enough: finished jobs, traces of calls, idempotency keys.")])
}
