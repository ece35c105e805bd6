//! Replaying: what interpreting events again would do, then having it done. For one or for those ticked on a page of the list.

use rocket::{Route, State, get, post, routes};

use super::actions::{self, Replay};
use super::interpret_job::Interpret;
use super::list_queries as list;
use super::model::ReceiptId;
use super::rehearsal;
use super::replay_views::ReplayPreview;
use crate::accounts::Operator;
use crate::app::App;
use crate::db::Tx;
use crate::outbox::{Job, Registry};
use crate::web::ticked::{Ticked, Told};
use crate::web::{Back, Fields, Flash, Query, Section};
use crate::{Error, Result};

const REPLAYED: Told = Told { one: "event", many: "events", done: "will be interpreted again now" };

/// The preview and the act.
pub fn routes() -> Vec<Route> {
    routes![preview, replay]
}

#[get("/inbox/replay")]
async fn preview(app: &State<App>, operator: Operator, query: Query) -> Result<ReplayPreview> {
    // As many as a page of the list shows.
    let ids: Vec<ReceiptId> = query.all("id").filter_map(|id| id.parse().ok()).map(ReceiptId).take(list::PAGE).collect();
    let rehearsed = rehearsal::of(app, ids).await?;
    Ok(ReplayPreview::new(operator.shell(Section::Inbox, "Replay"), &rehearsed))
}

#[post("/inbox/replays", data = "<fields>")]
async fn replay(app: &State<App>, registry: &State<Registry>, operator: Operator, fields: Fields) -> Result<Back> {
    let mut ticked = Ticked::of(&fields, "/inbox");
    ticked.ids.sort_unstable();
    let wish = Replay { with_mails: fields.text("mails") == "yes", lane: Interpret::LANE };
    let by = operator.asks(app.clock.now());
    let mut left = Vec::new();
    for id in ticked.ids.iter().copied().map(ReceiptId) {
        let (registry, by) = (registry.inner().clone(), by.clone());
        let replay = move |tx: &mut Tx<'_>| actions::replay(tx, &registry, id, wish, &by);
        match app.store.write("inbox.replay", &id.subject(), replay).await.map_err(Error::from) {
            Ok(()) => {}
            Err(Error::Conflict(why)) => left.push((id.0, why)),
            Err(Error::NotFound(_)) => left.push((id.0, "It is no longer kept.".into())),
            Err(other) => return Err(other),
        }
    }
    match (ticked.ids.as_slice(), left.first()) {
        ([id], None) => Ok(Back::to(format!("/inbox/{id}")).saying(Flash::ok("The event will be interpreted again now."))),
        ([id], Some((_, why))) => Ok(Back::to(format!("/inbox/{id}")).saying(Flash::warn(why))),
        _ => Ok(ticked.answer(REPLAYED, &left)),
    }
}
