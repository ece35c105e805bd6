//! Sending again the leads that were ticked on a page of the list; one that cannot be sent keeps no other back.

use rocket::{Route, State, post, routes};

use super::actions;
use super::model::LeadId;
use crate::accounts::Operator;
use crate::app::App;
use crate::outbox::Registry;
use crate::web::ticked::{Ticked, Told};
use crate::web::{Back, Fields};
use crate::{Error, Result};

const SENT: Told = Told { one: "lead", many: "leads", done: "will be sent again now" };

/// The act.
pub fn routes() -> Vec<Route> {
    routes![send_again]
}

#[post("/leads/selected", data = "<fields>")]
async fn send_again(app: &State<App>, registry: &State<Registry>, operator: Operator, fields: Fields) -> Result<Back> {
    let ticked = Ticked::of(&fields, "/leads");
    let by = operator.asks(app.clock.now());
    let mut left = Vec::new();
    for id in ticked.ids.iter().copied() {
        let (registry, by, key) = (registry.inner().clone(), by.clone(), LeadId(id).subject());
        let retry = move |tx: &mut crate::db::Tx<'_>| actions::retry(tx, &registry, LeadId(id), &by).map(drop);
        match app.store.write("leads.retry", &key, retry).await.map_err(Error::from) {
            Ok(()) => {}
            Err(Error::Conflict(why)) => left.push((id, why)),
            Err(Error::NotFound(_)) => left.push((id, "It is no longer kept.".into())),
            Err(other) => return Err(other),
        }
    }
    Ok(ticked.answer(SENT, &left))
}
