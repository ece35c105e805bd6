//! The list of companies, and a company.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, routes};
use serde_json::{Value, json};

use super::pages::searched;
use super::views::{CompanyList, CompanyShow};
use super::{export, show_queries as queries};
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::people::{CompanyId, list_queries};
use crate::timeline::FeedFilter;
use crate::web::{CsvFile, ListForm, Query, Section, Shape};
use crate::{Error, Result};

/// The pages.
pub fn routes() -> Vec<Route> {
    routes![index, show]
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
    let (asked, is_page) = (text.clone(), form.shape == Shape::Page);
    let ask = if is_page { list_queries::companies_page } else { list_queries::companies_piece };
    let read = move |conn: &mut Conn| ask(conn, asked.as_deref(), place, list_queries::PAGE).map_err(Error::from);
    let page = app.store.read(read).await?;
    if is_page {
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
