//! The SQL about webhooks whose signature is wrong.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::refusals::{KEPT_MAX, Refused};
use crate::clock::UtcTime;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{refused_webhook_counts as counts, refused_webhooks as refused};
use crate::db::{Conn, Tx};
use crate::integrations::stripe::signature::Flaw;
use crate::{keyset_page, on_backend};

/// Rows on a page.
pub const PAGE: usize = 50;

/// One that is kept.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = refused)]
pub struct RefusedRow {
    pub id: i64,
    pub provider: String,
    pub flaw: Flaw,
    pub address: String,
    /// JSON, as those of receipts.
    pub headers: String,
    pub size_bytes: i64,
    pub received_at: UtcTime,
}

/// Keeps one, and lets go of those that are one too many.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, one: &Refused) -> QueryResult<()> {
    let row = (
        refused::provider.eq(one.provider),
        refused::flaw.eq(one.flaw),
        refused::address.eq(&one.address),
        refused::headers.eq(&one.headers),
        refused::body.eq(&one.body),
        refused::size_bytes.eq(one.size_bytes),
        refused::received_at.eq(now),
    );
    let id: i64 = on_backend!(tx.conn(), |c| diesel::insert_into(refused::table).values(row).returning(refused::id).get_result(c))?;
    diesel::delete(refused::table.filter(refused::id.le(id - KEPT_MAX))).execute(tx.conn()).map(drop)
}

/// Adds to the count of an hour.
pub fn count(tx: &mut Tx<'_>, provider: &str, flaw: Flaw, (hour_at, more): (UtcTime, i64)) -> QueryResult<()> {
    let row = (counts::provider.eq(provider), counts::flaw.eq(flaw), counts::hour_at.eq(hour_at), counts::refused.eq(more));
    on_backend!(tx.conn(), |c| diesel::insert_into(counts::table)
        .values(row)
        .on_conflict((counts::provider, counts::flaw, counts::hour_at))
        .do_update()
        .set(counts::refused.eq(counts::refused + more))
        .execute(c))
    .map(drop)
}

/// A page of those that are kept, newest first.
pub fn page(conn: &mut Conn, place: Place) -> QueryResult<Page<RefusedRow>> {
    let query = refused::table.select(RefusedRow::as_select()).into_boxed();
    keyset_page!(conn, query, refused::received_at, refused::id, place, PAGE, |row: &RefusedRow| Key { at: row.received_at, id: row.id })
}

/// What one said, as far as it is kept.
pub fn find(conn: &mut Conn, id: i64) -> QueryResult<Option<(RefusedRow, Vec<u8>)>> {
    refused::table.filter(refused::id.eq(id)).select((RefusedRow::as_select(), refused::body)).first(conn).optional()
}

/// How many were refused since a moment, by flaw, those with the most first.
pub fn counts_since(conn: &mut Conn, since: UtcTime) -> QueryResult<Vec<(Flaw, i64)>> {
    let mut told = Vec::new();
    for flaw in Flaw::ALL {
        let hours = counts::table.filter(counts::hour_at.ge(since)).filter(counts::flaw.eq(*flaw)).select(counts::refused);
        let all: Vec<i64> = hours.load(conn)?;
        told.push((*flaw, all.iter().sum()));
    }
    told.retain(|(_, count)| *count > 0);
    told.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(told)
}

/// How many were refused in each of the last hours in which any was, newest first.
pub fn hours_since(conn: &mut Conn, since: UtcTime) -> QueryResult<Vec<(UtcTime, i64)>> {
    let rows: Vec<(UtcTime, i64)> = counts::table
        .filter(counts::hour_at.ge(since))
        .order(counts::hour_at.desc())
        .select((counts::hour_at, counts::refused))
        .load(conn)?;
    let mut told: Vec<(UtcTime, i64)> = Vec::new();
    for (hour_at, count) in rows {
        match told.last_mut().filter(|(hour, _)| *hour == hour_at) {
            Some((_, total)) => *total += count,
            None => told.push((hour_at, count)),
        }
    }
    Ok(told)
}

/// So far back the page looks.
pub const LOOK_BACK: TimeDelta = TimeDelta::hours(24);
