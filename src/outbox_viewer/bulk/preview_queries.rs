//! What an operation would meet, counted and sampled by the walk that it takes itself, and what it would leave alone.

use diesel::prelude::*;

use super::model::{Act, ItemId, Target, Walk};
use super::operation_queries;
use super::pick_queries;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::inbox::model::{ReceiptId, ReceiptState};
use crate::leads::list_queries::LeadSummary;
use crate::leads::{LeadId, LeadStatus, statistics};
use crate::outbox::{JobId, JobRow};
use crate::outbox_viewer::list_queries::{self, COUNT_MAX, Shown};
use crate::outbox_viewer::walk_queries;

use super::model::Operation;

/// Rows read at a time.
const READ: usize = 1_000;
/// Reads of one count: a filter that fits hardly anything is told as "at least".
const READS_MAX: usize = 30;
/// Rows shown.
const SAMPLE: usize = 10;
/// Events whose replay is rehearsed: each takes a transaction, which is undone.
pub const REHEARSED: usize = 100;

/// What an act meets.
#[derive(Debug)]
pub struct Met {
    pub total: i64,
    /// Counting has stopped there.
    pub is_floor: bool,
    pub sample: Sample,
    /// How many there are in each state that is left alone, where the filter is one of states alone.
    pub left: Left,
    /// The operation that goes first.
    pub before: Option<Operation>,
}

/// The first ones.
#[derive(Debug)]
pub enum Sample {
    Jobs(Vec<JobRow>),
    Leads(Vec<LeadSummary>),
    /// What becomes of each is found out outside of a reader's transaction.
    Receipts(Vec<ReceiptId>),
}

/// What is left alone, by state; None: nobody has counted.
#[derive(Debug)]
pub enum Left {
    Jobs(Vec<(Shown, Option<i64>)>),
    Leads(Vec<(LeadStatus, Option<i64>)>),
    /// How many wait for their jobs, where the filter is one of states alone.
    Receipts(Option<i64>),
}

/// Looks at it all.
pub fn met(conn: &mut Conn, act: Act, target: &Target, now: UtcTime) -> QueryResult<Met> {
    let (total, is_floor, first) = count(conn, act, target, now)?;
    Ok(Met {
        total,
        is_floor,
        sample: sample(conn, target, &first)?,
        left: left(conn, act, target)?,
        before: operation_queries::before(conn, None)?,
    })
}

fn count(conn: &mut Conn, act: Act, target: &Target, now: UtcTime) -> QueryResult<(i64, bool, Vec<ItemId>)> {
    let id_max = pick_queries::id_max(conn, target)?;
    let mut walk = Walk { act, target: target.clone(), place: None, id_max, as_of: now };
    let sample = if matches!(target, Target::Receipts(_)) { REHEARSED } else { SAMPLE };
    let (mut total, mut first) = (0, Vec::new());
    for _ in 0..READS_MAX {
        let piece = pick_queries::next(conn, &walk, READ)?;
        total += i64::try_from(piece.items.len()).unwrap_or(i64::MAX);
        first.extend(piece.items.iter().map(|item| item.id).take(sample - first.len()));
        if piece.is_last || total >= COUNT_MAX {
            return Ok((total.min(COUNT_MAX), !piece.is_last, first));
        }
        walk.place = piece.place;
    }
    Ok((total, true, first))
}

fn sample(conn: &mut Conn, target: &Target, first: &[ItemId]) -> QueryResult<Sample> {
    let jobs: Vec<JobId> = first.iter().filter_map(|id| if let ItemId::Job(id) = id { Some(*id) } else { None }).collect();
    let leads: Vec<LeadId> = first.iter().filter_map(|id| if let ItemId::Lead(id) = id { Some(*id) } else { None }).collect();
    Ok(match target {
        Target::Jobs(_) => Sample::Jobs(walk_queries::rows(conn, &jobs)?),
        Target::Leads(_) => Sample::Leads(crate::leads::list_queries::summaries(conn, &leads)?),
        Target::Receipts(_) => {
            Sample::Receipts(first.iter().filter_map(|id| if let ItemId::Receipt(id) = id { Some(*id) } else { None }).collect())
        }
    })
}

fn left(conn: &mut Conn, act: Act, target: &Target) -> QueryResult<Left> {
    Ok(match target {
        Target::Jobs(selection) => {
            let is_by_state = !selection.needs_looks() && selection.list.kind.is_none();
            let counts = if is_by_state { list_queries::counts(conn)? } else { Vec::new() };
            let of = |shown: Shown| (shown, counts.iter().find(|count| count.shown == shown).map(|count| count.total));
            Left::Jobs(pick_queries::untouched(act, selection).into_iter().map(of).collect())
        }
        Target::Leads(filter) => {
            let wanted = |status: &&LeadStatus| filter.status.is_none_or(|only| only == **status);
            let untouched = LeadStatus::ALL.iter().filter(wanted).filter(|status| !act.lead_statuses().contains(status));
            let is_by_state = filter.source.is_none() && filter.text.is_none();
            let mut left = Vec::new();
            for status in untouched {
                left.push((*status, if is_by_state { Some(statistics::count(conn, *status, None)?) } else { None }));
            }
            Left::Leads(left)
        }
        Target::Receipts(filter) => {
            let is_by_state = filter.in_state(None).is_everything();
            let waiting = crate::inbox::statistics::count(conn, ReceiptState::Received)?;
            Left::Receipts(Some(waiting).filter(|_| is_by_state))
        }
    })
}
