//! How much one process takes on at once, and who gets it: the higher lane first, yet a part is kept for each.

use std::collections::BTreeMap;

use super::kind::Lane;

/// Runs under way.
#[derive(Clone, Debug, Default)]
pub(super) struct InUse {
    lanes: [usize; Lane::ALL.len()],
    kinds: BTreeMap<&'static str, usize>,
}

impl InUse {
    pub(super) fn begin(&mut self, kind: &'static str, lane: Lane, runs: usize) {
        self.lanes[lane as usize] += runs;
        *self.kinds.entry(kind).or_default() += runs;
    }

    pub(super) fn end(&mut self, kind: &'static str, lane: Lane) {
        let lane = &mut self.lanes[lane as usize];
        *lane = lane.saturating_sub(1);
        if let Some(of_kind) = self.kinds.get_mut(kind) {
            *of_kind = of_kind.saturating_sub(1);
        }
    }
}

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
        Self { free: slots.saturating_sub(in_use.lanes.iter().sum()), in_use, kept_each }
    }

    /// How many runs of a lane may begin: what is free, less what other lanes have not had of their own part.
    pub(super) fn runs(&self, lane: Lane) -> usize {
        let kept: usize = (0..Lane::ALL.len())
            .filter(|other| *other != lane as usize)
            .map(|other| self.kept_each.saturating_sub(self.in_use.lanes[other]))
            .sum();
        self.free.saturating_sub(kept)
    }

    /// How many runs of a kind may begin that has so many under way at most.
    pub(super) fn runs_of(&self, kind: &str, runs_max: usize) -> usize {
        runs_max.saturating_sub(self.in_use.kinds.get(kind).copied().unwrap_or_default())
    }

    pub(super) fn take(&mut self, kind: &'static str, lane: Lane, runs: usize) {
        self.free = self.free.saturating_sub(runs);
        self.in_use.begin(kind, lane, runs);
    }

    /// Whether nothing of this lane is under way.
    pub(super) fn is_idle(&self, lane: Lane) -> bool {
        self.in_use.lanes[lane as usize] == 0
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
        room.take("a", Lane::Backfill, flood);
        assert_eq!((room.runs(Lane::Backfill), room.runs(Lane::Lead), room.runs(Lane::Payment)), (0, 2, 2));
        room.take("b", Lane::Lead, 2);
        assert_eq!((room.runs(Lane::Lead), room.runs(Lane::Payment)), (0, 2));
    }

    #[test]
    fn a_kind_has_as_many_runs_as_it_says() {
        let mut in_use = InUse::default();
        in_use.begin("a", Lane::Webhook, 1);
        let mut room = Room::of(100, in_use.clone());
        assert_eq!((room.runs_of("a", 2), room.runs_of("b", 2)), (1, 2));
        room.take("a", Lane::Webhook, 1);
        assert_eq!(room.runs_of("a", 2), 0);
        in_use.end("a", Lane::Webhook);
        assert_eq!(Room::of(100, in_use).runs_of("a", 2), 2);
    }

    #[test]
    fn a_room_of_one_is_for_whoever_comes_first() {
        let mut room = Room::of(1, InUse::default());
        assert_eq!(room.runs(Lane::Backfill), 1);
        room.take("a", Lane::Backfill, 1);
        assert!(room.is_full() && room.runs(Lane::Payment) == 0);
    }
}
