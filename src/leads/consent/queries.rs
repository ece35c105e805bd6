//! All SQL about wordings.

use diesel::prelude::*;

use super::Wording;
use crate::clock::UtcTime;
use crate::db::schema::consent_wordings as wordings;
use crate::db::{Conn, Tx};
use crate::on_backend;
use crate::seller::Language;

/// Versions of a language that its page lists.
const LISTED: i64 = 20;

type Columns = (wordings::language, wordings::version, wordings::wording, wordings::created_at, wordings::created_by);
const COLUMNS: Columns = (wordings::language, wordings::version, wordings::wording, wordings::created_at, wordings::created_by);

type Parts = (Language, i64, String, UtcTime, String);

fn wording((language, version, text, created_at, created_by): Parts) -> Wording {
    Wording { language, version, text, created_at, created_by }
}

/// What is shown now in this language. The migrations give each language its first.
pub fn current(conn: &mut Conn, language: Language) -> QueryResult<Wording> {
    let newest = wordings::table.filter(wordings::language.eq(language)).order(wordings::version.desc()).select(COLUMNS);
    newest.first::<Parts>(conn).map(wording)
}

/// The one of that name: `en-1`.
pub fn find(conn: &mut Conn, name: &str) -> QueryResult<Option<Wording>> {
    let Some((language, version)) = Wording::parse_name(name) else { return Ok(None) };
    let named = wordings::table.filter(wordings::language.eq(language)).filter(wordings::version.eq(version)).select(COLUMNS);
    Ok(named.first::<Parts>(conn).optional()?.map(wording))
}

/// The last versions of a language, the newest first.
pub fn versions(conn: &mut Conn, language: Language) -> QueryResult<Vec<Wording>> {
    let all = wordings::table.filter(wordings::language.eq(language)).order(wordings::version.desc()).limit(LISTED).select(COLUMNS);
    Ok(all.load::<Parts>(conn)?.into_iter().map(wording).collect())
}

/// Adds a version; false when it is there already.
pub fn insert(tx: &mut Tx<'_>, new: &Wording) -> QueryResult<bool> {
    let values = (
        wordings::language.eq(new.language),
        wordings::version.eq(new.version),
        wordings::wording.eq(&new.text),
        wordings::created_at.eq(new.created_at),
        wordings::created_by.eq(&new.created_by),
    );
    let inserted = on_backend!(tx.conn(), |c| diesel::insert_into(wordings::table).values(values).on_conflict_do_nothing().execute(c))?;
    Ok(inserted == 1)
}
