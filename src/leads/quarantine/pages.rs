//! The quarantine: what is held and why, and what operators decide about it, one by one or for all that they chose.

use rocket::{Route, State, get, post, routes};

use super::actions::{self, Decision};
use super::queries;
use super::views::{Held, QuarantineList};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::leads::model::{LeadId, LeadStatus};
use crate::leads::statistics;
use crate::web::{Back, Fields, Flash, Section, format};
use crate::{Error, Result};

/// The page, and the decisions of operators.
pub fn routes() -> Vec<Route> {
    routes![index, release, mark_spam, release_chosen, mark_chosen_spam]
}

#[get("/quarantine?<status>&<place>")]
async fn index(app: &State<App>, viewer: Viewer, status: Option<&str>, place: Option<&str>) -> Result<QuarantineList> {
    let status = if status == Some("spam") { LeadStatus::Spam } else { LeadStatus::Quarantined };
    let place: Place = place.and_then(|place| place.parse().ok()).unwrap_or_default();
    let read = move |conn: &mut Conn| -> Result<Held> {
        let page = queries::page(conn, status, place)?;
        let ids: Vec<LeadId> = page.rows.iter().map(|row| row.id).collect();
        Ok(Held {
            status,
            reasons: queries::suspicions_of(conn, &ids)?.into_iter().collect(),
            page,
            waiting: statistics::count(conn, LeadStatus::Quarantined, None)?,
            spam: statistics::count(conn, LeadStatus::Spam, None)?,
        })
    };
    let held = app.store.read(read).await?;
    let may_operate = viewer.may_operate();
    Ok(QuarantineList::new(viewer.shell(Section::Quarantine, "Quarantine"), &held, app.config.retention, may_operate))
}

#[post("/leads/<id>/release")]
async fn release(app: &State<App>, operator: Operator, id: i64) -> Result<Back> {
    decide(app, &operator, Decision::Release, LeadId(id)).await
}

#[post("/leads/<id>/spam")]
async fn mark_spam(app: &State<App>, operator: Operator, id: i64) -> Result<Back> {
    decide(app, &operator, Decision::MarkSpam, LeadId(id)).await
}

#[post("/quarantine/releases", data = "<fields>")]
async fn release_chosen(app: &State<App>, operator: Operator, fields: Fields) -> Result<Back> {
    decide_chosen(app, &operator, Decision::Release, &fields).await
}

#[post("/quarantine/spam", data = "<fields>")]
async fn mark_chosen_spam(app: &State<App>, operator: Operator, fields: Fields) -> Result<Back> {
    decide_chosen(app, &operator, Decision::MarkSpam, &fields).await
}

async fn decide(app: &App, operator: &Operator, decision: Decision, id: LeadId) -> Result<Back> {
    let by = operator.asks(app.clock.now());
    let done = app.store.write("leads.decide", &id.subject(), move |tx| actions::decide(tx, decision, id, &by)).await;
    match done.map_err(Error::from) {
        // Released, it is a lead like any other, and its page says how far it is.
        Ok(()) if decision == Decision::Release => {
            Ok(Back::to(format!("/leads/{id}")).saying(Flash::ok("The lead is released and goes to the CRM now.")))
        }
        Ok(()) => Ok(Back::to("/quarantine").saying(Flash::ok(format!("Lead {id} is marked as spam.")))),
        Err(Error::Conflict(why)) => Ok(Back::to("/quarantine").saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}

async fn decide_chosen(app: &App, operator: &Operator, decision: Decision, fields: &Fields) -> Result<Back> {
    let back = Back::to("/quarantine");
    let ids: Vec<LeadId> = fields.all("lead").filter_map(|id| id.parse().ok()).map(LeadId).take(queries::PAGE).collect();
    if ids.is_empty() {
        return Ok(back.saying(Flash::warn("Nothing was chosen: tick the submissions first.")));
    }
    let by = operator.asks(app.clock.now());
    let all = move |tx: &mut crate::db::Tx<'_>| actions::decide_all(tx, decision, &ids, &by);
    let decided = app.store.write("leads.decide_all", "leads.quarantine", all).await.map_err(Error::from)?;
    let count = i64::try_from(decided.done).unwrap_or(i64::MAX);
    let done = match decision {
        Decision::Release => format!("{} released.", format::counted(count, "lead is", "leads are")),
        Decision::MarkSpam => format!("{} marked as spam.", format::counted(count, "submission is", "submissions are")),
    };
    if decided.refused.is_empty() {
        return Ok(back.saying(Flash::ok(done)));
    }
    // A cookie carries the message: the first few say it.
    let why: Vec<String> = decided.refused.iter().take(3).cloned().collect();
    Ok(back.saying(Flash::warn(format!("{done} {} not: {}", decided.refused.len(), why.join(" ")))))
}
