//! Delivers leads to Zoho CRM, up to 100 in a call, and mirrors what became of the job on the lead.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::crm_record;
use super::look_up::{PAGES_MAX, look_up};
use super::mapping::{self, Mapping};
use super::model::{Lead, LeadId, LeadStatus};
use super::note_job::AddEnquiryNote;
use super::queries::{self, Progress};
use crate::app::App;
use crate::clock::UtcTime;
use crate::connections::{self, Access};
use crate::db::{Conn, Topic, Tx};
use crate::error::Error;
use crate::integrations::zoho::PROVIDER;
use crate::integrations::zoho::crm::{BatchAnswer, Crm, How, MemberAnswer, RECORDS_MAX, Record};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::{Change, Claimed, Job, JobState, Lane, NewJob, Outcome, Probed, Repeatable, Report, enqueue};
use crate::timeline::{self, Event};

/// Calls one run may make when addresses repeat; what is left over goes with the next run.
const ROUNDS_MAX: usize = 5;

/// Puts one lead into the CRM.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeliverLead {
    pub lead: LeadId,
}

impl Job for DeliverLead {
    const KIND: &'static str = "leads.deliver";
    const LANE: Lane = Lane::Lead;
    const ATTEMPTS_MAX: i64 = 3;
    const RETRY_AFTER_S: &'static [u32] = &[60, 300];
    const TIMEOUT_S: u64 = 180;
    // With the unique field an upsert finds what an earlier attempt wrote; without it the record is looked for.
    const REPEATABLE: Repeatable = Repeatable::WithExternalField;
    const CONNECTION: Option<&'static str> = Some(PROVIDER);
    const BATCH_MAX: usize = RECORDS_MAX;
    const CALLS: u32 = ROUNDS_MAX as u32;
    // Search lags behind writes: only after the last of these does "not there" mean that it never arrived.
    const PROBE_AFTER_S: &'static [u32] = &[120, 300, 900];
    const PROBE_CALLS: u32 = PAGES_MAX as u32;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        match prepare(app, members).await {
            Ok(ready) => deliver(app, &ready, members).await,
            Err(failure) => members.iter().map(|_| Outcome::Failed(failure.clone()).into()).collect(),
        }
    }

    async fn probe(app: &App, member: &Claimed<Self>) -> Probed {
        look_up(app, member.job.lead).await
    }

    fn reflect(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> diesel::QueryResult<()> {
        tx.touch(Topic::Leads);
        let started: Vec<LeadId> =
            changes.iter().filter(|change| change.state == JobState::Running).map(|change| change.job.lead).collect();
        if let Some(now) = changes.first().map(|change| change.at) {
            queries::mark_processing(tx, now, &started)?;
        }
        changes.iter().filter(|change| change.state != JobState::Running).try_for_each(|change| reflect_one(tx, change))
    }
}

/// What a call needs besides the jobs.
struct Ready {
    access: Access,
    leads: BTreeMap<LeadId, Lead>,
    mapping: Mapping,
}

async fn prepare(app: &App, members: &[Claimed<DeliverLead>]) -> Result<Ready, Failure> {
    let access = connections::access_token(app, PROVIDER).await?;
    let ids: Vec<LeadId> = members.iter().map(|member| member.job.lead).collect();
    let zoho = app.config.zoho.clone();
    let read = move |conn: &mut Conn| -> Result<_, Error> { Ok((queries::by_ids(conn, &ids)?, mapping::current(conn, &zoho)?)) };
    let (leads, mapping) = app
        .store
        .read(read)
        .await
        .map_err(|cause| Failure::of_call(FailureClass::Network, format!("Our own database could not be read: {cause}")))?;
    Ok(Ready { access, leads: leads.into_iter().map(|lead| (lead.id, lead)).collect(), mapping })
}

/// Sends the members in rounds, so that one address is never twice in one call.
async fn deliver(app: &App, ready: &Ready, members: &[Claimed<DeliverLead>]) -> Vec<Report> {
    let leads = &ready.leads;
    let mut reports: Vec<Option<Report>> = members.iter().map(|_| None).collect();
    let mut access = ready.access.clone();
    for _ in 0..ROUNDS_MAX {
        let round = next_round(leads, members, &reports);
        if round.is_empty() {
            break;
        }
        let records: Vec<Record> = round.iter().map(|(_, lead)| to_record(&ready.mapping, lead, &access)).collect();
        let answer = connections::with_renewal(app, PROVIDER, &mut access, |access| call(app, access, &records).boxed()).await;
        for ((place, _), member) in round.iter().zip(answer.members) {
            reports[*place] = Some(report(member));
        }
    }
    let now = app.clock.now();
    reports
        .into_iter()
        .zip(members)
        .map(|(report, member)| report.unwrap_or_else(|| left_over(leads.contains_key(&member.job.lead), now)))
        .collect()
}

fn next_round<'a>(
    leads: &'a BTreeMap<LeadId, Lead>,
    members: &[Claimed<DeliverLead>],
    reports: &[Option<Report>],
) -> Vec<(usize, &'a Lead)> {
    let mut addresses = BTreeSet::new();
    let mut round = Vec::new();
    for (place, member) in members.iter().enumerate().filter(|(place, _)| reports[*place].is_none()) {
        let Some(lead) = leads.get(&member.job.lead) else { continue };
        if lead.email_key.as_ref().is_none_or(|key| addresses.insert(key.clone())) {
            round.push((place, lead));
        }
    }
    round
}

fn to_record(mapping: &Mapping, lead: &Lead, access: &Access) -> Record {
    crm_record::record(lead, mapping, access.external_field.as_deref())
}

async fn call(app: &App, access: Access, records: &[Record]) -> BatchAnswer {
    let crm = Crm::new(&*app.transport, &access.api_url, &access.token);
    match &access.external_field {
        Some(field) => crm.upsert_leads(records, field).await,
        None => crm.insert_leads(records).await,
    }
}

fn report(member: MemberAnswer) -> Report {
    let outcome = match member.result {
        Ok(written) => {
            let (how, matched_on) = match written.how {
                How::Inserted => ("inserted", None),
                How::Updated => ("updated", None),
                How::Adopted { field } => ("adopted", Some(field)),
            };
            Outcome::Done(json!({ "zoho_lead_id": written.id.0, "how": how, "matched_on": matched_on }))
        }
        Err(failure) => Outcome::Failed(failure),
    };
    Report { outcome, exchange: Some(member.exchange) }
}

fn left_over(exists: bool, now: UtcTime) -> Report {
    if exists {
        return Outcome::Snooze { until: now, why: "Earlier enquiries from the same address go first.".into() }.into();
    }
    Outcome::Failed(Failure::of_record(FailureClass::NotFound, "The lead is no longer in our database")).into()
}

fn reflect_one(tx: &mut Tx<'_>, change: &Change<'_, DeliverLead>) -> diesel::QueryResult<()> {
    if change.by_look && change.state == JobState::Uncertain {
        return record_event(tx, change, "lead.looked_up");
    }
    let sent_as = change.note.and_then(|note| note["zoho_lead_id"].as_str()).map(str::to_owned);
    let progress = Progress {
        status: status(change),
        retry_count: change.attempts,
        last_error: Some(change.error.filter(|_| change.state != JobState::Succeeded).map(str::to_owned)),
        processed_at: (change.state == JobState::Succeeded).then_some(change.at),
        zoho_lead_id: sent_as,
        provider_response: change.response.map(str::to_owned),
        updated_at: change.at,
    };
    queries::update_progress(tx, change.job.lead, &progress)?;
    match change.state {
        JobState::Succeeded => {
            record_event(tx, change, "lead.sent")?;
            add_note_where_adopted(tx, change)
        }
        JobState::Dead => record_event(tx, change, "lead.failed"),
        JobState::Uncertain => record_event(tx, change, "lead.uncertain"),
        _ => Ok(()),
    }
}

fn status(change: &Change<'_, DeliverLead>) -> LeadStatus {
    match change.state {
        JobState::Pending if change.attempts > 0 || change.error.is_some() => LeadStatus::Retry,
        JobState::Pending => LeadStatus::Pending,
        JobState::Running => LeadStatus::Processing,
        JobState::Succeeded => LeadStatus::Sent,
        JobState::Dead => LeadStatus::Failed,
        JobState::Cancelled => LeadStatus::Cancelled,
        JobState::Uncertain => LeadStatus::Uncertain,
    }
}

fn record_event(tx: &mut Tx<'_>, change: &Change<'_, DeliverLead>, kind: &'static str) -> diesel::QueryResult<()> {
    let data = json!({ "error": change.error, "result": change.note });
    let event = Event {
        line: change.line,
        source: "outbox",
        source_event_id: &format!("job:{}:{}", change.id, change.at.and_utc().timestamp_micros()),
        kind,
        subject: &change.job.lead.subject(),
        occurred_at: change.at,
        data,
    };
    timeline::record(tx, change.at, &event)
}

/// The CRM knew the person already and wrote nothing: what was asked this time goes onto the record as a note.
fn add_note_where_adopted(tx: &mut Tx<'_>, change: &Change<'_, DeliverLead>) -> diesel::QueryResult<()> {
    let note = change.note.filter(|note| note["how"] == "adopted");
    let Some(zoho_lead_id) = note.and_then(|note| note["zoho_lead_id"].as_str()) else { return Ok(()) };
    let job = AddEnquiryNote { lead: change.job.lead, zoho_lead_id: zoho_lead_id.to_owned() };
    let subject = change.job.lead.subject();
    let unique_key = format!("{subject}:note");
    enqueue(
        tx,
        change.at,
        &NewJob { job: &job, line: change.line, subject: &subject, unique_key: Some(&unique_key), order_key: None, run_at: change.at },
    )
    .map(drop)
}
