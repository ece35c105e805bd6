//! What can be done with a lead. Each is one transaction: the lead, what happened, and the job that follows from it.

use serde_json::json;

use super::defence::Verdict;
use super::deliver_job::DeliverLead;
use super::model::{Arrived, Contact, Lead, LeadId, LeadStatus};
use super::{news, quarantine, queries};
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::outbox::admin::{self, Request};
use crate::outbox::{JobId, JobState, NewJob, Registry, enqueue, enqueue_first};
use crate::timeline::{self, Event};
use diesel::QueryResult;

/// Takes a lead in: its row, the event, and all that follows.
pub fn receive(tx: &mut Tx<'_>, now: UtcTime, arrived: &Arrived<'_>) -> QueryResult<LeadId> {
    let id = queries::insert(tx, now, arrived, LeadStatus::Pending)?;
    record_arrival(tx, now, arrived, id, "lead.received")?;
    accept(tx, now, arrived.line, id)?;
    tx.touch(Topic::Leads);
    Ok(id)
}

/// Everything that follows from a lead that is taken as good: when it comes in, and when a person releases it.
pub fn accept(tx: &mut Tx<'_>, now: UtcTime, line: &LineId, id: LeadId) -> QueryResult<()> {
    let (job, subject) = (DeliverLead { lead: id }, id.subject());
    enqueue_first(tx, now, &delivery(&job, line, &subject, now))?;
    news::announce(tx, now, line, id)
}

/// Keeps a suspicious submission for a person to look at: its row, the event and the reasons, and nothing that follows.
/// Open pages are not told: a flood must not make them fetch themselves without end.
pub fn hold(tx: &mut Tx<'_>, now: UtcTime, arrived: &Arrived<'_>, verdict: &Verdict) -> QueryResult<LeadId> {
    let id = queries::insert(tx, now, arrived, LeadStatus::Quarantined)?;
    record_arrival(tx, now, arrived, id, "lead.quarantined")?;
    quarantine::queries::insert(tx, now, id, verdict)?;
    Ok(id)
}

fn record_arrival(tx: &mut Tx<'_>, now: UtcTime, arrived: &Arrived<'_>, id: LeadId, kind: &'static str) -> QueryResult<()> {
    let event = Event {
        line: arrived.line,
        source: "intake",
        source_event_id: arrived.line.as_str(),
        kind,
        subject: &id.subject(),
        occurred_at: now,
        data: json!({ "source": arrived.new.source, "kind": arrived.new.kind }),
    };
    timeline::record(tx, now, &event)
}

/// Puts the lead on its way to the CRM, unless it already is.
pub fn deliver(tx: &mut Tx<'_>, now: UtcTime, line: &LineId, id: LeadId) -> QueryResult<JobId> {
    let (job, subject) = (DeliverLead { lead: id }, id.subject());
    enqueue(tx, now, &delivery(&job, line, &subject, now))
}

fn delivery<'a>(job: &'a DeliverLead, line: &'a LineId, subject: &'a str, now: UtcTime) -> NewJob<'a, DeliverLead> {
    NewJob { job, line, subject, unique_key: Some(subject), order_key: None, run_at: now }
}

/// A person's correction of a lead.
#[derive(Clone, Debug)]
pub struct Correction {
    pub contact: Contact,
    pub message: Option<String>,
}

/// Corrects a lead and sends it again.
pub fn edit_and_resend(tx: &mut Tx<'_>, registry: &Registry, id: LeadId, correction: &Correction, by: &Request) -> Result<JobId> {
    let before = find_taken(tx, id)?;
    queries::update_contact(tx, by.now, id, &correction.contact, correction.message.as_deref())?;
    let after = json!({
        "name": correction.contact.name, "email": correction.contact.email, "phone": correction.contact.phone,
        "company": correction.contact.company, "message": correction.message,
    });
    let act = Act {
        actor: &by.actor,
        action: "leads.edit",
        subject: &id.subject(),
        line: Some(&LineId::from_stored(before.line_id.clone())),
        reason: by.reason.as_deref(),
        before: Some(contact_of(&before)),
        after: Some(after),
        address: by.address.as_deref(),
    };
    audit::record(tx, by.now, &act)?;
    resend(tx, registry, &before, by)
}

/// Sends a lead again as it is.
pub fn retry(tx: &mut Tx<'_>, registry: &Registry, id: LeadId, by: &Request) -> Result<JobId> {
    let lead = find_taken(tx, id)?;
    resend(tx, registry, &lead, by)
}

fn find_taken(tx: &mut Tx<'_>, id: LeadId) -> Result<Lead> {
    let lead = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("lead"))?;
    if lead.status.is_held() {
        return Err(Error::Conflict("This lead is held in quarantine. Release it, and it is sent.".into()));
    }
    Ok(lead)
}

/// Runs the lead's last job again where it has not succeeded, else enqueues a new one: the CRM's record is updated.
fn resend(tx: &mut Tx<'_>, registry: &Registry, lead: &Lead, by: &Request) -> Result<JobId> {
    tx.touch(Topic::Leads);
    match queries::last_delivery(tx.conn(), lead.id)? {
        Some(job) if job.state == JobState::Running => Err(Error::Conflict(
            "This lead is being sent right now. Look again in a minute, then send it again if you still need to.".into(),
        )),
        Some(job) if job.state != JobState::Succeeded => admin::retry(tx, registry, job.id, by).map(|()| job.id),
        _ => {
            let line = LineId::from_stored(lead.line_id.clone());
            let progress = queries::Progress {
                status: LeadStatus::Pending,
                retry_count: 0,
                last_error: Some(None),
                processed_at: None,
                zoho_lead_id: None,
                provider_response: None,
                updated_at: by.now,
            };
            queries::update_progress(tx, lead.id, &progress)?;
            Ok(deliver(tx, by.now, &line, lead.id)?)
        }
    }
}

fn contact_of(lead: &Lead) -> serde_json::Value {
    json!({ "name": lead.name, "email": lead.email, "phone": lead.phone, "company": lead.company, "message": lead.message })
}

/// Puts stranded leads back on their way, those that still are; returns how many.
pub fn deliver_stranded(tx: &mut Tx<'_>, now: UtcTime, found: &[LeadId]) -> QueryResult<usize> {
    let most = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let stranded = queries::stranded(tx.conn(), Some(found), most)?;
    for (id, line) in &stranded {
        deliver(tx, now, &LineId::from_stored(line.clone()), *id)?;
    }
    Ok(stranded.len())
}
