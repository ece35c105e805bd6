//! Whose turn it is, and how batches are cut.

use super::*;
use crate::outbox::kind::Lane;
use crate::outbox::room::InUse;

fn at(s: i64) -> UtcTime {
    chrono::DateTime::from_timestamp(1_780_000_000 + s, 0).expect("a time").naive_utc()
}

fn group(lane: Lane, due_s: i64) -> Group {
    Group { kind: "test", lane, due_at: at(due_s), after: Place::start() }
}

fn order(due: Vec<Group>, in_use: InUse) -> Vec<(Lane, usize)> {
    turns(due, &Room::of(100, in_use), at(1_000)).into_iter().map(|turn| (turn.group.lane, turn.runs_max)).collect()
}

#[test]
fn the_higher_lane_goes_first_and_within_it_whoever_waited_longest() {
    let due = vec![group(Lane::Backfill, 990), group(Lane::Lead, 999), group(Lane::Payment, 1_000), group(Lane::Lead, 995)];
    let all = usize::MAX;
    let order = order(due, InUse::default());
    assert_eq!(order, [(Lane::Payment, all), (Lane::Lead, all), (Lane::Lead, all), (Lane::Backfill, all)]);
}

#[test]
fn who_has_waited_a_minute_with_nothing_under_way_gets_one_run_first() {
    let due = || vec![group(Lane::Lead, 900), group(Lane::Backfill, 900)];
    let all = usize::MAX;
    assert_eq!(order(due(), InUse::default()), [(Lane::Backfill, 1), (Lane::Lead, all), (Lane::Backfill, all)]);
    let mut in_use = InUse::default();
    in_use.begin("test", Lane::Backfill, 1);
    assert_eq!(order(due(), in_use), [(Lane::Lead, all), (Lane::Backfill, all)]);
}

fn ready(limits: &[Option<i64>]) -> Vec<Ready> {
    (1..).zip(limits).map(|(id, limit)| Ready { id: JobId(id), run_at: at(id), batch_limit: *limit }).collect()
}

fn sizes(limits: &[Option<i64>], size: usize, most: usize) -> Vec<usize> {
    batches(&ready(limits), size, most).iter().map(Vec::len).collect()
}

#[test]
fn a_batch_is_as_large_as_its_smallest_limit_allows() {
    assert_eq!(sizes(&[None; 5], 2, 9), [2, 2, 1]);
    assert_eq!(sizes(&[None; 5], 2, 2), [2, 2], "as many as there are runs for");
    assert_eq!(sizes(&[Some(2), Some(2), Some(2), Some(2)], 100, 9), [2, 2], "a call of four was refused as a whole");
    assert_eq!(sizes(&[None, None, Some(1), None], 100, 9), [2, 1, 1], "the one that is tried alone is alone");
}
