//! Acts on the jobs that were ticked on a page of the list. Each is a change of its own: one that cannot be keeps no other back.

use rocket::{State, post};

use crate::accounts::Operator;
use crate::app::App;
use crate::db::Tx;
use crate::outbox::admin;
use crate::outbox::{JobId, Registry};
use crate::web::ticked::{Ticked, Told};
use crate::web::{Back, Fields};
use crate::{Error, Result};

const RETRIED: Told = Told { one: "job", many: "jobs", done: "will run again now" };
const CANCELLED: Told = Told { one: "job", many: "jobs", done: "cancelled" };

#[post("/outbox/selected", data = "<fields>")]
pub async fn act(app: &State<App>, registry: &State<Registry>, operator: Operator, fields: Fields) -> Result<Back> {
    let ticked = Ticked::of(&fields, "/outbox");
    let is_retry = match fields.text("act") {
        "retry" => true,
        "cancel" => false,
        _ => return Err(Error::Conflict("choose whether the ticked jobs are to be retried or cancelled".into())),
    };
    let by = operator.asks(app.clock.now());
    let mut left = Vec::new();
    for id in ticked.ids.iter().copied() {
        let (registry, by) = (registry.inner().clone(), by.clone());
        let change = move |tx: &mut Tx<'_>| match is_retry {
            true => admin::retry(tx, &registry, JobId(id), &by),
            false => admin::cancel(tx, &registry, JobId(id), &by),
        };
        match app.store.write("outbox.admin", "outbox.admin", change).await.map_err(Error::from) {
            Ok(()) => {}
            Err(Error::Conflict(why)) => left.push((id, why)),
            Err(Error::NotFound(_)) => left.push((id, "It is no longer kept.".into())),
            Err(other) => return Err(other),
        }
    }
    Ok(ticked.answer(if is_retry { RETRIED } else { CANCELLED }, &left))
}
