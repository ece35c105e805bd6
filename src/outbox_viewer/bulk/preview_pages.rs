//! What an operation would do, and its start.

use rocket::http::Status;
use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{State, get, post};
use serde_json::{Value, json};

use super::act_job::BulkAct;
use super::model::{Act, OperationId, Subject, Target};
use super::operation_queries::{self as operations, NewOperation};
use super::preview::{self, PreviewPage};
use super::preview_queries::{Met, Sample};
use super::{pick_queries, preview_queries};
use crate::accounts::Operator;
use crate::app::App;
use crate::audit::{self, Act as Audited};
use crate::db::Tx;
use crate::inbox::rehearsal::{self, Rehearsed};
use crate::line::LineId;
use crate::outbox::{NewJob, enqueue};
use crate::web::{Back, Fields, Flash, Problem, Query, Refusal, Section, Wants};
use crate::{Error, Result};

/// The preview as a page or as data.
#[derive(Responder)]
pub enum Previewed {
    Page(Box<PreviewPage>),
    Json(Json<Value>),
    Refused(Refusal),
}

/// What a form or an address asks for, with the filter of its list.
fn asked(fields: &Fields, filter: &Fields) -> Result<(Act, Target), Refusal> {
    let subject = Subject::parse(fields.text("subject"));
    let act = Act::parse(fields.text("act"));
    let (act, subject) = match (act, subject) {
        (Some(act), Some(subject)) if act.fits(subject) => (act, subject),
        _ => {
            let detail = "Begin on the list of jobs, of leads or of the inbox: its menu “All that match” has what can be done.";
            return Err(Refusal(Problem::new(Status::BadRequest, "This cannot be done to all of them").detail(detail)));
        }
    };
    let target = Target::understood(subject, filter).map_err(|lost| {
        let detail = format!(
            "Nobody here knows “{}”, and without it more would be met than you asked for. Set the filter on the list, then choose “All that match”.",
            lost.chars().take(100).collect::<String>()
        );
        Refusal(Problem::new(Status::BadRequest, "This filter is not understood").detail(detail))
    })?;
    Ok((act, target))
}

#[get("/operations/preview")]
pub async fn look(app: &State<App>, operator: Operator, wants: Wants, query: Query) -> Result<Previewed> {
    let (act, target) = match asked(&query, &query) {
        Ok(asked) => asked,
        Err(refusal) => return Ok(Previewed::Refused(refusal)),
    };
    let (subject, now) = (target.subject(), app.clock.now());
    let looked_for = target.clone();
    let met = app.store.read(move |conn| preview_queries::met(conn, act, &looked_for, now).map_err(Error::from)).await?;
    let rehearsed = rehearse(app, &met).await?;
    if wants == Wants::Json {
        return Ok(Previewed::Json(Json(preview::to_json(act, &target, &met, &rehearsed))));
    }
    let section = match subject {
        Subject::Jobs => Section::Outbox,
        Subject::Leads => Section::Leads,
        Subject::Receipts => Section::Inbox,
    };
    let shell = operator.shell(section, format!("{} all that fit", act.verb(subject)));
    Ok(Previewed::Page(Box::new(PreviewPage::new(shell, act, &target, &met).rehearsed(&rehearsed))))
}

async fn rehearse(app: &App, met: &Met) -> Result<Vec<Rehearsed>> {
    match &met.sample {
        Sample::Receipts(ids) => rehearsal::of(app, ids.clone()).await,
        _ => Ok(Vec::new()),
    }
}

/// What came of starting one.
enum Started {
    Begun(OperationId),
    /// The same is under way.
    Known(OperationId),
}

#[post("/operations", data = "<fields>")]
pub async fn start(app: &State<App>, operator: Operator, fields: Fields) -> Result<std::result::Result<Back, Refusal>> {
    let asked = Fields::parse(fields.text("filter").as_bytes()).map_err(Refusal).and_then(|filter| asked(&fields, &filter));
    let (act, target) = match asked {
        Ok(asked) => asked,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let act = if fields.text("mails") == "yes" { act.with_mails() } else { act };
    let (subject, now) = (target.subject(), app.clock.now());
    let looked_for = target.clone();
    let met = app.store.read(move |conn| preview_queries::met(conn, act, &looked_for, now).map_err(Error::from)).await?;
    if met.total == 0 && !met.is_floor {
        return Ok(Ok(Back::to(target.list_href()).saying(Flash::warn("Nothing fits any more; nothing was started."))));
    }
    let new = NewOperation {
        subject,
        act,
        filter: target.query(),
        reason: Some(fields.text("reason").chars().take(500).collect::<String>()).filter(|reason| !reason.is_empty()),
        started_by: operator.actor(),
        total: met.total,
        is_total_floor: met.is_floor,
    };
    Ok(Ok(match begin(app, &operator, target, new).await? {
        Started::Begun(id) => {
            Back::to(format!("/operations/{id}")).saying(Flash::ok("It has started. You may leave this page; it goes on."))
        }
        Started::Known(id) => Back::to(format!("/operations/{id}"))
            .saying(Flash::warn(format!("Operation {id} does exactly this already; nothing was started beside it."))),
    }))
}

async fn begin(app: &App, operator: &Operator, target: Target, new: NewOperation) -> Result<Started> {
    let (now, address) = (app.clock.now(), operator.address.ip.to_string());
    let line = LineId::mint(now);
    let begin = move |tx: &mut Tx<'_>| -> Result<Started> {
        let id_max = pick_queries::id_max(tx.conn(), &target)?;
        let Some(id) = operations::insert(tx, now, &line, id_max, &new)? else {
            let known = operations::twin(tx.conn(), new.subject, new.act, &new.filter)?;
            return known
                .map(|known| Started::Known(known.id))
                .ok_or_else(|| Error::Conflict("The same has just ended; look at the list again.".into()));
        };
        let (job, subject) = (BulkAct { operation: id }, id.subject());
        let order_key = Some(BulkAct::ORDER_KEY);
        let job =
            enqueue(tx, now, &NewJob { job: &job, line: &line, subject: &subject, unique_key: Some(&subject), order_key, run_at: now })?;
        operations::set_job(tx, id, job)?;
        let act = Audited {
            actor: &new.started_by,
            action: "bulk.start",
            subject: &subject,
            line: Some(&line),
            reason: new.reason.as_deref(),
            before: None,
            after: Some(
                json!({ "act": new.act, "subject": new.subject, "filter": new.filter, "total": new.total, "is_total_floor": new.is_total_floor }),
            ),
            address: Some(&address),
        };
        audit::record(tx, now, &act)?;
        Ok(Started::Begun(id))
    };
    Ok(app.store.write("bulk.start", "outbox.bulk", begin).await?)
}
