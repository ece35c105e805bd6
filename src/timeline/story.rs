//! Everything a line caused, from every ledger, as one list: what happened, what staff did, each job and each call.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::Value;

use crate::audit::ERASED;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::schema::{audit, events, job_attempts, jobs, receipts, users};
use crate::http::CallLine;
use crate::money::{Currency, Money};
use crate::outbox::waiting::provider_name;
use crate::outbox::{JobId, JobRow, JobState};
use crate::web::parts::{Entry, pretty};
use crate::web::{Times, format};

/// Rows read from each ledger; a line has a handful.
const ROWS_MAX: i64 = 200;

/// A row of the timeline, as pages need it.
#[derive(Clone, Debug, Queryable)]
pub struct EventRow {
    pub id: i64,
    pub source: String,
    pub kind: String,
    pub subject: String,
    pub occurred_at: UtcTime,
    pub data: String,
}

/// Something a provider told us, as pages need it.
#[derive(Clone, Debug, Queryable)]
pub struct ReceiptRow {
    pub id: i64,
    pub provider: String,
    pub event_type: String,
    pub received_at: UtcTime,
}

/// An act of a person or of the program.
#[derive(Clone, Debug, Queryable)]
pub struct ActRow {
    pub id: i64,
    pub at: UtcTime,
    pub actor: String,
    pub action: String,
    pub reason: Option<String>,
}

/// One attempt of a job, with its call.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = job_attempts)]
pub struct AttemptRow {
    pub id: i64,
    pub job_id: JobId,
    pub attempt: i64,
    pub finished_at: UtcTime,
    pub outcome: String,
    pub message: Option<String>,
    pub provider_call: Option<String>,
    pub provider_status: Option<i64>,
    pub provider_ms: Option<i64>,
    pub provider_request_id: Option<String>,
    pub request: Option<String>,
    pub response: Option<String>,
    /// Where it made several, each in a line ([`CallLine`]).
    pub calls: Option<String>,
}

/// What the ledgers hold about one line.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub receipts: Vec<ReceiptRow>,
    pub events: Vec<EventRow>,
    pub acts: Vec<ActRow>,
    pub jobs: Vec<JobRow>,
    pub attempts: Vec<AttemptRow>,
    /// `user:3` -> the person's name.
    pub people: BTreeMap<String, String>,
    /// Where events about a subject lead; without one their titles are no links.
    pub pages: BTreeMap<String, String>,
}

/// Reads the ledgers for one line.
pub fn of_line(conn: &mut Conn, line: &str) -> QueryResult<Story> {
    let receipts = receipts::table
        .filter(receipts::line_id.eq(line))
        .order(receipts::id)
        .limit(ROWS_MAX)
        .select((receipts::id, receipts::provider, receipts::event_type, receipts::received_at))
        .load(conn)?;
    let events = events::table
        .filter(events::line_id.eq(line))
        .order(events::id)
        .limit(ROWS_MAX)
        .select((events::id, events::source, events::kind, events::subject, events::occurred_at, events::data))
        .load(conn)?;
    let acts: Vec<ActRow> = audit::table
        .filter(audit::line_id.eq(line))
        .order(audit::id)
        .limit(ROWS_MAX)
        .select((audit::id, audit::at, audit::actor, audit::action, audit::reason))
        .load(conn)?;
    let jobs = jobs::table.filter(jobs::line_id.eq(line)).order(jobs::id).limit(ROWS_MAX).select(JobRow::as_select()).load(conn)?;
    let attempts = job_attempts::table
        .filter(job_attempts::line_id.eq(line))
        .order(job_attempts::id)
        .limit(ROWS_MAX)
        .select(AttemptRow::as_select())
        .load(conn)?;
    let people = people(conn, acts.iter().map(|act| act.actor.as_str()))?;
    Ok(Story { receipts, events, acts, jobs, attempts, people, pages: BTreeMap::new() })
}

/// What befell one job: its attempts, who acted on it, and the names of those people by actor.
pub type JobTale = (Vec<AttemptRow>, Vec<ActRow>, BTreeMap<String, String>);

/// The attempts of one job, newest first, and who acted on it.
pub fn of_job(conn: &mut Conn, job: JobId) -> QueryResult<JobTale> {
    let attempts = job_attempts::table
        .filter(job_attempts::job_id.eq(job))
        .order(job_attempts::id.desc())
        .limit(ROWS_MAX)
        .select(AttemptRow::as_select())
        .load(conn)?;
    let (acts, people) = acts_on(conn, &format!("job:{}", job.0), ROWS_MAX)?;
    Ok((attempts, acts, people))
}

/// The latest acts on a subject, newest first, and the names of those people by actor.
pub fn acts_on(conn: &mut Conn, subject: &str, most: i64) -> QueryResult<(Vec<ActRow>, BTreeMap<String, String>)> {
    let acts: Vec<ActRow> = audit::table
        .filter(audit::subject.eq(subject))
        .order(audit::id.desc())
        .limit(most)
        .select((audit::id, audit::at, audit::actor, audit::action, audit::reason))
        .load(conn)?;
    let people = people(conn, acts.iter().map(|act| act.actor.as_str()))?;
    Ok((acts, people))
}

/// The names of the people among these actors: `user:3` -> the person's name.
pub fn people<'a>(conn: &mut Conn, actors: impl Iterator<Item = &'a str>) -> QueryResult<BTreeMap<String, String>> {
    let mut named = BTreeMap::new();
    for actor in actors {
        let Some(id) = actor.strip_prefix("user:").and_then(|id| id.parse::<i64>().ok()) else { continue };
        if !named.contains_key(actor)
            && let Some(name) = users::table.filter(users::id.eq(id)).select(users::name).first::<String>(conn).optional()?
        {
            named.insert(actor.to_owned(), name);
        }
    }
    Ok(named)
}

impl Story {
    /// Everything, newest first.
    pub fn entries(&self, times: Times) -> Vec<Entry> {
        let mut told: Vec<(UtcTime, Entry)> = Vec::new();
        told.extend(self.receipts.iter().map(|row| (row.received_at, received(row, times))));
        told.extend(self.events.iter().map(|row| (row.occurred_at, event(row, &self.pages, times))));
        told.extend(self.jobs.iter().map(|row| (row.created_at, queued(row, times))));
        told.extend(self.acts.iter().map(|row| (row.at, act(row, &self.people, times))));
        told.extend(self.attempts.iter().map(|row| (row.finished_at, attempt(row, times))));
        // A first attempt that simply succeeds is told by its job row alone.
        let silent = |job: &&JobRow| job.state == JobState::Succeeded && !self.attempts.iter().any(|attempt| attempt.job_id == job.id);
        told.extend(self.jobs.iter().filter(silent).filter_map(|job| Some((job.finished_at?, done(job, times)?))));
        // Stable: what one moment brought stays in the order above, which is the order of cause and effect.
        told.sort_by_key(|(at, _)| *at);
        told.into_iter().rev().map(|(_, entry)| entry).collect()
    }
}

fn blank(id: String, at: UtcTime, times: Times) -> Entry {
    Entry {
        id,
        tone: "",
        icon: "info",
        title: String::new(),
        note: String::new(),
        text: String::new(),
        at: times.stamp_s(at),
        href: None,
        request: String::new(),
        calls: Vec::new(),
        response: String::new(),
    }
}

fn received(row: &ReceiptRow, times: Times) -> Entry {
    let blank = blank(format!("receipt-{}", row.id), row.received_at, times);
    let title = format!("Told by {}", provider_name(&row.provider));
    Entry { tone: "info", icon: "webhook", title, note: row.event_type.clone(), href: Some(format!("/inbox/{}", row.id)), ..blank }
}

/// The look and the words of a kind of event.
pub fn told(kind: &str) -> (&'static str, &'static str, String) {
    match kind {
        "lead.received" => ("info", "user-plus", "Lead received".to_owned()),
        "lead.quarantined" => ("warn", "shield-check", "Received and held in quarantine".to_owned()),
        "lead.imported" => ("info", "history", "Taken over from an older system".to_owned()),
        "lead.sent" => ("ok", "check", "Arrived in Zoho CRM".to_owned()),
        "lead.failed" => ("bad", "x", "Delivery failed".to_owned()),
        "lead.uncertain" => ("warn", "triangle-alert", "Its answer was lost".to_owned()),
        "lead.released" => ("ok", "check", "Released from quarantine".to_owned()),
        "note.added" => ("", "message-square", "Note".to_owned()),
        "address.confirmed" => ("ok", "check", "Address confirmed".to_owned()),
        "lead.looked_up" => ("info", "search", "Looked up in Zoho CRM".to_owned()),
        "mail.sent" => ("ok", "mail", "Mail sent".to_owned()),
        "mail.failed" => ("bad", "mail-x", "Mail not sent".to_owned()),
        "mail.uncertain" => ("warn", "mail-x", "Mail may or may not be sent".to_owned()),
        kind => provider_told(kind).map_or_else(|| ("", "activity", words(kind)), |(tone, icon, title)| (tone, icon, title.to_owned())),
    }
}

fn provider_told(kind: &str) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match kind {
        "order.begun" => ("info", "plus", "Order begun"),
        "checkout.opened" => ("info", "external-link", "Page to pay on opened at Stripe"),
        "checkout.paid" => ("ok", "check", "Checkout paid"),
        "checkout.processing" => ("info", "hourglass", "Checkout gone through, the bank is still at it"),
        "checkout.failed" => ("bad", "x", "The bank refused the payment"),
        "checkout.expired" => ("", "clock", "Checkout ran out"),
        "payment.succeeded" => ("ok", "credit-card", "Payment came in"),
        "payment.declined" => ("warn", "credit-card", "Card declined"),
        "payment.cancelled" => ("", "ban", "Payment cancelled"),
        "payment.processing" => ("info", "hourglass", "Payment under way"),
        "payment.refunded" => ("info", "rotate-ccw", "Charge refunded"),
        "refund.made" => ("info", "rotate-ccw", "Refund made"),
        "refund.failed" => ("warn", "rotate-ccw", "Refund came back"),
        "dispute.opened" => ("bad", "triangle-alert", "Dispute opened"),
        "dispute.lost" => ("bad", "x", "Dispute lost"),
        "dispute.ended" => ("ok", "check", "Dispute ended"),
        "invoice.paid" => ("ok", "file-text", "Invoice paid"),
        "booking.customer" => ("ok", "user-plus", "Customer in Zoho Books"),
        "booking.customer_gone" => ("warn", "unlink", "Customer no longer in Zoho Books: looked for anew"),
        "booking.invoice" => ("ok", "file-text", "Invoice booked in Zoho Books"),
        "booking.payment" => ("ok", "check", "Payment booked in Zoho Books"),
        "booking.credit_note" => ("info", "rotate-ccw", "Credit note booked in Zoho Books"),
        "booking.failed" => ("bad", "x", "Booking in Zoho Books failed"),
        "booking.refund" => ("info", "rotate-ccw", "Refund booked in Zoho Books"),
        "subscription.active" => ("ok", "refresh-cw", "Subscription active"),
        "subscription.cancelled" => ("", "ban", "Subscription cancelled"),
        _ => return None,
    })
}

fn event(row: &EventRow, pages: &BTreeMap<String, String>, times: Times) -> Entry {
    let (tone, icon, title) = told(&row.kind);
    let data: Value = serde_json::from_str(&row.data).unwrap_or_default();
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let from = text("source").map(|source| format!("from {source}"));
    Entry {
        tone,
        icon,
        title,
        note: [amount(&data), from].into_iter().flatten().collect::<Vec<_>>().join(" · "),
        text: text("error").map(format::ended).unwrap_or_default(),
        href: pages.get(&row.subject).cloned(),
        ..blank(format!("event-{}", row.id), row.occurred_at, times)
    }
}

/// The amount that an event tells of, if it is one.
pub fn amount(data: &Value) -> Option<String> {
    let minor = data.get("amount_minor")?.as_i64().filter(|minor| *minor != 0)?;
    Currency::from_code(data.get("currency")?.as_str()?).map(|currency| Money::new(minor, currency).to_string())
}

/// An act, with the name of who did it.
pub fn act(row: &ActRow, people: &BTreeMap<String, String>, times: Times) -> Entry {
    let (icon, title) = match row.action.as_str() {
        "leads.edit" => ("braces", "Lead corrected".to_owned()),
        "leads.release" => ("check", "Released from quarantine".to_owned()),
        "leads.mark_spam" => ("ban", "Marked as spam".to_owned()),
        "jobs.retry" => ("rotate-ccw", "Asked to run again".to_owned()),
        "jobs.cancel" => ("ban", "Cancelled".to_owned()),
        "jobs.mark_done" => ("check", "Marked as done".to_owned()),
        "inbox.replay" => ("rotate-ccw", "Replayed".to_owned()),
        "bulk.start" => ("play", "Bulk operation started".to_owned()),
        "bulk.cancel" => ("ban", "Bulk operation cancelled".to_owned()),
        "outbox.pause" => ("pause", "Put on hold".to_owned()),
        "outbox.resume" => ("play", "Let go again".to_owned()),
        "connections.test_refresh" => ("key-round", "Token refresh tried out".to_owned()),
        "connections.begin" => ("external-link", "Sign-in at Zoho begun".to_owned()),
        "connections.choose_books" => ("check", "Organisation of Zoho Books chosen".to_owned()),
        "connections.connect" => ("plug", "Connected".to_owned()),
        "connections.reconnect" => ("plug", "Connected again".to_owned()),
        "connections.disconnect" => ("unlink", "Disconnected".to_owned()),
        "connections.read_fields" => ("refresh-cw", "Fields of the CRM read".to_owned()),
        "connections.save_mapping" => ("git-compare-arrows", "Field mapping saved".to_owned()),
        "connections.reset_mapping" => ("git-compare-arrows", "Field mapping of the settings restored".to_owned()),
        "schedules.run" => ("play", "Schedule run by hand".to_owned()),
        action => ("scroll-text", words(action)),
    };
    let who = who(&row.actor, people);
    let text = row.reason.clone().unwrap_or_default();
    Entry { icon, title, note: format!("by {who}"), text, ..blank(format!("act-{}", row.id), row.at, times) }
}

/// Who an actor is, as pages name them.
pub fn who(actor: &str, people: &BTreeMap<String, String>) -> String {
    people.get(actor).cloned().unwrap_or_else(|| match actor {
        "cli" => "the command line".into(),
        "cron" => "the scheduler's secret".into(),
        "system" => "the program".into(),
        ERASED => "a person who was erased".into(),
        other => other.to_owned(),
    })
}

/// When a job was put into the outbox.
pub fn queued(row: &JobRow, times: Times) -> Entry {
    let href = Some(format!("/outbox/{}", row.id.0));
    let note = format!("{} #{}", row.kind, row.id.0);
    Entry { tone: "info", icon: "plus", title: "Queued".into(), note, href, ..blank(format!("job-{}", row.id.0), row.created_at, times) }
}

/// The end of a job that needed no attempt row.
pub fn done(row: &JobRow, times: Times) -> Option<Entry> {
    let took = row.finished_at? - row.started_at?;
    let blank = blank(format!("done-{}", row.id.0), row.finished_at?, times);
    Some(Entry {
        tone: "ok",
        icon: "check",
        title: "Done at the first attempt".into(),
        note: format!("after {}", format::duration(took)),
        ..blank
    })
}

/// One attempt with its call.
pub fn attempt(row: &AttemptRow, times: Times) -> Entry {
    let (tone, icon, what) = match row.outcome.as_str() {
        "succeeded" => ("ok", "check", "succeeded"),
        "put_off" => ("warn", "hourglass", "put off"),
        "rescued" => ("warn", "history", "was cut off and taken back"),
        "uncertain" => ("warn", "triangle-alert", "ended without a known result"),
        "found" => ("ok", "search", "was looked up and had arrived"),
        "not_found" => ("info", "search", "was looked up and not found"),
        "look_failed" => ("warn", "search", "could not be looked up just now"),
        "look_ended" => ("warn", "search", "cannot be looked up"),
        _ => ("bad", "x", "failed"),
    };
    let calls: Vec<CallLine> = row.calls.as_deref().and_then(|calls| serde_json::from_str(calls).ok()).unwrap_or_default();
    let last = row.provider_call.as_ref().map(|call| {
        let end = came(call, row.provider_status, row.provider_ms, row.provider_request_id.as_deref());
        format!("{call}, {end}")
    });
    Entry {
        tone,
        icon,
        title: format!("Attempt {} {what}", row.attempt),
        note: last.unwrap_or_default(),
        calls: calls.into_iter().map(call_told).collect(),
        text: row.message.clone().unwrap_or_default(),
        request: row.request.as_deref().map(pretty).unwrap_or_default(),
        response: row.response.as_deref().map(pretty).unwrap_or_default(),
        ..blank(format!("attempt-{}", row.id), row.finished_at, times)
    }
}

fn call_told(line: CallLine) -> (String, String) {
    let end = came(&line.call, line.status.map(i64::from), Some(line.ms), line.request_id.as_deref());
    (line.call, end)
}

/// What came of a call: `HTTP 201 after 45 ms (request 7f3a)`.
fn came(call: &str, status: Option<i64>, ms: Option<i64>, request_id: Option<&str>) -> String {
    let status = match status {
        Some(status) if call == "SMTP" => status.to_string(),
        Some(status) => format!("HTTP {status}"),
        None => "no answer".into(),
    };
    let took = ms.map(|ms| format!(" after {}", format::duration_ms(ms))).unwrap_or_default();
    let reference = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
    format!("{status}{took}{reference}")
}

/// `lead.note_added` as words: `Lead note added`.
fn words(kind: &str) -> String {
    let text = kind.replace(['.', '_'], " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
