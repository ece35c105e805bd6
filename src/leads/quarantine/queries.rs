//! What is asked of submissions that are held, and their way out.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{leads, suspicions};
use crate::db::{Conn, Tx};
use crate::leads::defence::{Reason, Verdict};
use crate::leads::model::{LeadId, LeadStatus};
use crate::{keyset_page, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;

/// A held submission as the list shows it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = leads)]
pub struct HeldLead {
    pub id: LeadId,
    pub source: String,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub message: Option<String>,
    pub status: LeadStatus,
    pub received_at: UtcTime,
}

/// Why a submission is held.
#[derive(Clone, Debug)]
pub struct Suspicion {
    pub score: i64,
    /// Heaviest first.
    pub reasons: Vec<Reason>,
}

/// Writes down why a submission is held.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, lead: LeadId, verdict: &Verdict) -> QueryResult<()> {
    let mut reasons = verdict.reasons.clone();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.points));
    diesel::insert_into(suspicions::table)
        .values((
            suspicions::lead_id.eq(lead.0),
            suspicions::score.eq(i64::from(verdict.score())),
            suspicions::reasons.eq(serde_json::json!(reasons).to_string()),
            suspicions::noted_at.eq(now),
        ))
        .execute(tx.conn())
        .map(drop)
}

/// One page of the submissions in this state, newest first.
pub fn page(conn: &mut Conn, status: LeadStatus, place: Place) -> QueryResult<Page<HeldLead>> {
    let query = leads::table.filter(leads::status.eq(status)).select(HeldLead::as_select()).into_boxed();
    keyset_page!(conn, query, leads::received_at, leads::id, place, PAGE, |row: &HeldLead| Key { at: row.received_at, id: row.id.0 })
}

/// Why these are held; a page of them at most.
pub fn suspicions_of(conn: &mut Conn, ids: &[LeadId]) -> QueryResult<Vec<(LeadId, Suspicion)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let rows: Vec<(i64, i64, String)> = on_backend!(conn, |c| suspicions::table
        .filter(suspicions::lead_id.eq_any(&ids))
        .select((suspicions::lead_id, suspicions::score, suspicions::reasons))
        .load(c))?;
    let read = |reasons: &str| serde_json::from_str(reasons).unwrap_or_default();
    Ok(rows.into_iter().map(|(id, score, reasons)| (LeadId(id), Suspicion { score, reasons: read(&reasons) })).collect())
}

/// Moves a lead from one of two states to another, if it still is in one; its line.
pub fn move_on(tx: &mut Tx<'_>, now: UtcTime, id: LeadId, from: [LeadStatus; 2], to: LeadStatus) -> QueryResult<Option<String>> {
    diesel::update(leads::table.filter(leads::id.eq(id)).filter(leads::status.eq(from[0]).or(leads::status.eq(from[1]))))
        .set((leads::status.eq(to), leads::updated_at.eq(now)))
        .returning(leads::line_id)
        .get_result(tx.conn())
        .optional()
}

/// The state of a lead; None where there is none.
pub fn status(tx: &mut Tx<'_>, id: LeadId) -> QueryResult<Option<LeadStatus>> {
    leads::table.filter(leads::id.eq(id)).select(leads::status).first(tx.conn()).optional()
}
