//! How much one process takes on at once, and who gets it: the higher lane first, yet a part is kept for each.

use super::kind::Lane;

/// Runs under way by lane.
pub(super) type InUse = [usize; Lane::ALL.len()];

/// The room a process has for more runs.
#[derive(Clone, Debug)]
pub(super) struct Room {
    free: usize,
    in_use: InUse,
    kept_each: usize,
}

impl Room {
    /// Of `slots` in all, with some in use. A fiftieth of the slots, one at least, is kept for each lane.
    pub(super) fn of(slots: usize, in_use: InUse) -> Self {
        let kept_each = if slots < 2 * Lane::ALL.len() { 0 } else { (slots / 50).max(1) };
        Self { free: slots.saturating_sub(in_use.iter().sum()), in_use, kept_each }
    }

    /// How many runs of a lane may begin: what is free, less what other lanes have not had of their own part.
    pub(super) fn runs(&self, lane: Lane) -> usize {
        let kept: usize = (0..Lane::ALL.len())
            .filter(|other| *other != lane as usize)
            .map(|other| self.kept_each.saturating_sub(self.in_use[other]))
            .sum();
        self.free.saturating_sub(kept)
    }

    pub(super) fn take(&mut self, lane: Lane, runs: usize) {
        self.free = self.free.saturating_sub(runs);
        self.in_use[lane as usize] += runs;
    }

    /// Whether nothing of this lane is under way.
    pub(super) fn is_idle(&self, lane: Lane) -> bool {
        self.in_use[lane as usize] == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.free == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_backfill_leaves_each_other_lane_its_part() {
        let mut room = Room::of(100, InUse::default());
        let flood = room.runs(Lane::Backfill);
        assert_eq!(flood, 90);
        room.take(Lane::Backfill, flood);
        assert_eq!((room.runs(Lane::Backfill), room.runs(Lane::Lead), room.runs(Lane::Payment)), (0, 2, 2));
        room.take(Lane::Lead, 2);
        assert_eq!((room.runs(Lane::Lead), room.runs(Lane::Payment)), (0, 2));
    }

    #[test]
    fn a_room_of_one_is_for_whoever_comes_first() {
        let mut room = Room::of(1, InUse::default());
        assert_eq!(room.runs(Lane::Backfill), 1);
        room.take(Lane::Backfill, 1);
        assert!(room.is_full() && room.runs(Lane::Payment) == 0);
    }
}
