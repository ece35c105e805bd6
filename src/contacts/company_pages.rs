//! The list of companies, a company, and notes on one.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, post, routes};
use serde_json::{Value, json};

use super::actions::{self, parse_note};
use super::pages::searched;
use super::views::{CompanyList, CompanyShow};
use super::{export, show_queries as queries};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::audit;
use crate::db::keyset::Place;
use crate::db::{Conn, Tx};
use crate::line::LineId;
use crate::people::{CompanyId, list_queries, queries as people};
use crate::timeline::FeedFilter;
use crate::web::{Back, CsvFile, Fields, Flash, ListForm, Query, Section, Shape};
use crate::{Error, Result};

/// The pages.
pub fn routes() -> Vec<Route> {
    routes![index, show, note]
}

/// The list as a page or as data.
#[derive(Responder)]
enum Companies {
    Page(Box<CompanyList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/companies")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Companies> {
    let (text, place): (_, Place) = (searched(&query), query.text("place").parse().unwrap_or_default());
    if form.shape != Shape::Page {
        let asked = json!({ "format": form.shape.as_str(), "text": text });
        audit::record_taken(app, viewer.takes_along("companies.export", "companies", asked)).await?;
    }
    if form.shape == Shape::Csv {
        return export::companies(app, form, text, place).await.map(Companies::Csv);
    }
    let asked = text.clone();
    let read = move |conn: &mut Conn| list_queries::companies_page(conn, asked.as_deref(), place, list_queries::PAGE).map_err(Error::from);
    let page = app.store.read(read).await?;
    if form.shape == Shape::Page {
        let shell = viewer.shell(Section::Companies, "Companies").live("people");
        return Ok(Companies::Page(Box::new(CompanyList::new(shell, text.as_deref(), &page))));
    }
    Ok(Companies::Json(Json(export::companies_json(&page, text.as_deref(), form))))
}

#[get("/companies/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: i64, query: Query) -> Result<CompanyShow> {
    let (filter, place): (_, Place) = (FeedFilter::of(&query, viewer.times()), query.text("place").parse().unwrap_or_default());
    let asked = filter.clone();
    let firm = app.store.read(move |conn: &mut Conn| queries::company(conn, CompanyId(id), &asked, place)).await?;
    let shell = viewer.shell(Section::Companies, firm.company.name.clone()).live("people");
    Ok(CompanyShow::new(shell, &firm, &filter, viewer.may_operate()))
}

#[post("/companies/<id>/notes", data = "<fields>")]
async fn note(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Result<Back> {
    let (id, back) = (CompanyId(id), Back::to(format!("/companies/{id}")));
    let text = match parse_note(fields.text("note")) {
        Ok(text) => text,
        Err(mistake) => return Ok(back.saying(Flash::bad(mistake))),
    };
    let by = operator.asks(app.clock.now());
    let line = LineId::mint(by.now);
    let add = move |tx: &mut Tx<'_>| -> Result<()> {
        people::find_company(tx.conn(), id)?.ok_or(Error::NotFound("company"))?;
        actions::add_note(tx, &id.subject(), &line, &text, &by)
    };
    app.store.write("contacts.note", &id.subject(), add).await?;
    Ok(back.saying(Flash::ok("The note stands in the timeline.")))
}
