//! Who did what, when, why. Rows are written unsealed, in the transaction of what was done; once a second `seal` chains them
//! in an order of its own, so that no writer waits for another. `verify` finds what was changed since, `erase` takes away
//! personal values without breaking the chain, `chain` says what exactly is sealed.

mod chain;
#[cfg(test)]
mod chain_tests;
mod erase;
mod seal;
mod taken_along;
mod verify;

pub use chain::PersonalValue;
pub use erase::{ERASED, erase};
pub use seal::seal_new;
pub use taken_along::{TakenAlong, record_taken};
pub use verify::{Broken, Noted, Verified, verify};

use diesel::prelude::*;
use serde_json::Value;

use crate::clock::UtcTime;
use crate::db::Tx;
use crate::db::schema::audit;
use crate::line::LineId;

/// An act of a person or of the program.
#[derive(Clone, Debug)]
pub struct Act<'a> {
    /// `user:3`, `cli`, `cron`, `system`.
    pub actor: &'a str,
    /// `leads.edit`, `accounts.sign_in`.
    pub action: &'static str,
    /// `lead:12`.
    pub subject: &'a str,
    pub line: Option<&'a LineId>,
    pub reason: Option<&'a str>,
    pub before: Option<Value>,
    pub after: Option<Value>,
    /// The caller's address, where there is one.
    pub address: Option<&'a str>,
}

/// Writes the act down, in the transaction of what was done.
pub fn record(tx: &mut Tx<'_>, at: UtcTime, act: &Act<'_>) -> QueryResult<()> {
    diesel::insert_into(audit::table)
        .values((
            audit::at.eq(at),
            audit::actor.eq(act.actor),
            audit::action.eq(act.action),
            audit::subject.eq(act.subject),
            audit::line_id.eq(act.line.map(LineId::as_str)),
            audit::reason.eq(act.reason),
            audit::before.eq(act.before.as_ref().map(Value::to_string)),
            audit::after.eq(act.after.as_ref().map(Value::to_string)),
            audit::address.eq(act.address),
        ))
        .execute(tx.conn())
        .map(drop)
}
