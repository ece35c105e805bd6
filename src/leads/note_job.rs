//! Writes a second enquiry of a person the CRM already knows onto their record, as a note: it never vanishes.

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::crm_record;
use super::model::{Lead, LeadId};
use super::queries;
use crate::app::App;
use crate::connections::{self, Access};
use crate::error::Error;
use crate::integrations::zoho::crm::{Crm, Note, ZohoLeadId};
use crate::integrations::zoho::{Called, PROVIDER};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::{Claimed, Job, Lane, Outcome, Repeatable, Report};

/// Adds the enquiry to the record. The note's title carries our line id, by which a repeated run finds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddEnquiryNote {
    pub lead: LeadId,
    pub zoho_lead_id: String,
}

impl Job for AddEnquiryNote {
    const KIND: &'static str = "leads.add_note";
    const LANE: Lane = Lane::Lead;
    // The record's notes are read first, so a note that is there is not written twice.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const CONNECTION: Option<&'static str> = Some(PROVIDER);

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(members.len());
        for member in members {
            reports.push(add_note(app, &member.job).await);
        }
        reports
    }
}

async fn add_note(app: &App, job: &AddEnquiryNote) -> Report {
    let id = job.lead;
    let lead = match app.store.read(move |conn| queries::find(conn, id).map_err(Error::from)).await {
        Ok(Some(lead)) => lead,
        Ok(None) => {
            return Outcome::Failed(Failure::of_call(FailureClass::NotFound, "The lead is no longer in our database")).into();
        }
        Err(cause) => return Outcome::Failed(Failure::of_call(FailureClass::Network, cause.to_string())).into(),
    };
    let mut access = match connections::access_token(app, PROVIDER).await {
        Ok(access) => access,
        Err(failure) => return Outcome::Failed(failure).into(),
    };
    let called = connections::with_renewal(app, PROVIDER, &mut access, |access| write(app, access, &lead, job).boxed()).await;
    let outcome = match called.result {
        Ok(note_id) => Outcome::Done(json!({ "note_id": note_id, "zoho_lead_id": job.zoho_lead_id })),
        Err(failure) => Outcome::Failed(failure),
    };
    Report { outcome, exchange: Some(called.exchange) }
}

/// Reads the notes, then writes ours where it is missing; None: it was there.
async fn write(app: &App, access: Access, lead: &Lead, job: &AddEnquiryNote) -> Called<Option<String>> {
    let crm = Crm::new(&*app.transport, &access.api_url, &access.token);
    let record = ZohoLeadId(job.zoho_lead_id.clone());
    let title = format!("Enquiry {}", lead.line_id);
    let there = crm.lead_notes(&record).await;
    match there.result {
        Ok(notes) if !notes.iter().any(|note| note.title == title) => {}
        read => {
            return Called { result: read.map(|_| None), credentials_refused: there.credentials_refused, exchange: there.exchange };
        }
    }
    let written = crm.add_lead_note(&record, &Note { title, content: crm_record::description(lead) }).await;
    Called { result: written.result.map(Some), credentials_refused: written.credentials_refused, exchange: written.exchange }
}
