//! All SQL about who was told of which leads.

use diesel::prelude::*;

use super::model::{COUNTED_MAX, LISTED_MAX, News};
use crate::clock::UtcTime;
use crate::db::schema::{lead_news, leads, news_readers};
use crate::db::{Conn, Engine, Tx};
use crate::leads::model::{Lead, LeadId};
use crate::leads::queries::IsTaken;
use crate::on_backend;

/// How far a reader was told.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = news_readers)]
pub struct Told {
    /// The last of the news that they know of.
    pub told_up_to: i64,
    /// Until then leads are gathered, to be told together.
    pub held_until: Option<UtcTime>,
    /// The last moment at which a daily mail was due and seen to.
    pub daily_until: UtcTime,
}

/// Keeps others from telling anybody until this transaction ends: ids of news are given in order, and nobody is told twice.
/// SQLite has one writer at a time by itself.
pub fn lock(conn: &mut Conn) -> QueryResult<()> {
    match conn.engine() {
        Engine::Postgres => diesel::sql_query("LOCK TABLE news_readers IN SHARE ROW EXCLUSIVE MODE").execute(conn).map(drop),
        Engine::Sqlite => Ok(()),
    }
}

/// Makes leads news; those that were already stay where they are. Answers the place before them.
pub fn note(tx: &mut Tx<'_>, now: UtcTime, leads: &[LeadId]) -> QueryResult<i64> {
    let before = last(tx.conn())?;
    for lead in leads {
        let row = (lead_news::lead_id.eq(lead.0), lead_news::noted_at.eq(now));
        on_backend!(tx.conn(), |c| diesel::insert_into(lead_news::table).values(row).on_conflict_do_nothing().execute(c))?;
    }
    Ok(before)
}

/// The place of the newest of the news.
pub fn last(conn: &mut Conn) -> QueryResult<i64> {
    Ok(lead_news::table.order(lead_news::id.desc()).select(lead_news::id).first(conn).optional()?.unwrap_or_default())
}

/// How far a reader was told; one who is new knows of nothing after `place`, and gets no daily mail for the past.
pub fn told(tx: &mut Tx<'_>, reader: &str, place: i64, now: UtcTime) -> QueryResult<Told> {
    let row = (
        news_readers::reader.eq(reader),
        news_readers::told_up_to.eq(place),
        news_readers::daily_until.eq(now),
        news_readers::updated_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(news_readers::table).values(row).on_conflict_do_nothing().execute(c))?;
    news_readers::table.filter(news_readers::reader.eq(reader)).select(Told::as_select()).first(tx.conn())
}

/// Writes down how far a reader was told.
pub fn keep(tx: &mut Tx<'_>, reader: &str, told: &Told, now: UtcTime) -> QueryResult<()> {
    diesel::update(news_readers::table.filter(news_readers::reader.eq(reader)))
        .set((
            news_readers::told_up_to.eq(told.told_up_to),
            news_readers::held_until.eq(told.held_until),
            news_readers::daily_until.eq(told.daily_until),
            news_readers::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .map(drop)
}

/// The leads a reader has not been told of, oldest first, at most so many. Leads that are gone are no news.
pub fn untold(conn: &mut Conn, told: &Told, since: Option<UtcTime>, most: i64) -> QueryResult<Vec<News>> {
    let found: Vec<(i64, i64)> = lead_news::table
        .filter(lead_news::id.gt(told.told_up_to))
        .filter(lead_news::noted_at.ge(since.unwrap_or_default()))
        .order(lead_news::id)
        .limit(most)
        .select((lead_news::id, lead_news::lead_id))
        .load(conn)?;
    Ok(found.into_iter().map(|(id, lead)| News { id, lead: LeadId(lead) }).collect())
}

/// All that a reader has not been told of: the newest of them to be listed, how many they are (up to 10,000), and the place
/// after them.
pub struct Untold {
    pub leads: Vec<Lead>,
    pub total: i64,
    pub up_to: i64,
}

/// See [`Untold`]; None where there is no news.
pub fn all_untold(conn: &mut Conn, told: &Told, since: Option<UtcTime>) -> QueryResult<Option<Untold>> {
    let news = untold(conn, told, since, COUNTED_MAX)?;
    if news.is_empty() {
        return Ok(None);
    }
    let up_to = last(conn)?;
    let total = i64::try_from(news.len()).unwrap_or(COUNTED_MAX);
    let listed: Vec<LeadId> = news.iter().rev().take(usize::try_from(LISTED_MAX).unwrap_or(50)).map(|news| news.lead).collect();
    let leads = by_ids(conn, &listed)?;
    Ok(Some(Untold { leads, total, up_to }))
}

/// These leads, newest first; those that are held as suspicious are nobody's news.
pub fn by_ids(conn: &mut Conn, ids: &[LeadId]) -> QueryResult<Vec<Lead>> {
    let ids = ids.to_vec();
    on_backend!(conn, |c| leads::table
        .filter(leads::id.eq_any(ids))
        .filter(IsTaken)
        .order((leads::received_at.desc(), leads::id.desc()))
        .select(Lead::as_select())
        .load(c))
}
