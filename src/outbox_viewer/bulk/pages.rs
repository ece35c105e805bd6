//! The list of operations and an operation, and its end by a person.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{State, get, post};
use serde_json::{Value, json};

use super::model::{Operation, OperationId, OperationState};
use super::operation_queries::{self as operations, End, PAGE};
use super::views::{self, OperationList, OperationShow, OperationStory};
use super::{export, preview};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::audit::{self, Act as Audited};
use crate::db::{Conn, Topic, Tx};
use crate::line::LineId;
use crate::timeline::story;
use crate::web::{Back, CsvFile, Fields, Flash, ListForm, Query, Section, Shape, Wants};
use crate::{Error, Result};

/// The list as a page, as data or as a file.
#[derive(Responder)]
pub enum Listed {
    Page(Box<OperationList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/operations")]
pub async fn list(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Listed> {
    let before = query.text("before").parse().ok().map(OperationId);
    if form.shape == Shape::Csv {
        return export::csv(app, form, before).await.map(Listed::Csv);
    }
    let read = move |conn: &mut Conn| -> Result<_> {
        let operations = operations::page(conn, before, PAGE)?;
        let people = story::people(conn, operations.iter().map(|operation| operation.started_by.as_str()))?;
        Ok((operations, people))
    };
    let (mut operations, people) = app.store.read(read).await?;
    let has_more = i64::try_from(operations.len()).is_ok_and(|count| count > PAGE);
    operations.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let older = operations.last().filter(|_| has_more).map(|operation| operation.id);
    if form.shape == Shape::Json {
        let next = older.map(|id| crate::web::parts::href("/operations", &[("before", &id.to_string()), ("format", form.in_next())]));
        let all: Vec<Value> = operations.iter().map(views::to_json).collect();
        return Ok(Listed::Json(Json(json!({ "operations": all, "next": next }))));
    }
    let shell = viewer.shell(Section::Outbox, "Bulk operations").live("outbox");
    Ok(Listed::Page(Box::new(OperationList::new(shell, &operations, &people, (before.is_some(), older)))))
}

/// An operation as a page or as data.
#[derive(Responder)]
pub enum Shown {
    Page(Box<OperationShow>),
    Json(Json<Value>),
}

#[get("/operations/<id>")]
pub async fn show(app: &State<App>, viewer: Viewer, wants: Wants, id: i64) -> Result<Shown> {
    let id = OperationId(id);
    let read = move |conn: &mut Conn| -> Result<OperationStory> {
        let operation = operations::find(conn, id)?.ok_or(Error::NotFound("operation"))?;
        let before = if operation.state == OperationState::Waiting { operations::before(conn, Some(id))? } else { None };
        let actors = [Some(operation.started_by.as_str()), operation.cancelled_by.as_deref()];
        let people = story::people(conn, actors.into_iter().flatten())?;
        Ok(OperationStory { operation, before, people })
    };
    let told = app.store.read(read).await?;
    if wants == Wants::Json {
        return Ok(Shown::Json(Json(views::to_json(&told.operation))));
    }
    let shell = viewer.shell(Section::Outbox, preview::title(&told.operation)).live("outbox");
    Ok(Shown::Page(Box::new(OperationShow::new(shell, &told, viewer.may_operate()))))
}

#[post("/operations/<id>/cancellation", data = "<fields>")]
pub async fn cancel(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    let reason = Some(fields.text("reason").chars().take(500).collect::<String>()).filter(|reason| !reason.is_empty());
    let (id, actor, address, now) = (OperationId(id), operator.actor(), operator.address.ip.to_string(), app.clock.now());
    let stop = move |tx: &mut Tx<'_>| -> Result<Operation> {
        let ended = End { state: OperationState::Cancelled, cancelled_by: Some(&actor), error: None };
        let has_ended = operations::end(tx, now, id, &ended)?;
        let operation = operations::find(tx.conn(), id)?.ok_or(Error::NotFound("operation"))?;
        if !has_ended {
            return Err(Error::Conflict("This operation had ended before.".into()));
        }
        let act = Audited {
            actor: &actor,
            action: "bulk.cancel",
            subject: &id.subject(),
            line: Some(&LineId::from_stored(operation.line_id.clone())),
            reason: reason.as_deref(),
            before: None,
            after: Some(json!({ "done": operation.done, "skipped": operation.skipped, "refused": operation.refused })),
            address: Some(&address),
        };
        audit::record(tx, now, &act)?;
        tx.touch(Topic::Jobs);
        Ok(operation)
    };
    let back = Back::to(format!("/operations/{id}"));
    match app.store.write("bulk.cancel", "outbox.bulk", stop).await.map_err(Error::from) {
        Ok(_) => Ok(back.saying(Flash::ok("It is cancelled. What was done until then stays done."))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
