//! What the pages ask of the leads: one page of the list, the search, the counts of the tabs, the sources there are.

use diesel::prelude::*;

use super::filter::{LeadFilter, Needle};
use super::model::{LeadId, LeadKind, LeadStatus};
use super::queries::IsTaken;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{jobs, leads};
use crate::outbox::JobRow;
use crate::web::format;
use crate::{keyset_page, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;
/// Rows one search looks through; older ones take another click.
pub const SEARCHED_MAX: usize = 20_000;
/// Rows a search reads at a time.
const CHUNK: usize = 2_000;
/// Sources offered in the filter.
const SOURCES_MAX: usize = 50;

/// A lead as lists show it.
#[derive(Clone, Debug, Queryable, Selectable, serde::Serialize)]
#[diesel(table_name = leads)]
pub struct LeadSummary {
    pub id: LeadId,
    pub line_id: String,
    pub kind: LeadKind,
    pub source: String,
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub company: Option<String>,
    pub status: LeadStatus,
    pub retry_count: i64,
    pub last_error: Option<String>,
    pub zoho_lead_id: Option<String>,
    #[serde(serialize_with = "as_utc")]
    pub received_at: UtcTime,
    #[serde(serialize_with = "as_utc_if_any")]
    pub processed_at: Option<UtcTime>,
}

impl LeadSummary {
    /// Its place in the list.
    pub fn key(&self) -> Key {
        Key { at: self.received_at, id: self.id.0 }
    }
}

fn as_utc<S: serde::Serializer>(at: &UtcTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format::rfc3339(*at))
}

fn as_utc_if_any<S: serde::Serializer>(at: &Option<UtcTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => as_utc(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// A page of leads; a search also says how far it has looked.
#[derive(Debug)]
pub struct Found {
    pub page: Page<LeadSummary>,
    pub searched: Option<Searched>,
}

/// How far a search by text has looked.
#[derive(Debug, PartialEq, Eq)]
pub struct Searched {
    /// The oldest lead looked at.
    pub back_to: UtcTime,
    /// Where to go on; None: there is nothing older.
    pub on: Option<Place>,
}

/// One page of the list or of the search, newest first.
pub fn page(conn: &mut Conn, filter: &LeadFilter, place: Place, rows_max: usize) -> QueryResult<Found> {
    match filter.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if text.contains('@') && !text.starts_with('@') => {
            Ok(Found { page: narrowed(conn, filter, Some(&text.to_lowercase()), place, rows_max)?, searched: None })
        }
        Some(text) => search(conn, filter, &Needle::new(text), place, rows_max),
        None => Ok(Found { page: narrowed(conn, filter, None, place, rows_max)?, searched: None }),
    }
}

fn narrowed(conn: &mut Conn, filter: &LeadFilter, address: Option<&str>, place: Place, rows_max: usize) -> QueryResult<Page<LeadSummary>> {
    let mut query = leads::table.select(LeadSummary::as_select()).into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(leads::status.eq(status));
    }
    if !filter.status.is_some_and(LeadStatus::is_held) {
        query = query.filter(IsTaken);
    }
    if let Some(source) = &filter.source {
        query = query.filter(leads::source.eq(source.clone()));
    }
    if let Some(address) = address {
        // A range, not LIKE: both engines use the index, and no character is special.
        query = query.filter(leads::email_key.ge(address.to_owned())).filter(leads::email_key.lt(format!("{address}{}", char::MAX)));
    }
    keyset_page!(conn, query, leads::received_at, leads::id, place, rows_max, |row: &LeadSummary| Key { at: row.received_at, id: row.id.0 })
}

/// Looks through the rows here rather than in SQL: both engines then agree on upper and lower case in every script.
fn search(conn: &mut Conn, filter: &LeadFilter, needle: &Needle, place: Place, rows_max: usize) -> QueryResult<Found> {
    let (mut rows, mut looked_at, mut place) = (Vec::new(), 0, place);
    let mut back_to = None;
    while looked_at < SEARCHED_MAX {
        let chunk = narrowed(conn, filter, None, place, CHUNK)?;
        for row in chunk.rows {
            looked_at += 1;
            back_to = Some(row.received_at);
            if needle.is_in(&row) {
                let key = Key { at: row.received_at, id: row.id.0 };
                rows.push(row);
                if rows.len() == rows_max {
                    return Ok(found(rows, Some(Place::Older(key)), None));
                }
            }
        }
        match chunk.older {
            Some(older) => place = older,
            None => return Ok(found(rows, None, back_to.map(|back_to| Searched { back_to, on: None }))),
        }
    }
    Ok(found(rows, None, back_to.map(|back_to| Searched { back_to, on: Some(place) })))
}

fn found(rows: Vec<LeadSummary>, older: Option<Place>, searched: Option<Searched>) -> Found {
    Found { page: Page { rows, newer: None, older }, searched }
}

/// Leads of one status, oldest first, after a place: at most so many, whatever else the filter says.
pub fn oldest_of(conn: &mut Conn, status: LeadStatus, after: Option<Place>, most: usize) -> QueryResult<Vec<LeadSummary>> {
    let mut query = leads::table.filter(leads::status.eq(status)).select(LeadSummary::as_select()).into_boxed();
    if let Some(Place::Newer(key)) = after {
        query = query.filter(leads::received_at.ge(key.at).and(leads::received_at.gt(key.at).or(leads::id.gt(key.id))));
    }
    query.order((leads::received_at, leads::id)).limit(i64::try_from(most).unwrap_or(i64::MAX)).load(conn)
}

/// The leads with these ids, oldest first.
pub fn summaries(conn: &mut Conn, ids: &[LeadId]) -> QueryResult<Vec<LeadSummary>> {
    on_backend!(conn, |c| leads::table
        .filter(leads::id.eq_any(ids))
        .order((leads::received_at, leads::id))
        .select(LeadSummary::as_select())
        .load(c))
}

/// How many leads have each status that lists show, and how many are in quarantine, counted up to `statistics::COUNT_MAX`.
pub fn counts(conn: &mut Conn) -> QueryResult<Vec<(LeadStatus, i64)>> {
    LeadStatus::ALL
        .iter()
        .filter(|status| **status != LeadStatus::Spam)
        .map(|status| Ok((*status, super::statistics::count(conn, *status, None)?)))
        .collect()
}

/// The sources there are, found by hopping along the index instead of reading it.
pub fn sources(conn: &mut Conn) -> QueryResult<Vec<String>> {
    let mut sources: Vec<String> = Vec::new();
    while sources.len() < SOURCES_MAX {
        let after = sources.last().cloned().unwrap_or_default();
        let next = leads::table
            .filter(leads::source.gt(after))
            .filter(IsTaken)
            .order(leads::source)
            .select(leads::source)
            .first::<String>(conn)
            .optional()?;
        match next {
            Some(source) => sources.push(source),
            None => break,
        }
    }
    Ok(sources)
}

/// The last job about a lead.
pub fn last_job(conn: &mut Conn, lead: LeadId) -> QueryResult<Option<JobRow>> {
    jobs::table.filter(jobs::subject.eq(lead.subject())).order(jobs::id.desc()).select(JobRow::as_select()).first(conn).optional()
}
