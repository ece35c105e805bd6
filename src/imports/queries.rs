//! All SQL of imports.

use diesel::prelude::*;

use super::model::{Import, ImportId, ImportState, NewImport, Standing};
use super::plan::Plan;
use super::staged::Whole;
use crate::clock::UtcTime;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::{import_pieces, import_refusals, imported_leads, imports};
use crate::db::{Conn, Tx, json_text};
use crate::{keyset_page, on_backend};

/// Imports on one page of the list.
pub const PAGE: usize = 25;
/// Pieces read or removed at once.
const PIECES: i64 = 16;
/// Refused rows read at once.
const REFUSALS: i64 = 50;

/// Writes down that a file is to be imported.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, new: &NewImport) -> QueryResult<ImportId> {
    let plan = json_text(&new.plan)?;
    let about = (
        imports::source.eq(&new.source),
        imports::file_name.eq(&new.file_name),
        imports::file_hash.eq(&new.file_hash),
        imports::file_bytes.eq(new.file_bytes),
        imports::plan.eq(plan),
    );
    let row = (about, imports::state.eq(new.state), Counts::of(Standing::default()));
    let made = (imports::created_by.eq(&new.created_by), imports::created_at.eq(now), imports::updated_at.eq(now));
    on_backend!(tx.conn(), |c| diesel::insert_into(imports::table).values((row, made)).returning(imports::id).get_result(c))
}

/// `Standing` for an insert.
#[derive(Insertable)]
#[diesel(table_name = imports)]
struct Counts {
    rows_done: i64,
    bytes_done: i64,
    queued: i64,
    sent: i64,
    failed: i64,
    skipped: i64,
    refused: i64,
    noted: i64,
}

impl Counts {
    fn of(standing: Standing) -> Self {
        let Standing { rows_done, bytes_done, queued, sent, failed, skipped, refused, noted } = standing;
        Self { rows_done, bytes_done, queued, sent, failed, skipped, refused, noted }
    }
}

/// The import with this id.
pub fn find(conn: &mut Conn, id: ImportId) -> QueryResult<Option<Import>> {
    imports::table.filter(imports::id.eq(id)).select(Import::as_select()).first(conn).optional()
}

/// The newest import of this very file that was begun and not finished.
pub fn unfinished(conn: &mut Conn, source: &str, file_hash: &str) -> QueryResult<Option<Import>> {
    imports::table
        .filter(imports::source.eq(source).and(imports::file_hash.eq(file_hash)))
        .filter(imports::state.eq(ImportState::Running))
        .order(imports::id.desc())
        .select(Import::as_select())
        .first(conn)
        .optional()
}

/// The newest imports.
pub fn page(conn: &mut Conn, place: Place) -> QueryResult<Page<Import>> {
    let all = imports::table.select(Import::as_select()).into_boxed();
    keyset_page!(conn, all, imports::created_at, imports::id, place, PAGE, |row: &Import| Key { at: row.created_at, id: row.id.0 })
}

/// How many files wait for somebody to start them; counted up to `most`.
pub fn count_staged(conn: &mut Conn, most: i64) -> QueryResult<usize> {
    let staged: Vec<ImportId> = imports::table.filter(imports::state.eq(ImportState::Staged)).limit(most).select(imports::id).load(conn)?;
    Ok(staged.len())
}

/// Files that were begun before this and have not come to their end: nobody uploads them any more.
pub fn cut_off(conn: &mut Conn, before: UtcTime) -> QueryResult<Vec<ImportId>> {
    imports::table
        .filter(imports::state.eq(ImportState::Staged).and(imports::file_hash.eq("")))
        .filter(imports::created_at.lt(before))
        .select(imports::id)
        .load(conn)
}

/// Chooses what the columns hold, before it is started.
pub fn choose(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, (source, plan): (&str, &Plan)) -> QueryResult<usize> {
    let plan = json_text(plan)?;
    diesel::update(imports::table.filter(imports::id.eq(id)).filter(imports::state.eq(ImportState::Staged)))
        .set((imports::source.eq(source), imports::plan.eq(plan), imports::updated_at.eq(now)))
        .execute(tx.conn())
}

/// A file has come whole: its size, its digest, and what its columns seem to hold. 0: somebody has discarded it meanwhile.
pub fn complete(tx: &mut Tx<'_>, now: UtcTime, whole: &Whole, plan: &Plan) -> QueryResult<usize> {
    let plan = json_text(plan)?;
    diesel::update(imports::table.filter(imports::id.eq(whole.import)).filter(imports::state.eq(ImportState::Staged)))
        .set((imports::file_bytes.eq(whole.bytes), imports::file_hash.eq(&whole.hash), imports::plan.eq(plan), imports::updated_at.eq(now)))
        .execute(tx.conn())
}

/// From one state to the next; 0 where somebody else was faster.
pub fn turn(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, (from, to): (ImportState, ImportState)) -> QueryResult<usize> {
    let is_over = matches!(to, ImportState::Done | ImportState::Cancelled);
    diesel::update(imports::table.filter(imports::id.eq(id)).filter(imports::state.eq(from)))
        .set((imports::state.eq(to), imports::finished_at.eq(is_over.then_some(now)), imports::updated_at.eq(now)))
        .execute(tx.conn())
}

/// Writes why it stands still, or that it goes on.
pub fn say(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, error: Option<&str>) -> QueryResult<usize> {
    diesel::update(imports::table.filter(imports::id.eq(id)))
        .set((imports::last_error.eq(error), imports::updated_at.eq(now)))
        .execute(tx.conn())
}

/// Moves a running import on from where it is believed to be. 0: it is elsewhere, or somebody has ended it; then nothing of this
/// chunk may be written.
pub fn advance(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, (from, to): (i64, Standing)) -> QueryResult<usize> {
    let here = imports::id.eq(id).and(imports::state.eq(ImportState::Running)).and(imports::rows_done.eq(from));
    diesel::update(imports::table.filter(here)).set((to, imports::updated_at.eq(now))).execute(tx.conn())
}

/// A row that is taken over, by what tells it apart.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = imported_leads)]
pub struct Mark<'a> {
    pub source: &'a str,
    pub row_key: &'a str,
    pub line_id: &'a str,
    pub import_id: ImportId,
}

/// Marks rows as taken over, and gives the line ids of those that were not yet: whoever has the mark has the row.
pub fn mark(tx: &mut Tx<'_>, marks: &[Mark<'_>]) -> QueryResult<Vec<String>> {
    match tx.conn() {
        Conn::Postgres(c) => diesel::insert_into(imported_leads::table)
            .values(marks)
            .on_conflict_do_nothing()
            .returning(imported_leads::line_id)
            .get_results(c),
        Conn::Sqlite(c) => {
            let mut new = Vec::with_capacity(marks.len());
            for mark in marks {
                let inserted = diesel::insert_into(imported_leads::table).values(mark).on_conflict_do_nothing().execute(c)?;
                if inserted == 1 {
                    new.push(mark.line_id.to_owned());
                }
            }
            Ok(new)
        }
    }
}

/// How many of these rows were taken over before.
pub fn count_marked(conn: &mut Conn, source: &str, keys: &[String]) -> QueryResult<i64> {
    on_backend!(conn, |c| imported_leads::table
        .filter(imported_leads::source.eq(source).and(imported_leads::row_key.eq_any(keys)))
        .count()
        .get_result(c))
}

/// A row that was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = import_refusals)]
pub struct Refusal {
    pub id: i64,
    pub line: i64,
    pub why: String,
    /// JSON: the cells, the object, or the beginning of what could not be read.
    pub content: String,
}

/// Keeps rows that were refused.
pub fn keep_refusals(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, refusals: &[Refusal]) -> QueryResult<()> {
    for refusal in refusals {
        diesel::insert_into(import_refusals::table)
            .values((
                import_refusals::import_id.eq(id),
                import_refusals::line.eq(refusal.line),
                import_refusals::why.eq(&refusal.why),
                import_refusals::content.eq(&refusal.content),
                import_refusals::refused_at.eq(now),
            ))
            .execute(tx.conn())?;
    }
    Ok(())
}

/// Refused rows in the order of the file, from one on.
pub fn refusals(conn: &mut Conn, id: ImportId, after: i64) -> QueryResult<Vec<Refusal>> {
    import_refusals::table
        .filter(import_refusals::import_id.eq(id).and(import_refusals::id.gt(after)))
        .order(import_refusals::id)
        .limit(REFUSALS)
        .select(Refusal::as_select())
        .load(conn)
}

/// Keeps a piece of a file.
pub fn keep_piece(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, (seq, data): (i64, &[u8])) -> QueryResult<usize> {
    diesel::insert_into(import_pieces::table)
        .values((
            import_pieces::import_id.eq(id),
            import_pieces::seq.eq(seq),
            import_pieces::data.eq(data),
            import_pieces::staged_at.eq(now),
        ))
        .execute(tx.conn())
}

/// How many pieces of a file are there.
pub fn count_pieces(conn: &mut Conn, id: ImportId) -> QueryResult<i64> {
    import_pieces::table.filter(import_pieces::import_id.eq(id)).count().get_result(conn)
}

/// The next pieces of a file, with their places.
pub fn pieces(conn: &mut Conn, id: ImportId, from: i64) -> QueryResult<Vec<(i64, Vec<u8>)>> {
    import_pieces::table
        .filter(import_pieces::import_id.eq(id).and(import_pieces::seq.ge(from)))
        .order(import_pieces::seq)
        .limit(PIECES)
        .select((import_pieces::seq, import_pieces::data))
        .load(conn)
}

/// Removes pieces of a file that is needed no more; 0 when none are left.
pub fn remove_pieces(tx: &mut Tx<'_>, id: ImportId) -> QueryResult<usize> {
    let some: Vec<i64> =
        import_pieces::table.filter(import_pieces::import_id.eq(id)).limit(PIECES).select(import_pieces::seq).load(tx.conn())?;
    let these = import_pieces::import_id.eq(id).and(import_pieces::seq.eq_any(some));
    on_backend!(tx.conn(), |c| diesel::delete(import_pieces::table.filter(these)).execute(c))
}
