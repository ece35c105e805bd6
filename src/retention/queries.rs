//! What is due, and its removal. Rows that somebody just works with are left for the next sweep where the engine can tell
//! (PostgreSQL: skip locked); each condition stands in the change too, since the look was a moment ago.

use diesel::prelude::*;

use super::rules::Place;
use crate::audit::{self, PersonalValue};
use crate::clock::UtcTime;
use crate::db::schema::{
    audit as audit_rows, bulk_operations, events, import_pieces, import_refusals, imports, job_attempts, job_progress, jobs, lead_news,
    leads, mails, product_imports, suspicions,
};
use crate::db::{Conn, Tx};
use crate::leads::LeadStatus;
use crate::outbox::JobState;
use crate::{literal_condition, on_backend};

/// Rows of one chunk.
const ROWS_MAX: i64 = 500;
/// A job takes its attempts with it.
const JOBS_MAX: i64 = 100;
/// A held lead takes its event and its reasons with it.
const HELD_MAX: i64 = 150;

/// Takes rows of a table by their ids for this transaction; on PostgreSQL those that nobody else has.
macro_rules! free_ids {
    ($tx:expr, $table:ident, $condition:expr) => {
        match $tx.conn() {
            Conn::Postgres(c) => $table::table.filter($condition).select($table::id).for_update().skip_locked().load::<i64>(c),
            Conn::Sqlite(c) => $table::table.filter($condition).select($table::id).load::<i64>(c),
        }
    };
}

/// Submissions in a held state that are due, in the order of the index by state.
macro_rules! held_leads {
    ($conn:expr, $status:expr, $due:expr, $after:expr) => {{
        let (since, id) = $after.unwrap_or_default();
        leads::table
            .filter(leads::status.eq($status))
            .filter($due.and(leads::received_at.ge(since)))
            .filter(leads::received_at.gt(since).or(leads::id.gt(id)))
            .order((leads::received_at, leads::id))
            .limit(HELD_MAX)
            .select((leads::received_at, leads::id))
            .load($conn)
    }};
}

literal_condition! {
    /// It is no booking for which its order needs a look. The CASE keeps subjects of other kinds from being read as numbers.
    NotWaitedFor = "NOT (jobs.state = 'dead' AND jobs.kind = 'orders.book' AND EXISTS (SELECT 1 FROM orders WHERE \
        orders.id = CASE WHEN jobs.kind = 'orders.book' THEN CAST(SUBSTR(jobs.subject, 7) AS BIGINT) END \
        AND orders.booking_failed_at IS NOT NULL))"
}

const DONE: [JobState; 2] = [JobState::Succeeded, JobState::Cancelled];
const FINISHED: [JobState; 3] = [JobState::Succeeded, JobState::Cancelled, JobState::Dead];

/// Finished jobs in these states, oldest first, from `after` on. Until a person has decided two stay: a dead one that holds those behind it,
/// which would wait for nobody, for ever; and a booking that failed, for which its order needs a look.
fn finished_jobs(conn: &mut Conn, states: &'static [JobState], before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (since, id) = after.unwrap_or_default();
    on_backend!(conn, |c| jobs::table
        .filter(jobs::finished_at.is_not_null())
        .filter(jobs::finished_at.lt(before).and(jobs::finished_at.ge(since)))
        .filter(jobs::finished_at.gt(since).or(jobs::id.gt(id)))
        .filter(jobs::state.eq_any(states))
        .filter(jobs::order_place.is_null())
        .filter(NotWaitedFor)
        .order((jobs::finished_at, jobs::id))
        .limit(JOBS_MAX)
        .select((jobs::finished_at.assume_not_null(), jobs::id))
        .load(c))
}

fn remove_jobs(tx: &mut Tx<'_>, states: &'static [JobState], before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let due = jobs::id
        .eq_any(ids)
        .and(jobs::finished_at.lt(before))
        .and(jobs::state.eq_any(states))
        .and(jobs::order_place.is_null())
        .and(NotWaitedFor);
    let ids = free_ids!(tx, jobs, due)?;
    on_backend!(tx.conn(), |c| diesel::delete(jobs::table.filter(jobs::id.eq_any(ids))).execute(c))
}

/// Jobs that were done or cancelled.
pub fn done_jobs(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    finished_jobs(conn, &DONE, before, after)
}

/// With their attempts.
pub fn remove_done_jobs(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    remove_jobs(tx, &DONE, before, ids)
}

/// Jobs that failed for good.
pub fn dead_jobs(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    finished_jobs(conn, &[JobState::Dead], before, after)
}

/// With what attempts are left of them.
pub fn remove_dead_jobs(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    remove_jobs(tx, &[JobState::Dead], before, ids)
}

/// Finished jobs that still say what was answered.
pub fn talking_jobs(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (since, id) = after.unwrap_or_default();
    on_backend!(conn, |c| jobs::table
        .filter(jobs::finished_at.is_not_null())
        .filter(jobs::finished_at.lt(before).and(jobs::finished_at.ge(since)))
        .filter(jobs::finished_at.gt(since).or(jobs::id.gt(id)))
        .filter(jobs::last_error.is_not_null().or(jobs::note.is_not_null()))
        .order((jobs::finished_at, jobs::id))
        .limit(ROWS_MAX)
        .select((jobs::finished_at.assume_not_null(), jobs::id))
        .load(c))
}

/// Empties what they say.
pub fn silence_jobs(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let due = jobs::id.eq_any(ids).and(jobs::finished_at.lt(before)).and(jobs::state.eq_any(FINISHED));
    let ids = free_ids!(tx, jobs, due)?;
    on_backend!(tx.conn(), |c| diesel::update(jobs::table.filter(jobs::id.eq_any(ids)))
        .set((jobs::last_error.eq(None::<String>), jobs::note.eq(None::<String>)))
        .execute(c))
}

/// Attempts in the order of their ids, which is about that of their time: a walk that ends at the first chunk without an old
/// one needs no index of its own.
pub fn oldest_attempts(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (_, id) = after.unwrap_or_default();
    let rows: Vec<Place> = job_attempts::table
        .filter(job_attempts::id.gt(id))
        .order(job_attempts::id)
        .limit(ROWS_MAX)
        .select((job_attempts::finished_at, job_attempts::id))
        .load(conn)?;
    Ok(rows.into_iter().filter(|(finished_at, _)| *finished_at < before).collect())
}

/// Whatever became of their jobs.
pub fn remove_attempts(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let ids = free_ids!(tx, job_attempts, job_attempts::id.eq_any(ids).and(job_attempts::finished_at.lt(before)))?;
    on_backend!(tx.conn(), |c| diesel::delete(job_attempts::table.filter(job_attempts::id.eq_any(ids))).execute(c))
}

/// Mails in the order of their ids, as attempts.
pub fn oldest_mails(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (_, id) = after.unwrap_or_default();
    let rows: Vec<Place> =
        mails::table.filter(mails::id.gt(id)).order(mails::id).limit(ROWS_MAX).select((mails::created_at, mails::id)).load(conn)?;
    Ok(rows.into_iter().filter(|(created_at, _)| *created_at < before).collect())
}

/// Sent or not: one that could not be sent for so long never will be.
pub fn remove_mails(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let ids = free_ids!(tx, mails, mails::id.eq_any(ids).and(mails::created_at.lt(before)))?;
    on_backend!(tx.conn(), |c| diesel::delete(mails::table.filter(mails::id.eq_any(ids))).execute(c))
}

/// Whom we answered longer ago than it matters.
pub fn remove_replied(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old = "DELETE FROM replied_addresses WHERE address_hash IN \
        (SELECT address_hash FROM replied_addresses WHERE replied_at < $1 ORDER BY replied_at LIMIT 500)";
    delete_oldest(tx, old, before)
}

/// Leads that are news no longer, in the order of their places.
pub fn oldest_news(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (_, id) = after.unwrap_or_default();
    let news = lead_news::table.filter(lead_news::id.gt(id)).order(lead_news::id).limit(ROWS_MAX);
    let rows: Vec<Place> = news.select((lead_news::noted_at, lead_news::id)).load(conn)?;
    Ok(rows.into_iter().filter(|(noted_at, _)| *noted_at < before).collect())
}

/// The leads themselves stay.
pub fn remove_news(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let old = lead_news::table.filter(lead_news::id.eq_any(ids.to_vec())).filter(lead_news::noted_at.lt(before));
    on_backend!(tx.conn(), |c| diesel::delete(old).execute(c))
}

/// Bulk operations in the order of their ids, which is about that of their ends: a walk that ends at the first chunk without an
/// old one.
pub fn oldest_operations(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (_, id) = after.unwrap_or_default();
    let operations = bulk_operations::table.filter(bulk_operations::id.gt(id)).order(bulk_operations::id).limit(ROWS_MAX);
    let rows: Vec<(Option<UtcTime>, i64)> = operations.select((bulk_operations::finished_at, bulk_operations::id)).load(conn)?;
    Ok(rows.into_iter().filter_map(|(finished_at, id)| Some((finished_at.filter(|at| *at < before)?, id))).collect())
}

/// One that is under way, or that somebody lets go on, stays. What was done to each job and lead is in the audit.
pub fn remove_operations(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let ids = free_ids!(tx, bulk_operations, bulk_operations::id.eq_any(ids).and(bulk_operations::finished_at.lt(before)))?;
    on_backend!(tx.conn(), |c| diesel::delete(bulk_operations::table.filter(bulk_operations::id.eq_any(ids))).execute(c))
}

/// What jobs said of how far they had come.
pub fn remove_progress(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old: Vec<i64> =
        job_progress::table.filter(job_progress::updated_at.lt(before)).limit(ROWS_MAX).select(job_progress::job_id).load(tx.conn())?;
    on_backend!(tx.conn(), |c| diesel::delete(job_progress::table.filter(job_progress::job_id.eq_any(old))).execute(c))
}

/// Files that were uploaded and not imported: their import is over. Pieces are 64 KiB each.
pub fn remove_staged_files(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old = import_pieces::staged_at.lt(before);
    let of: Option<i64> = import_pieces::table.filter(old).select(import_pieces::import_id).first(tx.conn()).optional()?;
    let Some(import) = of else { return Ok(0) };
    let is_open = imports::id.eq(import).and(imports::state.eq_any(["staged", "running"]));
    on_backend!(tx.conn(), |c| diesel::update(imports::table.filter(is_open))
        .set((imports::state.eq("cancelled"), imports::finished_at.eq(before)))
        .execute(c))?;
    let pieces: Vec<i64> = import_pieces::table
        .filter(import_pieces::import_id.eq(import))
        .order(import_pieces::seq)
        .limit(JOBS_MAX)
        .select(import_pieces::seq)
        .load(tx.conn())?;
    let these = import_pieces::import_id.eq(import).and(import_pieces::seq.eq_any(pieces));
    on_backend!(tx.conn(), |c| diesel::delete(import_pieces::table.filter(these)).execute(c))
}

/// Rows of imports that were refused.
pub fn remove_refusals(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old: Vec<i64> = import_refusals::table
        .filter(import_refusals::refused_at.lt(before))
        .order(import_refusals::refused_at)
        .limit(ROWS_MAX)
        .select(import_refusals::id)
        .load(tx.conn())?;
    on_backend!(tx.conn(), |c| diesel::delete(import_refusals::table.filter(import_refusals::id.eq_any(old))).execute(c))
}

/// Imports of products, ended or never started, with the file of those that were not.
pub fn remove_product_imports(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    // A few at a time: each may hold a file of two MiB.
    let old: Vec<i64> = product_imports::table
        .filter(product_imports::created_at.lt(before))
        .order((product_imports::created_at, product_imports::id))
        .limit(8)
        .select(product_imports::id)
        .load(tx.conn())?;
    on_backend!(tx.conn(), |c| diesel::delete(product_imports::table.filter(product_imports::id.eq_any(old))).execute(c))
}

/// Audit rows that still name the address somebody came from.
pub fn audited_addresses(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (since, id) = after.unwrap_or_default();
    audit_rows::table
        .filter(audit_rows::address.is_not_null())
        .filter(audit_rows::at.lt(before).and(audit_rows::at.ge(since)))
        .filter(audit_rows::at.gt(since).or(audit_rows::id.gt(id)))
        .order((audit_rows::at, audit_rows::id))
        .limit(JOBS_MAX)
        .select((audit_rows::at, audit_rows::id))
        .load(conn)
}

/// The chain of seals goes on to verify.
pub fn erase_addresses(tx: &mut Tx<'_>, _before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let mut erased = 0;
    for id in ids {
        erased += usize::from(audit::erase(tx, *id, &[PersonalValue::Address])?);
    }
    Ok(erased)
}

/// Leads with what the provider answered about them.
pub fn answered_leads(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    let (since, id) = after.unwrap_or_default();
    leads::table
        .filter(leads::provider_response.is_not_null())
        .filter(leads::updated_at.lt(before).and(leads::updated_at.ge(since)))
        .filter(leads::updated_at.gt(since).or(leads::id.gt(id)))
        .order((leads::updated_at, leads::id))
        .limit(ROWS_MAX)
        .select((leads::updated_at, leads::id))
        .load(conn)
}

/// The lead itself stays, and does not count as changed.
pub fn empty_answers(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let ids = free_ids!(tx, leads, leads::id.eq_any(ids).and(leads::updated_at.lt(before)))?;
    on_backend!(tx.conn(), |c| diesel::update(leads::table.filter(leads::id.eq_any(ids)))
        .set(leads::provider_response.eq(None::<String>))
        .execute(c))
}

/// Submissions nobody has decided about, by when they came in.
pub fn quarantined_leads(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    held_leads!(conn, LeadStatus::Quarantined, leads::received_at.lt(before), after)
}

/// With what was told of them.
pub fn purge_quarantined(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let due = leads::id.eq_any(ids).and(leads::status.eq(LeadStatus::Quarantined)).and(leads::received_at.lt(before));
    let ids = free_ids!(tx, leads, due)?;
    purge(tx, &ids)
}

/// Submissions that were marked as spam, by when they were marked.
pub fn spam_leads(conn: &mut Conn, before: UtcTime, after: Option<Place>) -> QueryResult<Vec<Place>> {
    held_leads!(conn, LeadStatus::Spam, leads::updated_at.lt(before), after)
}

/// With what was told of them.
pub fn purge_spam(tx: &mut Tx<'_>, before: UtcTime, ids: &[i64]) -> QueryResult<usize> {
    let due = leads::id.eq_any(ids).and(leads::status.eq(LeadStatus::Spam)).and(leads::updated_at.lt(before));
    let ids = free_ids!(tx, leads, due)?;
    purge(tx, &ids)
}

/// A held submission had no effect: nothing but these rows speaks of it. What staff did about it stays in the audit.
fn purge(tx: &mut Tx<'_>, ids: &[i64]) -> QueryResult<usize> {
    let lines: Vec<String> = on_backend!(tx.conn(), |c| leads::table.filter(leads::id.eq_any(ids)).select(leads::line_id).load(c))?;
    on_backend!(tx.conn(), |c| diesel::delete(events::table.filter(events::line_id.eq_any(&lines))).execute(c))?;
    on_backend!(tx.conn(), |c| diesel::delete(suspicions::table.filter(suspicions::lead_id.eq_any(ids))).execute(c))?;
    on_backend!(tx.conn(), |c| diesel::delete(leads::table.filter(leads::id.eq_any(ids))).execute(c))
}

/// What idempotency keys were answered with.
pub fn remove_idempotency_keys(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old = "DELETE FROM idempotency_answers WHERE (route, key_hash) IN \
        (SELECT route, key_hash FROM idempotency_answers WHERE created_at < $1 ORDER BY created_at LIMIT 500)";
    delete_oldest(tx, old, before)
}

/// Buckets of calls that no window reaches back to.
pub fn remove_call_usage(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old = "DELETE FROM call_usage WHERE (connection, window_s, bucket_at) IN \
        (SELECT connection, window_s, bucket_at FROM call_usage WHERE bucket_at < $1 LIMIT 500)";
    delete_oldest(tx, old, before)
}

/// When tokens were renewed.
pub fn remove_refreshes(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    delete_oldest(
        tx,
        "DELETE FROM token_refreshes WHERE id IN (SELECT id FROM token_refreshes WHERE at < $1 ORDER BY id LIMIT 500)",
        before,
    )
}

/// Sign-ins at a provider that were begun; each is good for ten minutes.
pub fn remove_oauth_states(tx: &mut Tx<'_>, before: UtcTime) -> QueryResult<usize> {
    let old = "DELETE FROM oauth_states WHERE id IN (SELECT id FROM oauth_states WHERE created_at < $1 ORDER BY created_at LIMIT 500)";
    delete_oldest(tx, old, before)
}

fn delete_oldest(tx: &mut Tx<'_>, statement: &str, before: UtcTime) -> QueryResult<usize> {
    diesel::sql_query(statement).bind::<diesel::sql_types::Timestamp, _>(before).execute(tx.conn())
}
