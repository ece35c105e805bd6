//! Replaying: what interpreting events again would do, then having it done. For one or for those ticked on a page of the list.

use rocket::{Route, State, get, post, routes};

use super::actions::{self, Rehearsal};
use super::interpreters::{self, Occasion};
use super::list_queries::{self as list, ReceiptSummary};
use super::model::ReceiptId;
use super::replay_views::ReplayPreview;
use crate::accounts::Operator;
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::outbox::Registry;
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
    let receipts = chosen(app, &query).await?;
    let mut rehearsed = Vec::with_capacity(receipts.len());
    for receipt in receipts {
        let told = rehearse(app, receipt.id).await?;
        rehearsed.push((receipt, told));
    }
    Ok(ReplayPreview::new(operator.shell(Section::Inbox, "Replay"), &rehearsed))
}

/// As many as a page of the list shows, oldest first: as they came.
async fn chosen(app: &App, query: &Query) -> Result<Vec<ReceiptSummary>> {
    let ids: Vec<ReceiptId> = query.all("id").filter_map(|id| id.parse().ok()).map(ReceiptId).take(list::PAGE).collect();
    app.store.read(move |conn: &mut Conn| -> Result<_> { Ok(list::summaries(conn, &ids)?) }).await
}

/// Err: it would fail, in words.
async fn rehearse(app: &App, id: ReceiptId) -> Result<std::result::Result<Rehearsal, String>> {
    let now = app.clock.now();
    let rehearse = move |tx: &mut Tx<'_>| actions::rehearse(tx, now, id, interpreters::of);
    match app.store.write("inbox.rehearse", &id.subject(), rehearse).await.map_err(Error::from) {
        Ok(rehearsal) => Ok(Ok(rehearsal)),
        Err(away @ Error::Unavailable(_)) => Err(away),
        Err(Error::Internal(cause)) => Ok(Err(format!("{cause:#}"))),
        Err(other) => Ok(Err(other.to_string())),
    }
}

#[post("/inbox/replays", data = "<fields>")]
async fn replay(app: &State<App>, registry: &State<Registry>, operator: Operator, fields: Fields) -> Result<Back> {
    let mut ticked = Ticked::of(&fields, "/inbox");
    ticked.ids.sort_unstable();
    let occasion = Occasion::Replay { with_mails: fields.text("mails") == "yes" };
    let by = operator.asks(app.clock.now());
    let mut left = Vec::new();
    for id in ticked.ids.iter().copied().map(ReceiptId) {
        let (registry, by) = (registry.inner().clone(), by.clone());
        let replay = move |tx: &mut Tx<'_>| actions::replay(tx, &registry, id, occasion, &by);
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
