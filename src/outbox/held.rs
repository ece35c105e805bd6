//! The leases under which this process really runs something. A lease that its row names and that is not in here is lost: the
//! claim was committed but its answer never came, or the outcome could not be written down.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Lease tokens under way. Clones share the set: the worker's runs hold, its sweep looks.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<HashSet<i64>>>);

/// Holds a token until dropped, however the run ends.
pub(super) struct Hold {
    held: Held,
    token: i64,
}

impl Held {
    /// Says that this lease's jobs run now.
    pub(super) fn hold(&self, token: i64) -> Hold {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token);
        Hold { held: self.clone(), token }
    }

    /// The tokens held at this moment.
    pub(super) fn tokens(&self) -> Vec<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.token);
    }
}
