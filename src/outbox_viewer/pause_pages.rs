//! Putting jobs on hold and letting them go again: a kind, a lane or a connection.

use rocket::{State, post};

use crate::accounts::Operator;
use crate::app::App;
use crate::db::Tx;
use crate::outbox::pauses::{self, Scope};
use crate::outbox::waiting::paused;
use crate::outbox::{Lane, Registry};
use crate::web::{Back, Fields, Flash};
use crate::{Error, Result};

#[post("/pauses", data = "<fields>")]
pub async fn pause(app: &State<App>, registry: &State<Registry>, operator: Operator, fields: Fields) -> Result<Back> {
    let Some((scope, name)) = subject(&fields, registry) else { return Ok(unknown()) };
    let until = match fields.text("until") {
        "" => None,
        typed => match operator.times().moment(typed) {
            Some(until) => Some(until),
            None => return answer(scope, Err(Error::Conflict(format!("“{typed}” is not a moment. Write it like 2026-11-22T14:05.")))),
        },
    };
    let by = operator.asks_because(&fields, app.clock.now());
    let told = format!("From now on {} paused. Calls under way go on.", paused(scope, &name));
    let write = move |tx: &mut Tx<'_>| pauses::pause(tx, scope, &name, until, &by);
    let done = app.store.write("outbox.pause", "outbox.admin", write).await;
    answer(scope, done.map(|()| told).map_err(Error::from))
}

#[post("/pauses/end", data = "<fields>")]
pub async fn resume(app: &State<App>, registry: &State<Registry>, operator: Operator, fields: Fields) -> Result<Back> {
    let Some((scope, name)) = subject(&fields, registry) else { return Ok(unknown()) };
    let by = operator.asks_because(&fields, app.clock.now());
    let told = format!("From now on {} no longer paused.", paused(scope, &name));
    let write = move |tx: &mut Tx<'_>| pauses::resume(tx, scope, &name, &by);
    let done = app.store.write("outbox.resume", "outbox.admin", write).await;
    answer(scope, done.map(|()| told).map_err(Error::from))
}

/// `kind:leads.deliver`, of what this program knows.
fn subject(fields: &Fields, registry: &Registry) -> Option<(Scope, String)> {
    let (scope, name) = fields.text("what").split_once(':')?;
    let scope = Scope::parse(scope)?;
    let is_known = match scope {
        Scope::Kind => registry.kinds().iter().any(|(kind, _)| *kind == name),
        Scope::Lane => Lane::parse(name).is_some(),
        Scope::Connection => registry.limits(name).is_some(),
    };
    is_known.then(|| (scope, name.to_owned()))
}

fn unknown() -> Back {
    Back::to("/outbox").saying(Flash::warn("Nothing was changed: choose a kind, a lane or a connection of the list."))
}

/// A refusal is a message on the page; what the person saw may have been out of date.
fn answer(scope: Scope, done: Result<String>) -> Result<Back> {
    let back = Back::to(if scope == Scope::Connection { "/connections" } else { "/outbox" });
    match done {
        Ok(what) => Ok(back.saying(Flash::ok(what))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
