//! The rows of saved filters.

use diesel::prelude::*;

use super::model::{FilterId, List, SavedFilter};
use crate::accounts::UserId;
use crate::clock::UtcTime;
use crate::db::schema::{saved_filters, users};
use crate::db::{Conn, Tx};
use crate::on_backend;

/// Filters shown of one list.
const SHOWN_MAX: i64 = 100;

/// One's own and the shared ones, of one list or of all, by name, with the names of those they belong to.
pub fn shown(conn: &mut Conn, list: Option<List>, user: UserId) -> QueryResult<Vec<(SavedFilter, String)>> {
    let mut all = saved_filters::table
        .inner_join(users::table.on(users::id.eq(saved_filters::user_id)))
        .filter(saved_filters::user_id.eq(user).or(saved_filters::is_shared.eq(true)))
        .select((SavedFilter::as_select(), users::name))
        .into_boxed();
    if let Some(list) = list {
        all = all.filter(saved_filters::list.eq(list));
    }
    all.order((saved_filters::list, saved_filters::name, saved_filters::id)).limit(SHOWN_MAX).load(conn)
}

/// The filter with this id.
pub fn find(conn: &mut Conn, id: FilterId) -> QueryResult<Option<SavedFilter>> {
    saved_filters::table.filter(saved_filters::id.eq(id)).select(SavedFilter::as_select()).first(conn).optional()
}

/// How many somebody keeps.
pub fn count(conn: &mut Conn, user: UserId) -> QueryResult<i64> {
    saved_filters::table.filter(saved_filters::user_id.eq(user)).count().get_result(conn)
}

/// What is to be kept.
#[derive(Clone, Debug)]
pub struct NewFilter {
    pub list: List,
    pub name: String,
    pub query: String,
    pub is_shared: bool,
}

/// Keeps a filter; one of the same name of the same person is replaced.
pub fn upsert(tx: &mut Tx<'_>, now: UtcTime, user: UserId, new: &NewFilter) -> QueryResult<FilterId> {
    let what = (saved_filters::query.eq(&new.query), saved_filters::is_shared.eq(new.is_shared));
    let row = (
        saved_filters::user_id.eq(user),
        saved_filters::list.eq(new.list),
        saved_filters::name.eq(&new.name),
        saved_filters::query.eq(&new.query),
        saved_filters::is_shared.eq(new.is_shared),
        saved_filters::created_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(saved_filters::table)
        .values(row)
        .on_conflict((saved_filters::user_id, saved_filters::list, saved_filters::name))
        .do_update()
        .set(what)
        .returning(saved_filters::id)
        .get_result(c))
}

/// Whether somebody has another filter of that name.
pub fn is_name_taken(conn: &mut Conn, filter: &SavedFilter, name: &str) -> QueryResult<bool> {
    let same = saved_filters::table
        .filter(saved_filters::user_id.eq(filter.user_id))
        .filter(saved_filters::list.eq(filter.list))
        .filter(saved_filters::name.eq(name))
        .filter(saved_filters::id.ne(filter.id));
    Ok(same.select(saved_filters::id).first::<FilterId>(conn).optional()?.is_some())
}

/// Gives it another name.
pub fn rename(tx: &mut Tx<'_>, id: FilterId, name: &str) -> QueryResult<usize> {
    diesel::update(saved_filters::table.filter(saved_filters::id.eq(id))).set(saved_filters::name.eq(name)).execute(tx.conn())
}

/// Shows it to everyone, or no longer.
pub fn set_shared(tx: &mut Tx<'_>, id: FilterId, is_shared: bool) -> QueryResult<usize> {
    diesel::update(saved_filters::table.filter(saved_filters::id.eq(id))).set(saved_filters::is_shared.eq(is_shared)).execute(tx.conn())
}

/// Forgets it.
pub fn remove(tx: &mut Tx<'_>, id: FilterId) -> QueryResult<usize> {
    diesel::delete(saved_filters::table.filter(saved_filters::id.eq(id))).execute(tx.conn())
}
