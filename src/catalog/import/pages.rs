//! `/products/imports`: upload, look over, start, watch. For operators, as products are.

use rocket::{Route, State, get, post, routes};

use super::model::{ImportId, ImportState, NewImport, ProductImport};
use super::preview::{Preview, preview, recognise};
use super::views::{ImportList, ImportShow};
use super::{actions, queries, rows};
use crate::accounts::Operator;
use crate::app::App;
use crate::db::keyset::Place;
use crate::db::{Conn, Tx};
use crate::line::LineId;
use crate::web::{Back, Flash, Section, Upload};
use crate::{Error, Result};

const PATH: &str = "/products/imports";
/// Uploaded files that wait to be started.
const STAGED_MAX: usize = 5;

/// The pages and what operators may do there.
pub fn routes() -> Vec<Route> {
    routes![index, receive, show, start, cancel]
}

#[get("/products/imports?<place>")]
async fn index(app: &State<App>, operator: Operator, place: Option<&str>) -> Result<ImportList> {
    let place: Place = place.and_then(|place| place.parse().ok()).unwrap_or_default();
    let page = app.store.read(move |conn| queries::page(conn, place).map_err(Error::from)).await?;
    Ok(ImportList::new(operator.shell(Section::Products, "Imports of products").live("catalog"), &page))
}

#[post("/products/imports", data = "<upload>")]
async fn receive(app: &State<App>, operator: Operator, upload: Upload) -> Result<Back> {
    let config = app.config.clone();
    let Upload { name, bytes } = upload;
    let created_by = operator.actor();
    let look = move |conn: &mut Conn| -> Result<std::result::Result<NewImport, String>> {
        if queries::count_staged(conn, STAGED_MAX as i64)? >= STAGED_MAX {
            return Ok(Err(format!("{STAGED_MAX} uploaded files wait to be imported: start or discard one of them first")));
        }
        Ok(recognise(conn, &config, &bytes)?.map(|(plan, rows)| {
            let row_count = rows.count();
            NewImport { file_name: name, content: bytes, plan, row_count, created_by }
        }))
    };
    let new = match app.store.read(look).await? {
        Ok(new) => new,
        Err(why) => return Ok(Back::to(PATH).saying(Flash::bad(format!("Nothing was kept: {why}.")))),
    };
    let by = operator.asks(app.clock.now());
    let id = app.store.write("catalog.stage_import", "product_imports", move |tx: &mut Tx<'_>| actions::stage(tx, &new, &by)).await?;
    Ok(Back::to(format!("{PATH}/{id}")))
}

#[get("/products/imports/<id>")]
async fn show(app: &State<App>, operator: Operator, id: i64) -> Result<ImportShow> {
    let (import, found) = look(app, ImportId(id)).await?;
    let shell = operator.shell(Section::Products, format!("Import {id}"));
    // One that waits for a person does not change by itself.
    let shell = if import.state == ImportState::Staged { shell } else { shell.live("catalog") };
    Ok(ImportShow::new(shell, &import, found))
}

/// An import, and what it would do while it is not started.
async fn look(app: &App, id: ImportId) -> Result<(ProductImport, Option<Preview>)> {
    let read = move |conn: &mut Conn| -> Result<(ProductImport, Option<Preview>)> {
        let import = queries::find(conn, id)?.ok_or(Error::NotFound("import"))?;
        let content = if import.state == ImportState::Staged { queries::content(conn, id)? } else { None };
        let Some(content) = content else { return Ok((import, None)) };
        let plan = import.plan()?;
        let rows = rows::read(&content, &plan).map_err(Error::Conflict)?;
        Ok((import, Some(preview(conn, &plan, rows)?)))
    };
    app.store.read(read).await
}

#[post("/products/imports/<id>/start")]
async fn start(app: &State<App>, operator: Operator, id: i64) -> Result<Back> {
    let back = Back::to(format!("{PATH}/{id}"));
    let (_, found) = look(app, ImportId(id)).await?;
    let refused = found.map_or(0, |found| found.refused.len());
    if refused > 0 {
        let why = format!("Nothing was imported: {refused} of its rows cannot be taken over. Mend them and upload the file again.");
        return Ok(back.saying(Flash::bad(why)));
    }
    let by = operator.asks(app.clock.now());
    let line = LineId::mint(by.now);
    let begin = move |tx: &mut Tx<'_>| actions::start(tx, ImportId(id), &line, &by).map(drop);
    let done = app.store.write("catalog.start_import", &ImportId(id).subject(), begin).await;
    answer(back, done.map_err(Error::from), "It is being imported.")
}

#[post("/products/imports/<id>/cancellation")]
async fn cancel(app: &State<App>, operator: Operator, id: i64) -> Result<Back> {
    look(app, ImportId(id)).await?;
    let by = operator.asks(app.clock.now());
    let end = move |tx: &mut Tx<'_>| actions::cancel(tx, ImportId(id), &by);
    let done = app.store.write("catalog.cancel_import", &ImportId(id).subject(), end).await;
    answer(Back::to(format!("{PATH}/{id}")), done.map_err(Error::from), "It has ended. What it brought until now stays.")
}

/// A refusal is a message on the page of the import; what the person saw may have been out of date.
fn answer(back: Back, done: Result<()>, what: &str) -> Result<Back> {
    match done {
        Ok(()) => Ok(back.saying(Flash::ok(what))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
