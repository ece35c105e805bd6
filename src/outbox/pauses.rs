//! What people have put on hold: a kind, a lane or a connection. Jobs under way go on; nothing new of it is claimed.

use diesel::prelude::*;

use super::admin::Request;
use super::kind::Lane;
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::schema::pauses;
use crate::db::{Conn, Topic, Tx, text_enum};
use crate::error::{Error, Result};
use crate::on_backend;

text_enum! {
    /// What a pause is of.
    pub enum Scope {
        Kind => "kind",
        Lane => "lane",
        Connection => "connection",
    }
}

/// A pause, whether it has run out or not.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = pauses)]
pub struct Pause {
    pub scope: Scope,
    /// The kind, the lane, the provider.
    pub name: String,
    pub reason: Option<String>,
    pub paused_by: String,
    pub paused_at: UtcTime,
    /// None: until someone resumes it.
    pub until: Option<UtcTime>,
}

/// What is on hold at one moment.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Vec<Pause>);

impl Pauses {
    /// The pause that holds jobs of this kind, lane and connection.
    pub fn on(&self, kind: &str, lane: Lane, connection: Option<&str>) -> Option<&Pause> {
        self.0.iter().find(|pause| match pause.scope {
            Scope::Kind => pause.name == kind,
            Scope::Lane => pause.name == lane.as_str(),
            Scope::Connection => connection == Some(pause.name.as_str()),
        })
    }

    /// All of them.
    pub fn all(&self) -> &[Pause] {
        &self.0
    }
}

/// The pauses that hold now: a handful of rows.
pub fn current(conn: &mut Conn, now: UtcTime) -> QueryResult<Pauses> {
    let rows: Vec<Pause> = pauses::table.select(Pause::as_select()).order(pauses::id).load(conn)?;
    Ok(Pauses(rows.into_iter().filter(|pause| pause.until.is_none_or(|until| until > now)).collect()))
}

/// Puts jobs on hold, or changes until when and why.
pub fn pause(tx: &mut Tx<'_>, scope: Scope, name: &str, until: Option<UtcTime>, by: &Request) -> Result<()> {
    if until.is_some_and(|until| until <= by.now) {
        return Err(Error::Conflict("The time until which to pause is over already; choose a later one.".into()));
    }
    let row = (pauses::reason.eq(&by.reason), pauses::paused_by.eq(&by.actor), pauses::paused_at.eq(by.now), pauses::until.eq(until));
    on_backend!(tx.conn(), |c| diesel::insert_into(pauses::table)
        .values((pauses::scope.eq(scope), pauses::name.eq(name), row))
        .on_conflict((pauses::scope, pauses::name))
        .do_update()
        .set(row)
        .execute(c))?;
    let subject = format!("{}:{name}", scope.as_str());
    note(tx, &subject, "outbox.pause", Some(serde_json::json!({ "until": until })), by)
}

/// Lets jobs run again.
pub fn resume(tx: &mut Tx<'_>, scope: Scope, name: &str, by: &Request) -> Result<()> {
    let row = pauses::table.filter(pauses::scope.eq(scope)).filter(pauses::name.eq(name));
    if diesel::delete(row).execute(tx.conn())? == 0 {
        return Err(Error::Conflict("It is not paused; someone else may have resumed it.".into()));
    }
    let subject = format!("{}:{name}", scope.as_str());
    note(tx, &subject, "outbox.resume", None, by)
}

fn note(tx: &mut Tx<'_>, subject: &str, action: &'static str, after: Option<serde_json::Value>, by: &Request) -> Result<()> {
    tx.touch(Topic::Jobs);
    tx.touch(Topic::Ready);
    tx.touch(Topic::Connections);
    let act = Act {
        actor: &by.actor,
        action,
        subject,
        line: None,
        reason: by.reason.as_deref(),
        before: None,
        after,
        address: by.address.as_deref(),
    };
    Ok(audit::record(tx, by.now, &act)?)
}
