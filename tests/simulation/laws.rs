//! What must hold after each step, whatever was done and whatever befell it.

use throughline::outbox::{JobId, JobRow, JobState};

use crate::world::World;

/// The law that was broken, in a sentence.
#[derive(Debug)]
pub struct Broken(pub String);

/// So many processes may end while they run a job.
pub const DEATHS_MAX: usize = 9;

/// What a step may do to jobs.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    NothingChanges,
    JobsArrive,
    JobsAreClaimed {
        by: String,
    },
    /// Only the holder of the lease may write an outcome.
    OnlyUnderTheLease {
        lease: i64,
    },
    JobsAreTakenBack,
    /// Only what is uncertain is looked up.
    DoubtIsCleared,
    /// A person may do to one job what fits it.
    PersonDecides {
        id: JobId,
    },
}

impl Law {
    /// Compares the jobs before and after a step.
    pub fn holds(&self, world: &World, before: &[JobRow], after: &[JobRow]) -> Result<(), Broken> {
        if after.len() < before.len() {
            return Err(Broken("a job is gone".into()));
        }
        for (was, is) in before.iter().zip(after) {
            if was.id != is.id {
                return Err(Broken(format!("job {} is gone", was.id)));
            }
            self.holds_for(world, was, is)
                .map_err(|why| Broken(format!("job {}, {} -> {}: {why}", was.id, was.state.as_str(), is.state.as_str())))?;
        }
        if after.len() > before.len() && matches!(self, Self::JobsAreClaimed { .. } | Self::NothingChanges) {
            return Err(Broken("jobs appeared out of nothing".into()));
        }
        whoever_runs_holds_a_lease(after)
    }

    fn holds_for(&self, world: &World, was: &JobRow, is: &JobRow) -> Result<(), String> {
        if was.state == is.state && was.lease_token == is.lease_token {
            return Ok(());
        }
        if let Self::PersonDecides { id } = self {
            return if *id == was.id && was.state != JobState::Running { Ok(()) } else { Err("nobody decided about it".into()) };
        }
        if is_over(was.state) {
            return Err("what has ended stays ended".into());
        }
        match self {
            Self::NothingChanges | Self::JobsArrive => Err("nothing may change it now".into()),
            Self::JobsAreClaimed { by } => claimed(world, was, is, by),
            Self::OnlyUnderTheLease { lease } if was.lease_token == Some(*lease) => Ok(()),
            Self::OnlyUnderTheLease { .. } => Err("written without its lease".into()),
            Self::JobsAreTakenBack => taken_back(world, was, is),
            Self::DoubtIsCleared if was.state == JobState::Uncertain && !matches!(is.state, JobState::Running | JobState::Cancelled) => {
                Ok(())
            }
            Self::DoubtIsCleared | Self::PersonDecides { .. } => Err("nobody doubted it".into()),
        }
    }
}

fn claimed(world: &World, was: &JobRow, is: &JobRow, by: &str) -> Result<(), String> {
    if was.state != JobState::Pending || is.state != JobState::Running || was.lease_token.is_some() {
        return Err("only what waits may be claimed".into());
    }
    if was.run_at > world.clock.now() {
        return Err("it was claimed before it was due".into());
    }
    if is.leased_by.as_deref() != Some(by) {
        return Err(format!("claimed by {by} and given to {:?}", is.leased_by));
    }
    Ok(())
}

/// Taken back from a process that is silent, has ended, or does not run it.
fn taken_back(world: &World, was: &JobRow, is: &JobRow) -> Result<(), String> {
    // A look at an uncertain job has a lease of its own.
    let wanted = if was.state == JobState::Running && was.repeatable { JobState::Pending } else { JobState::Uncertain };
    // A job that process after process ends over is not run again without a look.
    let is_suspect = is.state == JobState::Uncertain && world.times_taken_back(was.id) >= DEATHS_MAX;
    if was.lease_token.is_none() || (is.state != wanted && !is_suspect) || is.lease_token.is_some() {
        return Err("written without its lease".into());
    }
    let holder = was.leased_by.clone().unwrap_or_default();
    let runs_it = |process: &crate::process::Process| {
        let in_hand = process.in_hand.iter().any(|hand| hand.ids.contains(&was.id.0) && Some(hand.lease) == was.lease_token);
        process.name == holder && in_hand
    };
    let silent_s = world.beats.get(&holder).map(|at| (world.clock.now() - *at).num_seconds());
    if world.processes.iter().any(runs_it) && silent_s.is_some_and(|seconds| seconds < 30) {
        return Err(format!("taken from {holder}, which runs it and was heard {} s ago", silent_s.unwrap_or_default()));
    }
    Ok(())
}

fn whoever_runs_holds_a_lease(rows: &[JobRow]) -> Result<(), Broken> {
    for row in rows {
        if (row.state == JobState::Running) != row.lease_token.is_some() && row.state != JobState::Uncertain {
            return Err(Broken(format!("job {} is {} and its lease is {:?}", row.id, row.state.as_str(), row.lease_token)));
        }
    }
    Ok(())
}

pub fn is_over(state: JobState) -> bool {
    matches!(state, JobState::Succeeded | JobState::Dead | JobState::Cancelled)
}
