//! The pages of imports, for admins: upload, look over, start, watch, and fetch what was refused.

use rocket::data::Data;
use rocket::http::ContentType;
use rocket::response::Responder;
use rocket::{Route, State, get, post, routes};

use super::model::{Import, ImportId, ImportState};
use super::plan::{Field, Plan};
use super::report::RefusedRows;
use super::staged::file;
use super::survey::{Survey, survey};
use super::upload::{self, Refusal};
use super::views::{ImportList, ImportShow};
use super::{actions, queries, run};
use crate::accounts::Admin;
use crate::app::App;
use crate::db::Tx;
use crate::db::keyset::Place;
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::web::{Back, Fields, Flash, Problem, Section};
use crate::{Error, Result};

/// Rows that a page looks through before it says what an import would do.
pub(super) const PREVIEW_ROWS: i64 = 5_000;

/// The pages and what admins may do there.
pub fn routes() -> Vec<Route> {
    routes![index, receive, show, choose, start, go_on, cancel, refused]
}

#[get("/imports?<place>")]
async fn index(app: &State<App>, admin: Admin, place: Option<&str>) -> Result<ImportList> {
    let place: Place = place.and_then(|place| place.parse().ok()).unwrap_or_default();
    let page = app.store.read(move |conn| queries::page(conn, place).map_err(Error::from)).await?;
    Ok(ImportList::new(admin.shell(Section::Leads, "Imports").live("imports"), &page))
}

#[derive(Responder)]
enum Received {
    Back(Back),
    Problem(Problem),
}

#[post("/imports", data = "<data>")]
async fn receive(app: &State<App>, admin: Admin, kind: Option<&ContentType>, data: Data<'_>) -> Result<Received> {
    Ok(match upload::receive(app, kind, data, admin.actor()).await {
        Ok(id) => Received::Back(Back::to(format!("/imports/{id}"))),
        Err(Refusal::File(why)) => Received::Back(Back::to("/imports").saying(Flash::bad(why))),
        Err(Refusal::Problem(problem)) => Received::Problem(problem),
        Err(Refusal::Error(cause)) => return Err(cause),
    })
}

#[get("/imports/<id>")]
async fn show(app: &State<App>, admin: Admin, id: i64) -> Result<ImportShow> {
    let import = find(app, id).await?;
    let plan = import.plan()?;
    let found = if import.state == ImportState::Staged && import.has_come() { Some(look(app, &import).await?) } else { None };
    let shell = admin.shell(Section::Leads, format!("Import {id}"));
    // One that waits for a person does not change by itself.
    let shell = if import.state == ImportState::Staged { shell } else { shell.live("imports") };
    Ok(ImportShow::new(shell, &import, &plan, found.as_ref()))
}

async fn look(app: &App, import: &Import) -> Result<Survey> {
    let rules = run::rules(app, import.plan()?).await?;
    survey(app, (file(app, (import.id, import.file_bytes)), rules), &import.source, PREVIEW_ROWS, |_| {}).await
}

#[post("/imports/<id>/columns", data = "<fields>")]
async fn choose(app: &State<App>, _admin: Admin, id: i64, fields: Fields) -> Result<Back> {
    let import = find(app, id).await?;
    let plan = match chosen(import.plan()?, &fields) {
        Ok(plan) => plan,
        Err(why) => return Ok(Back::to(format!("/imports/{id}")).saying(Flash::bad(why))),
    };
    let (now, source) = (app.clock.now(), upload::source_name(fields.text("source")));
    let choose = move |tx: &mut Tx<'_>| actions::choose(tx, import.id, (&source, &plan), now);
    let done = app.store.write("imports.choose", &import.id.subject(), choose).await;
    answer(id, done.map_err(Error::from), "This is what it would bring now.")
}

/// The columns as the form has them: `c0` is the first of the file.
fn chosen(mut plan: Plan, fields: &Fields) -> std::result::Result<Plan, String> {
    let mut taken: Vec<(Field, String)> = Vec::new();
    for (place, column) in plan.order.clone().into_iter().enumerate() {
        let Some(field) = Field::parse(fields.text(&format!("c{place}"))) else { continue };
        if let Some((_, other)) = taken.iter().find(|(held, _)| *held == field && !matches!(field, Field::Keep | Field::Drop)) {
            return Err(format!("“{other}” and “{column}” cannot both be {}: choose one.", field.as_str()));
        }
        taken.push((field, column.clone()));
        plan.columns.insert(column, field);
    }
    Ok(plan)
}

#[post("/imports/<id>/start")]
async fn start(app: &State<App>, admin: Admin, id: i64) -> Result<Back> {
    act(app, &admin, id, |tx, import, line, by| actions::start(tx, import, line, by).map(drop), "It is being imported.").await
}

#[post("/imports/<id>/continuation")]
async fn go_on(app: &State<App>, admin: Admin, id: i64) -> Result<Back> {
    act(app, &admin, id, |tx, import, line, by| actions::go_on(tx, import, line, by).map(drop), "It goes on where it was.").await
}

#[post("/imports/<id>/cancellation")]
async fn cancel(app: &State<App>, admin: Admin, id: i64) -> Result<Back> {
    let back =
        act(app, &admin, id, |tx, import, _, by| actions::cancel(tx, import, by), "It has ended. What it brought until now stays.").await?;
    // A run under way steps back by itself; a file that nobody started is needed no more.
    run::forget_file(app, ImportId(id)).await?;
    Ok(back)
}

async fn act(
    app: &App,
    admin: &Admin,
    id: i64,
    act: impl Fn(&mut Tx<'_>, ImportId, &LineId, &Request) -> Result<()> + Send + 'static,
    what: &str,
) -> Result<Back> {
    let import = find(app, id).await?;
    let now = app.clock.now();
    let by = admin.asks(now);
    let line = LineId::mint(now);
    let done = app.store.write("imports.act", &import.id.subject(), move |tx| act(tx, import.id, &line, &by)).await;
    answer(id, done.map_err(Error::from), what)
}

#[get("/imports/<id>/refused")]
async fn refused(app: &State<App>, admin: Admin, id: i64) -> Result<RefusedRows> {
    let import = find(app, id).await?;
    let now = app.clock.now();
    let by = admin.asks(now);
    let write_down = move |tx: &mut Tx<'_>| actions::refused_fetched(tx, ImportId(id), &by);
    app.store.write("imports.refused", &ImportId(id).subject(), write_down).await?;
    RefusedRows::of(app, &import)
}

async fn find(app: &App, id: i64) -> Result<Import> {
    app.store.read(move |conn| queries::find(conn, ImportId(id)).map_err(Error::from)).await?.ok_or(Error::NotFound("import"))
}

/// A refusal is a message on the page of the import; what the person saw may have been out of date.
fn answer(id: i64, done: Result<()>, what: &str) -> Result<Back> {
    let back = Back::to(format!("/imports/{id}"));
    match done {
        Ok(()) => Ok(back.saying(Flash::ok(what))),
        Err(Error::Conflict(why)) => Ok(back.saying(Flash::warn(why))),
        Err(other) => Err(other),
    }
}
