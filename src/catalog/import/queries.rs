//! All SQL of imports of products.

use diesel::prelude::*;

use super::model::{ImportId, ImportState, NewImport, ProductImport, Standing};
use crate::clock::UtcTime;
use crate::db::keyset::{Key, Page, Place};
use crate::db::schema::product_imports;
use crate::db::{Conn, Tx, json_text};
use crate::{keyset_page, on_backend};

/// Imports on one page of the list.
pub const PAGE: usize = 25;

/// Keeps a file.
pub fn insert(tx: &mut Tx<'_>, now: UtcTime, new: &NewImport) -> QueryResult<ImportId> {
    let plan = json_text(&new.plan)?;
    let file = (
        product_imports::file_name.eq(&new.file_name),
        product_imports::content.eq(&new.content),
        product_imports::plan.eq(plan),
        product_imports::row_count.eq(new.row_count),
    );
    let counts = (
        product_imports::rows_done.eq(0),
        product_imports::created.eq(0),
        product_imports::changed.eq(0),
        product_imports::unchanged.eq(0),
    );
    let made = (
        product_imports::state.eq(ImportState::Staged),
        product_imports::created_by.eq(&new.created_by),
        product_imports::created_at.eq(now),
        product_imports::updated_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(product_imports::table)
        .values((file, counts, made))
        .returning(product_imports::id)
        .get_result(c))
}

/// The import with this id.
pub fn find(conn: &mut Conn, id: ImportId) -> QueryResult<Option<ProductImport>> {
    product_imports::table.filter(product_imports::id.eq(id)).select(ProductImport::as_select()).first(conn).optional()
}

/// The file of an import; None once it is needed no more.
pub fn content(conn: &mut Conn, id: ImportId) -> QueryResult<Option<Vec<u8>>> {
    let content: Option<Option<Vec<u8>>> =
        product_imports::table.filter(product_imports::id.eq(id)).select(product_imports::content).first(conn).optional()?;
    Ok(content.flatten())
}

/// The newest imports.
pub fn page(conn: &mut Conn, place: Place) -> QueryResult<Page<ProductImport>> {
    let all = product_imports::table.select(ProductImport::as_select()).into_boxed();
    let key = |row: &ProductImport| Key { at: row.created_at, id: row.id.0 };
    keyset_page!(conn, all, product_imports::created_at, product_imports::id, place, PAGE, key)
}

/// How many files wait for somebody to start them; counted up to `most`.
pub fn count_staged(conn: &mut Conn, most: i64) -> QueryResult<usize> {
    let staged = product_imports::table.filter(product_imports::state.eq(ImportState::Staged)).limit(most);
    let staged: Vec<ImportId> = staged.select(product_imports::id).load(conn)?;
    Ok(staged.len())
}

/// From one state to the next; 0 where somebody else was faster. The file of one that has ended is removed.
pub fn turn(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, (from, to): (ImportState, ImportState)) -> QueryResult<usize> {
    let here = product_imports::table.filter(product_imports::id.eq(id).and(product_imports::state.eq(from)));
    let stand = (product_imports::state.eq(to), product_imports::last_error.eq(None::<String>), product_imports::updated_at.eq(now));
    if matches!(to, ImportState::Done | ImportState::Cancelled) {
        let end = (product_imports::content.eq(None::<Vec<u8>>), product_imports::finished_at.eq(Some(now)));
        return diesel::update(here).set((stand, end)).execute(tx.conn());
    }
    diesel::update(here).set(stand).execute(tx.conn())
}

/// Writes why it stands still.
pub fn say(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, error: &str) -> QueryResult<usize> {
    diesel::update(product_imports::table.filter(product_imports::id.eq(id)))
        .set((product_imports::last_error.eq(error), product_imports::updated_at.eq(now)))
        .execute(tx.conn())
}

/// Moves a running import on from where it is believed to be. 0: it is elsewhere, or has ended; then nothing of this chunk may be
/// written.
pub fn advance(tx: &mut Tx<'_>, now: UtcTime, id: ImportId, (from, to): (i64, Standing)) -> QueryResult<usize> {
    let is_here = product_imports::state.eq(ImportState::Running).and(product_imports::rows_done.eq(from));
    diesel::update(product_imports::table.filter(product_imports::id.eq(id).and(is_here)))
        .set((to, product_imports::updated_at.eq(now)))
        .execute(tx.conn())
}
