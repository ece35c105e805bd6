//! Leads of an older system, taken over with their state: what was sent is not sent again, what was not is put on its way, in the
//! lane of the backlog, so that whoever asks today does not wait behind it. Nobody gets mail about them.

use serde_json::Value;

use super::deliver_job::DeliverLead;
use super::model::{Arrived, LeadId, LeadStatus, NewLead};
use super::queries::{self, Progress};
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::digest::sha256_hex;
use crate::line::LineId;
use crate::outbox::{Lane, NewJob, enqueue_in_lane};
use crate::random;
use crate::timeline::{self, Event};
use diesel::QueryResult;

/// A checked lead of an older system.
#[derive(Clone, Debug, PartialEq)]
pub struct OldLead {
    pub new: NewLead,
    /// `Pending` is put on its way; anything else stays as it is.
    pub status: LeadStatus,
    pub retry_count: i64,
    pub last_error: Option<String>,
    pub processed_at: Option<UtcTime>,
    pub zoho_lead_id: Option<String>,
    /// When the older system got it.
    pub received_at: UtcTime,
}

/// An old lead on its way in.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub line: LineId,
    token_hash: String,
    pub lead: OldLead,
    /// The importing feature's own id of the row.
    pub event_id: String,
    /// What the timeline tells of where it came from.
    pub told: Value,
}

impl Arrival {
    /// Mints what a lead needs; before the write, which may run more than once.
    pub fn new(now: UtcTime, lead: OldLead, event_id: String, told: Value) -> Self {
        Self { line: LineId::mint(now), token_hash: sha256_hex(random::token()), lead, event_id, told }
    }
}

/// Takes them over: their rows with state and dates, an event each, and a job for those that have still to be sent.
pub fn take_over(tx: &mut Tx<'_>, now: UtcTime, arrivals: &[&Arrival]) -> QueryResult<()> {
    let mut waiting: Vec<(LeadId, &LineId, String)> = Vec::new();
    for arrival in arrivals {
        let id = insert(tx, now, arrival)?;
        if arrival.lead.status == LeadStatus::Pending {
            waiting.push((id, &arrival.line, id.subject()));
        }
    }
    let jobs: Vec<DeliverLead> = waiting.iter().map(|(lead, ..)| DeliverLead { lead: *lead }).collect();
    let new: Vec<NewJob<'_, DeliverLead>> = waiting
        .iter()
        .zip(&jobs)
        .map(|((_, line, subject), job)| NewJob { job, line, subject, unique_key: Some(subject), order_key: None, run_at: now })
        .collect();
    enqueue_in_lane(tx, now, Lane::Backfill, &new)?;
    tx.touch(Topic::Leads);
    Ok(())
}

fn insert(tx: &mut Tx<'_>, now: UtcTime, arrival: &Arrival) -> QueryResult<LeadId> {
    let lead = &arrival.lead;
    let arrived = Arrived { line: &arrival.line, status_token_hash: &arrival.token_hash, new: &lead.new };
    let id = queries::insert(tx, lead.received_at, &arrived, lead.status)?;
    if lead.status != LeadStatus::Pending {
        let progress = Progress {
            status: lead.status,
            retry_count: lead.retry_count,
            last_error: Some(lead.last_error.clone()),
            processed_at: lead.processed_at,
            zoho_lead_id: lead.zoho_lead_id.clone(),
            provider_response: None,
            updated_at: now,
        };
        queries::update_progress(tx, id, &progress)?;
    }
    let event = Event {
        line: &arrival.line,
        source: "import",
        source_event_id: &arrival.event_id,
        kind: "lead.imported",
        subject: &id.subject(),
        occurred_at: now,
        data: arrival.told.clone(),
    };
    timeline::record(tx, now, &event)?;
    Ok(id)
}
