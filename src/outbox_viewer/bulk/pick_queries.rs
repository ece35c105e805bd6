//! The next rows of an operation, found by a reader along the indexes of the lists, oldest first. The place is text: for jobs
//! the state, the kind and the id of the last one looked at, for leads the status and the place in the list, for receipts the latter alone.

use diesel::prelude::*;

use super::model::{Act, Item, ItemId, Piece, Target, Walk};
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::db::schema::{jobs, leads};
use crate::inbox::filter::ReceiptFilter;
use crate::inbox::walk_queries as receipts;
use crate::leads::list_queries::oldest_of;
use crate::leads::{LeadFilter, LeadStatus};
use crate::outbox::{Job, JobId, JobState};
use crate::outbox_viewer::list_queries::{From, Shown, stretch};
use crate::outbox_viewer::selection::Selection;
use crate::outbox_viewer::walk_queries::{looks, parts};

use super::act_job::BulkAct;

/// Rows of a chunk. Each costs a job, its lead and an audit row, and nobody should wait for a chunk longer than for a page.
pub const ITEMS_MAX: usize = 50;
/// Rows looked at for them in one read.
const LOOKED_MAX: usize = 1_000;

/// The highest id there is: an operation touches nothing newer.
pub fn id_max(conn: &mut Conn, target: &Target) -> QueryResult<i64> {
    let found: Option<i64> = match target {
        Target::Jobs(_) => jobs::table.order(jobs::id.desc()).select(jobs::id).first(conn).optional()?,
        Target::Leads(_) => leads::table.order(leads::id.desc()).select(leads::id).first(conn).optional()?,
        Target::Receipts(_) => receipts::id_max(conn)?,
    };
    Ok(found.unwrap_or_default())
}

/// The next rows, so many at most.
pub fn next(conn: &mut Conn, walk: &Walk, items_max: usize) -> QueryResult<Piece> {
    match &walk.target {
        Target::Jobs(selection) => next_jobs(conn, walk, selection, items_max),
        Target::Leads(filter) => next_leads(conn, walk, filter, items_max),
        Target::Receipts(filter) => next_receipts(conn, walk, filter, items_max),
    }
}

/// The states of a selection that an act touches.
pub fn touched(act: Act, selection: &Selection) -> Vec<JobState> {
    act.job_states().iter().copied().filter(|state| selection.list.shown.is_none_or(|shown| shown.stored() == *state)).collect()
}

/// The kinds of an operation's jobs, in the order of the walk. Operations do not touch each other.
pub fn job_parts(conn: &mut Conn, act: Act, selection: &Selection) -> QueryResult<Vec<(JobState, String)>> {
    let mut parts = parts(conn, &touched(act, selection), selection.list.kind.as_deref())?;
    parts.retain(|(_, kind)| kind != BulkAct::KIND);
    Ok(parts)
}

/// Whether an act may touch a pending job: one that has not failed needs no retry.
pub fn may_touch(act: Act, state: JobState, has_failed: bool) -> bool {
    act != Act::Retry || state != JobState::Pending || has_failed
}

fn next_jobs(conn: &mut Conn, walk: &Walk, selection: &Selection, items_max: usize) -> QueryResult<Piece> {
    let at = walk.place.as_deref().and_then(read_job_place);
    for (state, kind) in job_parts(conn, walk.act, selection)? {
        let after = match &at {
            Some((at_state, at_kind, _)) if is_before(walk.act, (state, &kind), (*at_state, at_kind)) => continue,
            Some((at_state, at_kind, id)) if (*at_state, at_kind) == (state, &kind) => *id,
            _ => 0,
        };
        let found = looks(conn, &stretch(conn.engine(), state, From::After(JobId(after))), &kind, LOOKED_MAX)?;
        let found: Vec<_> = found.into_iter().take_while(|look| look.id <= walk.id_max).collect();
        let Some(last) = found.last().map(|look| look.id) else { continue };
        let place = |id: i64| format!("{}\n{kind}\n{id}", state.as_str());
        let mut items = Vec::new();
        for look in &found {
            let traits = look.traits();
            // One that has changed since is met all the same, and told as skipped.
            if may_touch(walk.act, state, traits.error.is_some()) && selection.fits(&traits, walk.as_of) {
                items.push(Item { id: ItemId::Job(JobId(look.id)), place: place(look.id) });
            }
            if items.len() == items_max {
                return Ok(Piece { items, place: Some(place(look.id)), is_last: false });
            }
        }
        return Ok(Piece { items, place: Some(place(last)), is_last: false });
    }
    Ok(Piece { is_last: true, ..Piece::default() })
}

fn read_job_place(text: &str) -> Option<(JobState, String, i64)> {
    let mut lines = text.split('\n');
    Some((JobState::parse(lines.next()?)?, lines.next()?.to_owned(), lines.next()?.parse().ok()?))
}

/// The walk goes by state in the order of the act, then by kind.
fn is_before(act: Act, part: (JobState, &str), at: (JobState, &str)) -> bool {
    let order = |state: JobState| act.job_states().iter().position(|known| *known == state);
    (order(part.0), part.1) < (order(at.0), at.1)
}

/// The statuses of a filter that an act touches.
pub fn touched_statuses(act: Act, filter: &LeadFilter) -> Vec<LeadStatus> {
    act.lead_statuses().iter().copied().filter(|status| filter.status.is_none_or(|wanted| wanted == *status)).collect()
}

fn next_leads(conn: &mut Conn, walk: &Walk, filter: &LeadFilter, items_max: usize) -> QueryResult<Piece> {
    let at = walk.place.as_deref().and_then(read_lead_place);
    let statuses = touched_statuses(walk.act, filter);
    let begun = at.and_then(|(status, _)| statuses.iter().position(|known| *known == status)).unwrap_or_default();
    for status in statuses.into_iter().skip(begun) {
        let after = at.filter(|(begun, _)| *begun == status).map(|(_, place)| place);
        let found = oldest_of(conn, status, after, LOOKED_MAX)?;
        // Times that another program wrote may compare otherwise than they read: the walk never stands still.
        let found: Vec<_> = found.into_iter().filter(|lead| after != Some(Place::Newer(lead.key()))).collect();
        let Some(last) = found.last() else { continue };
        let place = |place: Place| format!("{}\n{place}", status.as_str());
        let end = place(Place::Newer(last.key()));
        let mut items = Vec::new();
        for lead in found.iter().filter(|lead| lead.id.0 <= walk.id_max && filter.fits(lead)) {
            items.push(Item { id: ItemId::Lead(lead.id), place: place(Place::Newer(lead.key())) });
            if items.len() == items_max {
                let at = items.last().map(|item| item.place.clone());
                return Ok(Piece { items, place: at, is_last: false });
            }
        }
        return Ok(Piece { items, place: Some(end), is_last: false });
    }
    Ok(Piece { is_last: true, ..Piece::default() })
}

fn read_lead_place(text: &str) -> Option<(LeadStatus, Place)> {
    let (status, place) = text.split_once('\n')?;
    Some((LeadStatus::parse(status)?, place.parse().ok()?))
}

fn next_receipts(conn: &mut Conn, walk: &Walk, filter: &ReceiptFilter, items_max: usize) -> QueryResult<Piece> {
    let after = walk.place.as_deref().and_then(|place| place.parse().ok());
    let key = if let Some(Place::Newer(key)) = after { Some(key) } else { None };
    let found = receipts::oldest(conn, filter, key, LOOKED_MAX)?;
    // As with leads: times that another program wrote may compare otherwise than they read.
    let found: Vec<_> = found.into_iter().filter(|look| key != Some(look.key())).collect();
    let Some(last) = found.last() else { return Ok(Piece { is_last: true, ..Piece::default() }) };
    let place = |look: &receipts::Look| Place::Newer(look.key()).to_string();
    let end = place(last);
    let mut items = Vec::new();
    for look in found.iter().filter(|look| look.id.0 <= walk.id_max && look.is_met_by(filter)) {
        items.push(Item { id: ItemId::Receipt(look.id), place: place(look) });
        if items.len() == items_max {
            return Ok(Piece { items, place: Some(place(look)), is_last: false });
        }
    }
    Ok(Piece { items, place: Some(end), is_last: false })
}

/// What of a filter's own state an act would never touch is told before it starts.
pub fn untouched(act: Act, selection: &Selection) -> Vec<Shown> {
    let wanted = |shown: &Shown| selection.list.shown.is_none_or(|only| only == *shown);
    Shown::ALL.into_iter().filter(wanted).filter(|shown| !act.touches().contains(shown)).collect()
}
