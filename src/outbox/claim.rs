//! Claiming: decides whose turn it is, takes their oldest jobs and gives them to this process under a fresh lease, with the
//! calls they may need reserved, all in one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;

use super::breaker::{self, ConnectionState};
use super::held::{Held, Hold};
use super::kind::{JobId, JobState, Repeatable};
use super::lease::Lease;
use super::limits::{self, Budget, Reservation};
use super::looks::{Look, Reached};
use super::pace::Pace;
use super::pauses;
use super::registry::{KindSpec, RawChange, Registry};
use super::room::Room;
use super::row::JobRow;
use super::survey::{self, Behind, Group, Place};
use crate::clock::{Stopwatch, UtcTime};
use crate::db::schema::jobs;
use crate::db::{Conn, Topic, Tx};
use crate::{literal_condition, random};

/// Rows one claim writes at most.
const ROWS_MAX: usize = 500;
/// A group that waits for longer gets one run before all others, whatever its lane: none is starved.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// Jobs of one kind that run together, under one lease.
#[derive(Debug)]
pub struct Run {
    pub(super) kind: &'static str,
    pub(super) lane: super::kind::Lane,
    pub(super) rows: Vec<JobRow>,
    pub(super) reservation: Option<Reservation>,
    /// Set when the claim is known to be committed.
    pub(super) hold: Option<Hold>,
}

/// What a claim found.
#[derive(Debug, Default)]
pub(super) struct Claim {
    pub runs: Vec<Run>,
    /// Groups that gave all they were asked for: there may be more, behind this place.
    pub backlog: Vec<Group>,
    /// How far it came in each group it took from.
    pub reached: Vec<Reached>,
    /// When the next job becomes due, of those that nothing else holds back.
    pub next_due: Option<UtcTime>,
    /// How long it took to find out which groups there are.
    pub look_took: Duration,
}

/// On whose behalf a claim is made, and what is known.
#[derive(Clone)]
pub(super) struct Claimant {
    pub registry: Registry,
    pub pace: Pace,
    pub process_id: String,
    pub now: UtcTime,
}

impl Run {
    /// The ids of its members.
    pub fn ids(&self) -> Vec<JobId> {
        self.rows.iter().map(|row| row.id).collect()
    }

    pub(super) fn held_by(mut self, held: &Held) -> Self {
        let leased = self.rows.iter().map(|row| (row.id, row.lease_token)).collect();
        self.hold = Some(held.hold(leased, self.reservation.as_ref().map(|reservation| reservation.id)));
        self
    }
}

/// Claims what there is room for.
pub(super) fn claim(tx: &mut Tx<'_>, by: &Claimant, mut room: Room, look: &Look) -> QueryResult<Claim> {
    let watch = Stopwatch::start();
    let groups = match look {
        Look::At(backlog) => backlog.clone(),
        Look::All => survey::groups(tx.conn(), &by.registry)?,
        Look::Behind(floors) => survey::groups_behind(tx.conn(), &by.registry, floors)?,
    };
    let mut claim = Claim { look_took: watch.elapsed(), ..Claim::default() };
    if groups.is_empty() {
        tx.wrote_nothing();
        return Ok(claim);
    }
    let pauses = pauses::current(tx.conn(), by.now)?;
    let groups: Vec<Group> =
        groups.into_iter().filter(|group| pauses.on(group.kind, group.lane, by.spec(group).connection).is_none()).collect();
    let mut connections = Connections::lock(tx, by, &groups)?;
    let (due, later): (Vec<Group>, Vec<Group>) =
        groups.into_iter().filter(|group| connections.are_open(by.spec(group), by.now)).partition(|group| group.due_at <= by.now);
    claim.next_due = later.iter().map(|group| group.due_at).min();
    let mut rows_left = ROWS_MAX;
    for turn in turns(due, &room, by.now) {
        let spec = by.spec(&turn.group);
        let of_kind = room.runs_of(turn.group.kind, spec.runs_max);
        let runs = room.runs(turn.group.lane).min(of_kind).min(turn.runs_max).min(connections.runs(spec, turn.group.lane));
        if runs == 0 || rows_left == 0 {
            continue;
        }
        let taken = take(tx, by, &turn.group, Most { runs, rows: rows_left }, &connections)?;
        rows_left -= taken.rows;
        room.take(turn.group.kind, turn.group.lane, taken.runs.len());
        if taken.rows > 0 {
            claim.reached.push(Reached { kind: turn.group.kind, lane: turn.group.lane, last: taken.last, is_full: taken.is_full });
        }
        if taken.is_full && turn.runs_max > 1 && taken.runs.len() < of_kind {
            claim.backlog.push(Group { after: taken.last, ..turn.group });
        }
        for run in taken.runs {
            claim.runs.push(connections.reserve(tx, by, run)?);
        }
        if room.is_full() {
            break;
        }
    }
    if claim.runs.is_empty() {
        tx.wrote_nothing();
    } else {
        tx.touch(Topic::Jobs);
    }
    // A claim that is lost with the machine did no harm if its calls can be made again; others are on the disk before the call.
    if claim.runs.iter().all(|run| run.rows.iter().all(|row| row.repeatable)) {
        tx.relax();
    }
    Ok(claim)
}

impl Claimant {
    fn spec(&self, group: &Group) -> &KindSpec {
        // A survey names no kind that the registry does not know.
        self.registry.find(group.kind).expect("a surveyed kind is registered").1
    }
}

/// A group's turn, and how many runs it may have in it.
struct Turn {
    group: Group,
    runs_max: usize,
}

/// First one run for each lane that has waited long and has nothing under way; then all, the higher lane first and within it
/// whoever has waited longest.
fn turns(mut due: Vec<Group>, room: &Room, now: UtcTime) -> Vec<Turn> {
    due.sort_by_key(|group| (group.lane, group.due_at));
    let mut first: Vec<Turn> = Vec::new();
    for group in &due {
        let starves = group.due_at + PATIENCE < now && room.is_idle(group.lane);
        if starves && first.iter().all(|turn| turn.group.lane != group.lane) {
            first.push(Turn { group: group.clone(), runs_max: 1 });
        }
    }
    // The highest lane comes first anyway: a turn of its own would only split its batch in two.
    if first.first().is_some_and(|turn| due.first().is_some_and(|group| group.lane == turn.group.lane)) {
        first.remove(0);
    }
    first.extend(due.into_iter().map(|group| Turn { group, runs_max: usize::MAX }));
    first
}

/// The connections that a claim's jobs need, locked on PostgreSQL until its end.
struct Connections(BTreeMap<&'static str, Desk>);

struct Desk {
    state: ConnectionState,
    budget: Option<Budget>,
}

impl Connections {
    fn lock(tx: &mut Tx<'_>, by: &Claimant, groups: &[Group]) -> QueryResult<Self> {
        let mut desks = BTreeMap::new();
        let due = groups.iter().filter(|group| group.due_at <= by.now);
        let mut names: Vec<&'static str> = due.filter_map(|group| by.spec(group).connection).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let Some(state) = breaker::lock(tx.conn(), name)? else { continue };
            let budget = match by.registry.limits(name).filter(|_| state.is_open(by.now)) {
                Some(limits) => Some(limits::budget(tx.conn(), name, limits, by.now)?),
                None => None,
            };
            desks.insert(name, Desk { state, budget });
        }
        Ok(Self(desks))
    }

    /// A connection nobody has made yet is not open. One of a group that is not due was not looked at.
    fn are_open(&self, spec: &KindSpec, now: UtcTime) -> bool {
        spec.connection.is_none_or(|name| self.0.get(name).is_none_or(|desk| desk.state.is_open(now)))
    }

    fn runs(&self, spec: &KindSpec, lane: super::kind::Lane) -> usize {
        let Some(name) = spec.connection else { return usize::MAX };
        let Some(desk) = self.0.get(name) else { return 0 };
        let by_budget = desk.budget.as_ref().map_or(usize::MAX, |budget| budget.runs(lane, i64::from(spec.calls)));
        if desk.state.is_probing() { by_budget.min(1) } else { by_budget }
    }

    fn repeats(&self, spec: &KindSpec) -> bool {
        match spec.repeatable {
            Repeatable::Always => true,
            Repeatable::WithExternalField => {
                spec.connection.and_then(|name| self.0.get(name)).is_some_and(|desk| desk.state.external_field.is_some())
            }
            Repeatable::Never => false,
        }
    }

    /// Takes a run's calls off the budget, and a slot; where the breaker is open the run is its probe.
    fn reserve(&mut self, tx: &mut Tx<'_>, by: &Claimant, run: Run) -> QueryResult<Run> {
        let spec = by.registry.find(run.kind).expect("a claimed kind is registered").1;
        let Some((name, desk)) = spec.connection.and_then(|name| Some((name, self.0.get_mut(name)?))) else { return Ok(run) };
        if desk.state.is_probing() {
            breaker::note_probe(tx, by.now, &desk.state)?;
            desk.budget = Some(Budget::none());
        }
        let Some(limits) = by.registry.limits(name) else { return Ok(run) };
        let calls = i64::from(spec.calls);
        if let Some(budget) = &mut desk.budget {
            budget.take(1, calls);
        }
        let reservation = limits::reserve(tx, name, limits, (&by.process_id, calls), by.now)?;
        Ok(Run { reservation: Some(reservation), ..run })
    }
}

#[derive(Clone, Copy)]
struct Most {
    runs: usize,
    rows: usize,
}

struct Taken {
    runs: Vec<Run>,
    rows: usize,
    /// It gave all it was asked for.
    is_full: bool,
    last: Place,
}

fn take(tx: &mut Tx<'_>, by: &Claimant, group: &Group, most: Most, connections: &Connections) -> QueryResult<Taken> {
    let spec = by.spec(group);
    let size = by.pace.size(group.kind, spec.batch_start, spec.batch_max);
    let wanted = most.runs.saturating_mul(size).min(most.rows);
    let found = find_ready(tx.conn(), group, by.now, wanted)?;
    let is_full = found.len() == wanted;
    let batches = batches(&found, size, most.runs);
    let ids: Vec<JobId> = batches.iter().flatten().copied().collect();
    let last = found.get(ids.len().wrapping_sub(1)).map_or(group.after, |ready| Place { run_at: ready.run_at, id: ready.id });
    if ids.is_empty() {
        return Ok(Taken { runs: Vec::new(), rows: 0, is_full: false, last });
    }
    let mut rows = lease(tx, by, &ids, connections.repeats(spec))?;
    if spec.mirrors {
        let changes: Vec<RawChange> = rows.values().map(|row| RawChange::to(row, JobState::Running, by.now)).collect();
        (spec.reflect)(tx, &changes)?;
    }
    let runs = batches.into_iter().map(|ids| Run {
        kind: group.kind,
        lane: group.lane,
        rows: ids.iter().filter_map(|id| rows.remove(id)).collect(),
        reservation: None,
        hold: None,
    });
    Ok(Taken { runs: runs.collect(), rows: ids.len(), is_full, last })
}

#[derive(Queryable)]
struct Ready {
    id: JobId,
    run_at: UtcTime,
    batch_limit: Option<i64>,
}

fn find_ready(conn: &mut Conn, group: &Group, now: UtcTime, most: usize) -> QueryResult<Vec<Ready>> {
    let ready = jobs::table
        .filter(IsReady)
        .filter(IsAloneOfItsKey)
        .filter(jobs::kind.eq(group.kind))
        .filter(jobs::lane.eq(group.lane))
        .filter(jobs::run_at.le(now))
        .filter(Behind(group.after))
        .order((jobs::run_at, jobs::id))
        .limit(i64::try_from(most).unwrap_or(1))
        .select((jobs::id, jobs::run_at, jobs::batch_limit));
    // Processes claim beside each other on PostgreSQL: each skips what another is just taking. SQLite has one writer.
    match conn {
        Conn::Postgres(c) => ready.for_update().skip_locked().load(c),
        Conn::Sqlite(c) => ready.load(c),
    }
}

literal_condition! {
    /// As the index of ready jobs has it.
    IsReady = "jobs.state = 'pending' AND COALESCE(jobs.order_place, 0) = 0"
}
literal_condition! {
    /// A job that a person sent again may find a later one of its key running already.
    IsAloneOfItsKey = "jobs.order_key IS NULL OR NOT EXISTS (SELECT 1 FROM jobs AS busy \
        WHERE busy.order_key = jobs.order_key AND busy.order_key IS NOT NULL AND busy.state IN ('running', 'uncertain'))"
}

/// Cuts what was found into batches, oldest first, until there are enough of them. A job that was in a batch which failed as
/// a whole keeps its next one small.
fn batches(found: &[Ready], size: usize, most: usize) -> Vec<Vec<JobId>> {
    let mut batches: Vec<Vec<JobId>> = Vec::new();
    let mut room = 0;
    for ready in found {
        let limit = ready.batch_limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(size).clamp(1, size);
        let members = batches.last().map_or(0, Vec::len);
        room = room.min(limit);
        if members >= room {
            if batches.len() == most {
                break;
            }
            batches.push(Vec::new());
            room = limit;
        }
        if let Some(batch) = batches.last_mut() {
            batch.push(ready.id);
        }
    }
    batches
}

fn lease(tx: &mut Tx<'_>, by: &Claimant, ids: &[JobId], repeatable: bool) -> QueryResult<BTreeMap<JobId, JobRow>> {
    let lease = Lease { ids, token: random::positive_i64(), process_id: &by.process_id, repeatable, now: by.now };
    let rows = lease.give(tx.conn())?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

#[cfg(test)]
#[path = "claim_tests.rs"]
mod tests;
