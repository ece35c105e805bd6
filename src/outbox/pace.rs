//! How large the batches of each kind are: they grow while all goes well and shrink when much fails, so that a provider in
//! trouble is asked for less at a time. Each process learns for itself; a restart begins anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Under this share of failures a batch may grow …
const GROWS_UNDER: f64 = 0.1;
/// … and over this one it shrinks.
const SHRINKS_OVER: f64 = 0.3;

/// The sizes learnt so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace(Arc<Mutex<BTreeMap<&'static str, usize>>>);

impl Pace {
    /// How many members the next run of a kind may have.
    pub(super) fn size(&self, kind: &'static str, start: usize, most: usize) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(kind).copied().unwrap_or(start).clamp(1, most.max(1))
    }

    /// Learns from a run.
    pub(super) fn learn(&self, kind: &'static str, size: usize, most: usize, members: usize, failed: usize) {
        if most <= 1 || members == 0 {
            return;
        }
        let next = next_size(size, most, members, failed);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, next);
    }
}

fn next_size(size: usize, most: usize, members: usize, failed: usize) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "members of a batch are few")]
    let share = failed as f64 / members as f64;
    if share > SHRINKS_OVER {
        (size / 2).max(1)
    } else if share < GROWS_UNDER && members >= size {
        (size + (size / 2).max(1)).min(most)
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use super::next_size;

    #[test]
    fn a_batch_grows_while_full_ones_succeed_and_halves_when_much_fails() {
        assert_eq!(next_size(10, 100, 10, 0), 15);
        assert_eq!(next_size(90, 100, 90, 0), 100);
        assert_eq!(next_size(10, 100, 3, 0), 10, "a batch that was not full proves nothing");
        assert_eq!(next_size(10, 100, 10, 2), 10);
        assert_eq!(next_size(10, 100, 10, 4), 5);
        assert_eq!(next_size(1, 100, 1, 1), 1);
    }
}
