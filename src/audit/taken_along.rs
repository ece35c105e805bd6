//! Lists with personal data that leave the program, as a file or for a program: who asked for which, written down before the first
//! byte leaves.

use serde_json::Value;

use super::{Act, record};
use crate::app::App;
use crate::db::Tx;
use crate::error::Result;

/// A list that somebody takes along.
#[derive(Clone, Debug)]
pub struct TakenAlong {
    /// `user:3`
    pub actor: String,
    /// The caller's address.
    pub address: String,
    /// `leads.export`
    pub action: &'static str,
    /// `leads`
    pub subject: &'static str,
    /// Its form and what narrowed it.
    pub asked: Value,
}

/// Writes it down. Where that fails nothing may leave.
pub async fn record_taken(app: &App, taken: TakenAlong) -> Result<()> {
    let (now, name) = (app.clock.now(), taken.action);
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        let act = Act {
            actor: &taken.actor,
            action: taken.action,
            subject: taken.subject,
            line: None,
            reason: None,
            before: None,
            after: Some(taken.asked.clone()),
            address: Some(&taken.address),
        };
        Ok(record(tx, now, &act)?)
    };
    Ok(app.store.write(name, name, write).await?)
}
