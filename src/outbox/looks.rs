//! Where the next claim looks. Usually at everything that is ready, which costs one short statement. But while some transaction
//! stays open PostgreSQL cannot clear away what was claimed since, and walks over all of it at each look. Once that takes long,
//! claims look only behind what this process has claimed before (its floors), and what became ready below a floor (a late commit,
//! a job given back) is searched for beside the claims, by a reader, so that no writer is held up by it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use super::claim::Claim;
use super::kind::{JobId, Lane};
use super::survey::{Group, Place};
use crate::clock::Stopwatch;
use crate::db::Engine as DbEngine;

/// A look at everything that takes longer is not made by claims any more.
pub(super) const COSTLY: Duration = Duration::from_millis(5);
/// A look that is slower than this is told of: a busy machine makes one slow too.
const WORTH_TELLING: Duration = Duration::from_millis(50);
/// A backlog is worked off without a look at other groups for this long, or ten times as long as the last look took.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Writes are committed in another order than they took their times in; what is late by less than this is above the floor still.
const OVERLAP: TimeDelta = TimeDelta::milliseconds(200);

/// For each group the place up to which everything that was ready has been claimed.
pub(super) type Floors = BTreeMap<(&'static str, Lane), Place>;

/// Where a claim looks.
#[derive(Clone, Debug)]
pub(super) enum Look {
    /// At everything.
    All,
    /// At groups known to have more, from a claim a moment ago.
    At(Vec<Group>),
    /// At everything behind the floors.
    Behind(Floors),
}

impl Look {
    /// Whether it finds out which groups there are.
    pub(super) fn is_fresh(&self) -> bool {
        !matches!(self, Self::At(_))
    }
}

/// How far a claim came in a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub kind: &'static str,
    pub lane: Lane,
    pub last: Place,
    /// It gave all it was asked for: there may be more, behind this place.
    pub is_full: bool,
}

/// What a worker remembers of its looks.
#[derive(Debug)]
pub(super) struct Looks {
    costly: Duration,
    engine: DbEngine,
    floors: Floors,
    backlog: Vec<Group>,
    last: Option<(Stopwatch, Duration)>,
    /// Set while a look at everything is costly: how long ago the last one ended, and how long it took.
    swept: Option<(Stopwatch, Duration)>,
    is_sweeping: bool,
}

impl Looks {
    pub(super) fn new(costly: Duration, engine: DbEngine) -> Self {
        Self { costly, engine, floors: Floors::new(), backlog: Vec::new(), last: None, swept: None, is_sweeping: false }
    }

    /// Whether the last claims left something.
    pub(super) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Where a look a moment ago found more than could be taken, there is no need for another.
    pub(super) fn next(&mut self) -> Look {
        let is_recent = self.last.is_some_and(|(since, took)| since.elapsed() <= LOOK_EVERY.max(took * 10));
        let backlog = std::mem::take(&mut self.backlog);
        if is_recent && !backlog.is_empty() {
            return Look::At(backlog);
        }
        match self.swept {
            None => Look::All,
            Some(_) => Look::Behind(self.floors.iter().map(|(group, place)| (*group, place.less(OVERLAP))).collect()),
        }
    }

    /// Learns from what came of a look.
    pub(super) fn note(&mut self, look: &Look, claim: &mut Claim) {
        if look.is_fresh() {
            self.last = Some((Stopwatch::start(), claim.look_took));
        }
        if matches!(look, Look::All) {
            self.note_cost(claim.look_took);
        }
        for reached in &claim.reached {
            let floor = self.floors.entry((reached.kind, reached.lane)).or_insert(reached.last);
            // A floor that is too low costs a little; one that is too high hides jobs from the claims.
            *floor = if reached.is_full { reached.last } else { reached.last.max(*floor) };
        }
        for group in claim.backlog.drain(..) {
            // Both turns may have found more of it.
            self.backlog.retain(|known| (known.kind, known.lane) != (group.kind, group.lane));
            self.backlog.push(group);
        }
    }

    /// Whether it is time to search below the floors: at most a tenth of the time is spent on it.
    pub(super) fn begins_sweep(&mut self) -> bool {
        let is_due = !self.is_sweeping && self.swept.is_some_and(|(since, took)| since.elapsed() > took * 10);
        self.is_sweeping |= is_due;
        is_due
    }

    /// Lowers the floors to what a look at everything found. Whether there was anything below one.
    pub(super) fn note_sweep(&mut self, found: &[Group], took: Duration) -> bool {
        self.is_sweeping = false;
        self.note_cost(took);
        let mut has_lowered = false;
        for group in found {
            if let Some(floor) = self.floors.get_mut(&(group.kind, group.lane)).filter(|floor| group.after < **floor) {
                *floor = group.after;
                has_lowered = true;
            }
        }
        has_lowered
    }

    /// The sweep failed: as long as it may take is as long as it took.
    pub(super) fn note_failed_sweep(&mut self, took: Duration) {
        self.is_sweeping = false;
        self.note_cost(took.max(self.costly * 2));
    }

    fn note_cost(&mut self, took: Duration) {
        let was_told = self.swept.is_some_and(|(_, before)| before > WORTH_TELLING);
        self.swept = (took > self.costly).then(|| (Stopwatch::start(), took));
        // Only PostgreSQL walks over what it could not clear away: anywhere else the machine was busy for a moment.
        if self.engine == DbEngine::Postgres && took > WORTH_TELLING && !was_told {
            tracing::warn!(
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "A look for ready jobs was slow: the database walks over what it could not clear away yet. Jobs go on; look for a transaction \
                 that has been open for long (pg_stat_activity)"
            );
        }
    }
}

impl Place {
    /// A place earlier by so much.
    fn less(self, by: TimeDelta) -> Self {
        Self { run_at: self.run_at - by, id: JobId(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(s: i64, id: i64) -> Place {
        Place { run_at: chrono::DateTime::from_timestamp(1_780_000_000 + s, 0).expect("a time").naive_utc(), id: JobId(id) }
    }

    fn claim(last: Place, is_full: bool, look_took: Duration) -> Claim {
        Claim { reached: vec![Reached { kind: "test", lane: Lane::Lead, last, is_full }], look_took, ..Claim::default() }
    }

    fn floor(looks: &mut Looks) -> Option<Place> {
        match looks.next() {
            Look::Behind(floors) => floors.get(&("test", Lane::Lead)).copied(),
            Look::All | Look::At(_) => None,
        }
    }

    fn group(after: Place) -> Group {
        Group { kind: "test", lane: Lane::Lead, due_at: after.run_at, after }
    }

    #[test]
    fn a_claim_looks_at_everything_while_that_is_cheap() {
        let mut looks = Looks::new(COSTLY, DbEngine::Postgres);
        looks.note(&Look::All, &mut claim(place(10, 1), false, Duration::from_millis(1)));
        assert!(matches!(looks.next(), Look::All) && !looks.begins_sweep());
    }

    #[test]
    fn once_it_is_costly_a_claim_looks_behind_what_was_claimed_less_an_overlap() {
        let mut looks = Looks::new(COSTLY, DbEngine::Postgres);
        looks.note(&Look::All, &mut claim(place(10, 7), false, Duration::from_millis(50)));
        assert_eq!(floor(&mut looks), Some(place(10, 7).less(OVERLAP)));
    }

    #[test]
    fn a_floor_rises_with_claims_and_falls_to_where_a_full_claim_ended() {
        let mut looks = Looks::new(Duration::ZERO, DbEngine::Postgres);
        looks.note(&Look::All, &mut claim(place(10, 1), false, Duration::from_millis(1)));
        looks.note(&Look::Behind(Floors::new()), &mut claim(place(5, 1), false, Duration::ZERO));
        assert_eq!(floor(&mut looks), Some(place(10, 1).less(OVERLAP)), "everything up to 10 was claimed before");
        looks.note(&Look::Behind(Floors::new()), &mut claim(place(6, 1), true, Duration::ZERO));
        assert_eq!(floor(&mut looks), Some(place(6, 1).less(OVERLAP)), "there may be more behind 6");
    }

    #[test]
    fn what_a_sweep_finds_below_a_floor_lowers_it() {
        let mut looks = Looks::new(Duration::ZERO, DbEngine::Postgres);
        looks.note(&Look::All, &mut claim(place(10, 1), false, Duration::from_millis(1)));
        assert!(!looks.note_sweep(&[group(place(11, 0))], Duration::from_millis(1)));
        assert!(looks.note_sweep(&[group(place(3, 0))], Duration::from_millis(1)));
        assert_eq!(floor(&mut looks), Some(place(3, 0).less(OVERLAP)));
    }

    #[test]
    fn one_sweep_at_a_time_and_a_cheap_one_ends_it() {
        let mut looks = Looks::new(COSTLY, DbEngine::Postgres);
        looks.note(&Look::All, &mut claim(place(10, 1), false, Duration::from_secs(3_600)));
        assert!(!looks.begins_sweep(), "not before ten times as long has passed");
        looks.swept = Some((Stopwatch::start(), Duration::ZERO));
        assert!(looks.begins_sweep() && !looks.begins_sweep());
        looks.note_sweep(&[], Duration::ZERO);
        assert!(matches!(looks.next(), Look::All));
    }
}
