//! What the store itself keeps only for a while.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::schema::write_batches;
use super::store::Store;
use super::task::WriteError;

/// Long after the last writer could still ask what became of a COMMIT.
const BATCHES_KEPT: TimeDelta = TimeDelta::hours(1);
/// No closure writes more rows than this: everybody waits for it.
const ROWS_MAX: i64 = 500;

impl Store {
    /// Forgets the ids of batches that are older than an hour, a few at a time; tells how many.
    pub async fn forget_old_batches(&self) -> Result<usize, WriteError<diesel::result::Error>> {
        let before = self.clock().now() - BATCHES_KEPT;
        let mut forgotten = 0;
        loop {
            let count = self
                .write_bulk("store.forget_old_batches", move |tx| {
                    let ids: Vec<String> = write_batches::table
                        .filter(write_batches::committed_at.lt(before))
                        .order(write_batches::committed_at)
                        .limit(ROWS_MAX)
                        .select(write_batches::id)
                        .load(tx.conn())?;
                    diesel::delete(write_batches::table.filter(write_batches::id.eq_any(ids))).execute(tx.conn())
                })
                .await?;
            forgotten += count;
            if count == 0 {
                return Ok(forgotten);
            }
        }
    }
}
