//! Writes a second enquiry of a person the CRM already knows onto their record, as a note: it never vanishes.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::crm_record;
use super::model::{Lead, LeadId};
use super::queries;
use crate::app::App;
use crate::connections::{self, Access};
use crate::error::Error;
use crate::http::Exchange;
use crate::integrations::zoho::PROVIDER;
use crate::integrations::zoho::crm::{Crm, Note, ZohoLeadId};
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
        Ok(None) => return Outcome::Failed(gone()).into(),
        Err(cause) => return Outcome::Failed(Failure { class: FailureClass::Network, message: cause.to_string(), ..gone() }).into(),
    };
    let mut access = match connections::access_token(app, PROVIDER).await {
        Ok(access) => access,
        Err(failure) => return Outcome::Failed(failure).into(),
    };
    let (mut result, mut exchange, refused) = write(app, &access, &lead, job).await;
    if refused {
        match connections::refresh_after_rejection(app, PROVIDER, &access.token).await {
            Ok(fresh) => {
                access = fresh;
                let refused_again;
                (result, exchange, refused_again) = write(app, &access, &lead, job).await;
                if let (true, Err(failure)) = (refused_again, &result) {
                    connections::require_reconnect(app, PROVIDER, &access.token, &failure.message).await;
                }
            }
            Err(failure) => result = Err(failure),
        }
    }
    let outcome = match result {
        Ok(note_id) => Outcome::Done(json!({ "note_id": note_id, "zoho_lead_id": job.zoho_lead_id })),
        Err(failure) => Outcome::Failed(failure),
    };
    Report { outcome, exchange: Some(exchange) }
}

/// Reads the notes, then writes ours where it is missing; None: it was there.
async fn write(app: &App, access: &Access, lead: &Lead, job: &AddEnquiryNote) -> (Result<Option<String>, Failure>, Exchange, bool) {
    let crm = Crm::new(&*app.transport, &access.api_url, &access.token);
    let record = ZohoLeadId(job.zoho_lead_id.clone());
    let title = format!("Enquiry {}", lead.line_id);
    let there = crm.lead_notes(&record).await;
    match there.result {
        Err(failure) => return (Err(failure), there.exchange, there.credentials_refused),
        Ok(notes) if notes.iter().any(|note| note.title == title) => return (Ok(None), there.exchange, false),
        Ok(_) => {}
    }
    let written = crm.add_lead_note(&record, &Note { title, content: crm_record::description(lead) }).await;
    (written.result.map(Some), written.exchange, written.credentials_refused)
}

fn gone() -> Failure {
    Failure {
        class: FailureClass::NotFound,
        message: "The lead is no longer in our database".into(),
        retry_after_s: None,
        effect_unknown: false,
        of_record: false,
    }
}
