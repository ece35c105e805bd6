//! Taking personal values out of the audit. What was sealed of them stays, so the chain still verifies; the salt goes with
//! the value, so nobody can find out by guessing what it was.

use diesel::prelude::*;

use super::chain::{self, AuditRow, PersonalValue};
use crate::db::Tx;
use crate::db::schema::audit;

/// What stands in place of an erased actor, which every row must have.
pub const ERASED: &str = "erased";

/// Takes these values out of the row; values that are not there are left alone. Tells whether the row exists.
pub fn erase(tx: &mut Tx<'_>, id: i64, values: &[PersonalValue]) -> QueryResult<bool> {
    let row: Option<AuditRow> = audit::table.filter(audit::id.eq(id)).select(AuditRow::as_select()).first(tx.conn()).optional()?;
    let Some(row) = row else { return Ok(false) };
    let salts = chain::read(row.salts.as_deref()).map(|mut salts| {
        salts.retain(|name, _| !values.iter().any(|value| value.as_str() == name));
        chain::write(&salts)
    });
    let kept = |which: PersonalValue| row.value(which).filter(|_| !values.contains(&which));
    // A row sealed meanwhile has salts that this did not read: then it is read again, so that none of them stays behind.
    let as_read = audit::seal.is_null().or(audit::seal.eq(row.seal.as_deref().unwrap_or_default()));
    let this = audit::table.filter(audit::id.eq(id)).filter(as_read);
    let changed = diesel::update(this)
        .set((
            audit::actor.eq(kept(PersonalValue::Actor).unwrap_or(ERASED)),
            audit::reason.eq(kept(PersonalValue::Reason)),
            audit::before.eq(kept(PersonalValue::Before)),
            audit::after.eq(kept(PersonalValue::After)),
            audit::address.eq(kept(PersonalValue::Address)),
            audit::salts.eq(salts),
        ))
        .execute(tx.conn())?;
    if changed == 0 { erase(tx, id, values) } else { Ok(true) }
}
