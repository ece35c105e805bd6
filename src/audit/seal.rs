//! The sealer: once a second it chains the rows that were written since, in an order of its own (`seal_seq`). Ids will not
//! do as that order: on PostgreSQL they become visible out of it. Where nothing is new, nothing is written.

use diesel::prelude::*;

use super::chain::{self, AuditRow};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::schema::{audit, audit_chain};
use crate::db::{Conn, Tx};
use crate::error::{Error, Result};

/// Rows sealed in one transaction. Hashing them stands in the writer, since each seal needs the one before: about 5 µs a row.
const BATCH: i64 = 100;
/// Batches of one call: after an update of a database with many rows the schedules must not wait for all of them.
const BATCHES_MAX: usize = 50;

/// The end of the chain.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_chain)]
pub(super) struct Head {
    pub last_seq: i64,
    pub last_seal: String,
}

/// Seals what is new and tells how many rows that were. Several processes may call it at once: one of them does the work.
pub async fn seal_new(app: &App) -> Result<usize> {
    let mut sealed_total = 0;
    for _ in 0..BATCHES_MAX {
        if !app.store.read(is_any_new).await? {
            break;
        }
        let now = app.clock.now();
        let sealed = app.store.write("audit.seal", "audit.seal", move |tx| seal_batch(tx, now).map_err(Error::from)).await?;
        sealed_total += sealed;
        if sealed == 0 {
            break;
        }
    }
    Ok(sealed_total)
}

fn is_any_new(conn: &mut Conn) -> Result<bool> {
    let new: Option<i64> = audit::table.filter(audit::seal_seq.is_null()).order(audit::id).select(audit::id).first(conn).optional()?;
    if new.is_some() && head(conn)?.is_none() {
        return Err(Error::Conflict("the end of the audit chain is gone (table audit_chain): `throughline audit verify` says more".into()));
    }
    Ok(new.is_some())
}

/// The end of the chain, without a lock.
pub(super) fn head(conn: &mut Conn) -> QueryResult<Option<Head>> {
    audit_chain::table.filter(audit_chain::id.eq(1)).select(Head::as_select()).first(conn).optional()
}

fn seal_batch(tx: &mut Tx<'_>, now: UtcTime) -> QueryResult<usize> {
    let Some(mut end) = lock_head(tx.conn())? else { return Ok(0) };
    let rows: Vec<AuditRow> =
        audit::table.filter(audit::seal_seq.is_null()).order(audit::id).limit(BATCH).select(AuditRow::as_select()).load(tx.conn())?;
    for row in &rows {
        let (commitments, salts) = row.commit();
        end = Head { last_seq: end.last_seq + 1, last_seal: row.seal_at(end.last_seq + 1, &end.last_seal, &commitments) };
        diesel::update(audit::table.filter(audit::id.eq(row.id)))
            .set((
                audit::seal_seq.eq(end.last_seq),
                audit::seal.eq(&end.last_seal),
                audit::commitments.eq(chain::write(&commitments)),
                audit::salts.eq(chain::write(&salts)),
            ))
            .execute(tx.conn())?;
    }
    if !rows.is_empty() {
        diesel::update(audit_chain::table.filter(audit_chain::id.eq(1)))
            .set((audit_chain::last_seq.eq(end.last_seq), audit_chain::last_seal.eq(&end.last_seal), audit_chain::sealed_at.eq(now)))
            .execute(tx.conn())?;
    }
    Ok(rows.len())
}

/// Locks the end of the chain. None: another process is sealing at this moment.
fn lock_head(conn: &mut Conn) -> QueryResult<Option<Head>> {
    match conn {
        // Row locks are PostgreSQL's alone. Skipped where held: waiting would hold up the writer, and the other does the work.
        Conn::Postgres(conn) => {
            let head = audit_chain::table.filter(audit_chain::id.eq(1)).select(Head::as_select());
            head.for_update().skip_locked().first(conn).optional()
        }
        Conn::Sqlite(_) => head(conn),
    }
}
