//! What intake and delivery ask of the leads' tables. (The pages' questions are in `list_queries.rs`.)

use chrono::TimeDelta;
use diesel::prelude::*;
use serde_json::{Value, json};

use super::deliver_job::DeliverLead;
use super::model::{Arrived, Contact, Lead, LeadId, LeadStatus};
use crate::clock::UtcTime;
use crate::db::schema::{idempotency_answers, jobs, leads};
use crate::db::{Conn, Tx};
use crate::on_backend;
use crate::outbox::{Job, JobRow, JobState};

/// How long an `Idempotency-Key` is honoured.
pub const KEY_LIFE: TimeDelta = TimeDelta::hours(24);

crate::literal_condition! {
    /// Not held back: what lists, searches and counts of leads are about, and what their indexes hold.
    pub IsTaken = "leads.status <> 'quarantined' AND leads.status <> 'spam'"
}

/// Stores a checked submission.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, arrived: &Arrived<'_>, status: LeadStatus) -> QueryResult<LeadId> {
    let new = arrived.new;
    let transcript = (!new.transcript.is_empty()).then(|| json!(new.transcript).to_string());
    let who = (
        leads::name.eq(&new.contact.name),
        leads::email.eq(&new.contact.email),
        leads::email_key.eq(new.contact.email_key()),
        leads::phone.eq(&new.contact.phone),
        leads::phone_e164.eq(&new.contact.phone_e164),
        leads::company.eq(&new.contact.company),
    );
    let what = (
        leads::message.eq(&new.message),
        leads::items.eq(json!(new.items).to_string()),
        leads::utm.eq(Value::Object(new.utm.clone()).to_string()),
        leads::page_url.eq(&new.page_url),
        leads::consent_given.eq(new.consent.as_ref().map(|consent| consent.given)),
        leads::consent_wording.eq(new.consent.as_ref().and_then(|consent| consent.wording.clone())),
        leads::consent_version.eq(new.consent.as_ref().and_then(|consent| consent.version.clone())),
        leads::language.eq(&new.language),
        leads::conversation_id.eq(&new.conversation_id),
        leads::transcript.eq(transcript),
        leads::extra.eq(Value::Object(new.extra.clone()).to_string()),
    );
    diesel::insert_into(leads::table)
        .values((
            leads::line_id.eq(arrived.line.as_str()),
            leads::status_token_hash.eq(arrived.status_token_hash),
            leads::kind.eq(new.kind),
            leads::source.eq(&new.source),
            who,
            what,
            leads::status.eq(status),
            leads::retry_count.eq(0),
            leads::received_at.eq(now),
            leads::updated_at.eq(now),
        ))
        .returning(leads::id)
        .get_result(tx.conn())
}

/// The lead with this id.
pub fn find(conn: &mut Conn, id: LeadId) -> QueryResult<Option<Lead>> {
    leads::table.filter(leads::id.eq(id)).select(Lead::as_select()).first(conn).optional()
}

/// The leads with these ids, in no order; a batch at most.
pub fn by_ids(conn: &mut Conn, ids: &[LeadId]) -> QueryResult<Vec<Lead>> {
    on_backend!(conn, |c| leads::table.filter(leads::id.eq_any(ids)).select(Lead::as_select()).load(c))
}

/// The state of the lead with this status token.
pub fn status_by_token_hash(conn: &mut Conn, token_hash: &str) -> QueryResult<Option<LeadStatus>> {
    leads::table.filter(leads::status_token_hash.eq(token_hash)).select(leads::status).first(conn).optional()
}

/// Staff's corrections of who the lead is.
pub fn update_contact(tx: &mut Tx<'_>, now: UtcTime, id: LeadId, contact: &Contact, message: Option<&str>) -> QueryResult<usize> {
    diesel::update(leads::table.filter(leads::id.eq(id)))
        .set((
            leads::name.eq(&contact.name),
            leads::email.eq(&contact.email),
            leads::email_key.eq(contact.email_key()),
            leads::phone.eq(&contact.phone),
            leads::phone_e164.eq(&contact.phone_e164),
            leads::company.eq(&contact.company),
            leads::message.eq(message),
            leads::updated_at.eq(now),
        ))
        .execute(tx.conn())
}

/// What a job's change means for its lead.
#[derive(Clone, Debug, AsChangeset)]
#[diesel(table_name = leads)]
pub struct Progress {
    pub status: LeadStatus,
    pub retry_count: i64,
    /// The inner None clears it.
    pub last_error: Option<Option<String>>,
    pub processed_at: Option<UtcTime>,
    pub zoho_lead_id: Option<String>,
    pub provider_response: Option<String>,
    pub updated_at: UtcTime,
}

/// Mirrors a job's change on its lead.
pub fn update_progress(tx: &mut Tx<'_>, id: LeadId, progress: &Progress) -> QueryResult<()> {
    diesel::update(leads::table.filter(leads::id.eq(id))).set(progress).execute(tx.conn()).map(drop)
}

/// Marks a whole batch as being sent.
pub fn mark_processing(tx: &mut Tx<'_>, now: UtcTime, ids: &[LeadId]) -> QueryResult<()> {
    on_backend!(tx.conn(), |c| diesel::update(leads::table.filter(leads::id.eq_any(ids)))
        .set((leads::status.eq(LeadStatus::Processing), leads::updated_at.eq(now)))
        .execute(c))
    .map(drop)
}

/// Leads that should be on their way and have no unfinished job: there are none, unless someone tampered with the jobs.
/// With `among` only these are looked at.
pub fn stranded(conn: &mut Conn, among: Option<&[LeadId]>, most: i64) -> QueryResult<Vec<(LeadId, String)>> {
    let on_its_way = [LeadStatus::Pending, LeadStatus::Retry, LeadStatus::Processing];
    let unfinished = [JobState::Pending, JobState::Running, JobState::Uncertain];
    on_backend!(conn, |c| {
        let its_job = jobs::line_id.eq(leads::line_id).and(jobs::kind.eq("leads.deliver")).and(jobs::state.eq_any(unfinished));
        let mut stranded = leads::table
            .left_join(jobs::table.on(its_job))
            .filter(leads::status.eq_any(on_its_way))
            .filter(jobs::id.nullable().is_null())
            .order((leads::received_at, leads::id))
            .limit(most)
            .select((leads::id, leads::line_id))
            .into_boxed();
        if let Some(ids) = among {
            stranded = stranded.filter(leads::id.eq_any(ids));
        }
        stranded.load(c)
    })
}

/// What an idempotency key was answered with before.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = idempotency_answers)]
pub struct EarlierAnswer {
    pub body_hash: String,
    pub answer: String,
}

/// Reserves a key for this request; None means it is ours now. The row decides between two requests at once.
pub fn reserve_key(tx: &mut Tx<'_>, now: UtcTime, route: &str, key_hash: &str, body_hash: &str) -> QueryResult<Option<EarlierAnswer>> {
    let this = idempotency_answers::table.filter(idempotency_answers::route.eq(route)).filter(idempotency_answers::key_hash.eq(key_hash));
    diesel::delete(this.filter(idempotency_answers::created_at.le(now - KEY_LIFE))).execute(tx.conn())?;
    let row = (
        idempotency_answers::route.eq(route),
        idempotency_answers::key_hash.eq(key_hash),
        idempotency_answers::body_hash.eq(body_hash),
        idempotency_answers::status.eq(201_i64),
        idempotency_answers::answer.eq(""),
        idempotency_answers::created_at.eq(now),
    );
    let reserved =
        on_backend!(tx.conn(), |c| diesel::insert_into(idempotency_answers::table).values(row).on_conflict_do_nothing().execute(c))?;
    if reserved == 1 {
        return Ok(None);
    }
    this.select(EarlierAnswer::as_select()).first(tx.conn()).map(Some)
}

/// Keeps the answer for the next request with the same key.
pub fn keep_answer(tx: &mut Tx<'_>, route: &str, key_hash: &str, answer: &str) -> QueryResult<()> {
    let this = idempotency_answers::table.filter(idempotency_answers::route.eq(route)).filter(idempotency_answers::key_hash.eq(key_hash));
    diesel::update(this).set(idempotency_answers::answer.eq(answer)).execute(tx.conn()).map(drop)
}

/// The newest job that delivers this lead.
pub fn last_delivery(conn: &mut Conn, id: LeadId) -> QueryResult<Option<JobRow>> {
    jobs::table
        .filter(jobs::subject.eq(id.subject()))
        .filter(jobs::kind.eq(DeliverLead::KIND))
        .order(jobs::id.desc())
        .select(JobRow::as_select())
        .first(conn)
        .optional()
}
