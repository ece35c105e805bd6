//! All SQL about the fields of the CRM's leads.

use diesel::prelude::*;

use super::CrmFields;
use crate::clock::UtcTime;
use crate::connections::ConnectionId;
use crate::db::schema::{connections, crm_fields};
use crate::db::{Conn, Tx, on_backend};

/// The fields as they were last read; None: never, or nothing is connected.
pub fn known(conn: &mut Conn, provider: &str) -> QueryResult<Option<CrmFields>> {
    let found: Option<(String, UtcTime)> = crm_fields::table
        .filter(crm_fields::connection_id.eq_any(connections::table.filter(connections::provider.eq(provider)).select(connections::id)))
        .select((crm_fields::fields, crm_fields::read_at))
        .first(conn)
        .optional()?;
    // What an older program has written and this one cannot read is read from the CRM again.
    Ok(found.and_then(|(json, read_at)| Some(CrmFields { fields: serde_json::from_str(&json).ok()?, read_at })))
}

/// Keeps what was read, in place of what was known.
pub(in crate::connections) fn keep(tx: &mut Tx<'_>, id: ConnectionId, fields: &str, at: UtcTime) -> QueryResult<()> {
    let changes = (crm_fields::fields.eq(fields), crm_fields::read_at.eq(at));
    on_backend!(tx.conn(), |c| diesel::insert_into(crm_fields::table)
        .values((crm_fields::connection_id.eq(id.0), changes))
        .on_conflict(crm_fields::connection_id)
        .do_update()
        .set(changes)
        .execute(c))
    .map(drop)
}

/// Says by which field leads are delivered; answers by which they were.
pub(super) fn set_external_field(tx: &mut Tx<'_>, id: ConnectionId, field: Option<&str>, at: UtcTime) -> QueryResult<Option<String>> {
    let row = connections::table.filter(connections::id.eq(id));
    let before = row.select(connections::external_field).first(tx.conn())?;
    diesel::update(row).set((connections::external_field.eq(field), connections::updated_at.eq(at))).execute(tx.conn())?;
    Ok(before)
}
