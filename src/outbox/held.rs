//! What this process really runs. A lease that its row names and that is not in here is lost: the claim was committed but its
//! answer never came, or the outcome could not be written down.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::kind::JobId;

/// A job under a certain lease: a process that was believed dead may get the same job again while its old run still ends.
pub(super) type Leased = (JobId, Option<i64>);

/// Jobs and reservations under way. Clones share the sets: runs hold, the sweep looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<Mutex<Sets>>);

#[derive(Debug, Default)]
struct Sets {
    jobs: HashSet<Leased>,
    reservations: HashSet<i64>,
}

/// Holds the members of one run until dropped, however it ends.
#[derive(Debug)]
pub(super) struct Hold {
    held: Held,
    jobs: Vec<Leased>,
    reservation: Option<i64>,
}

impl Held {
    /// Says that these jobs run now.
    pub(super) fn hold(&self, jobs: Vec<Leased>, reservation: Option<i64>) -> Hold {
        let mut sets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sets.jobs.extend(&jobs);
        sets.reservations.extend(reservation);
        Hold { held: self.clone(), jobs, reservation }
    }

    /// The jobs held at this moment.
    pub(super) fn jobs(&self) -> HashSet<Leased> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).jobs.clone()
    }

    /// The reservations held at this moment.
    pub(super) fn reservations(&self) -> Vec<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).reservations.iter().copied().collect()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut sets = self.held.0.lock().unwrap_or_else(PoisonError::into_inner);
        for job in &self.jobs {
            sets.jobs.remove(job);
        }
        if let Some(reservation) = self.reservation {
            sets.reservations.remove(&reservation);
        }
    }
}
