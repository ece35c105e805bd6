//! `/price-lists`: the lists, one list, and what operators may do with one.

use rocket::http::Status;
use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, post, routes};
use serde_json::{Value, json};

use super::model::{PriceList, PriceListId, Source};
use super::price_list_actions::{self as actions, Saved};
use super::price_list_form::PriceListForm;
use super::price_list_queries as queries;
use super::price_list_views::{self as views, PRICES_COUNTED_MAX, PriceListPage, PriceLists};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::money::Currency;
use crate::seller;
use crate::web::csv::Outline;
use crate::web::{Back, CsvFile, Fields, Flash, ListForm, Section, Shape};
use crate::{Error, Result};

/// The pages, and the actions of operators.
pub fn routes() -> Vec<Route> {
    routes![index, blank, create, show, edit]
}

/// The lists as a page or as data.
#[derive(Responder)]
enum Lists {
    Page(Box<PriceLists>),
    Json(Json<Value>),
    Csv(CsvFile),
}

/// The page again with what is wrong, or back to the list.
type Answer = Result<std::result::Result<Back, (Status, Box<PriceListPage>)>>;

#[get("/price-lists")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm) -> Result<Lists> {
    let lists = app.store.read(|conn| queries::all(conn).map_err(Error::from)).await?;
    Ok(match form.shape {
        Shape::Page => {
            let shell = viewer.shell(Section::Products, "Price lists").live("catalog");
            Lists::Page(Box::new(PriceLists::new(shell, &lists, viewer.may_operate())))
        }
        Shape::Json => Lists::Json(Json(json!({ "price_lists": lists.iter().map(views::to_json).collect::<Vec<_>>() }))),
        Shape::Csv => {
            let rows: Vec<_> = lists.iter().map(views::to_row).collect();
            Lists::Csv(CsvFile::whole(Outline { name: "price-lists".into(), header: views::HEADER, form }, &rows))
        }
    })
}

#[get("/price-lists/new")]
async fn blank(app: &State<App>, operator: Operator) -> Result<PriceListPage> {
    Ok(PriceListPage::blank(operator.shell(Section::Products, "New price list"), PriceListForm::empty(usual_currency(app).await?)))
}

#[post("/price-lists", data = "<fields>")]
async fn create(app: &State<App>, operator: Operator, fields: Fields) -> Answer {
    let times = operator.times();
    let blank = |form: PriceListForm| PriceListPage::blank(operator.shell(Section::Products, "New price list"), form);
    let facts = match PriceListForm::parse(&fields, None, times) {
        Ok((facts, _)) => facts,
        Err(form) => return again(Status::UnprocessableEntity, blank(*form), NOTHING_SAVED),
    };
    let (by, new) = (operator.asks(app.clock.now()), facts.clone());
    let write = move |tx: &mut Tx<'_>| actions::create(tx, &new, Source::Manual, &by);
    match app.store.write("catalog.create_price_list", "price_lists", write).await.map_err(Error::from) {
        Ok(Saved::Done(id)) => Ok(Ok(Back::to(format!("/price-lists/{id}")).saying(Flash::ok("The price list is added.")))),
        Ok(taken) => {
            let form = PriceListForm::typed(&facts, 0, times).with_taken(&taken);
            again(Status::UnprocessableEntity, blank(form), NOTHING_SAVED)
        }
        Err(Error::Conflict(why)) => again(Status::Conflict, blank(PriceListForm::typed(&facts, 0, times)), &format!("{why}.")),
        Err(other) => Err(other),
    }
}

#[get("/price-lists/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: i64) -> Result<PriceListPage> {
    page(app, &viewer, PriceListId(id)).await
}

#[post("/price-lists/<id>", data = "<fields>")]
async fn edit(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Answer {
    let (id, times) = (PriceListId(id), operator.times());
    let shown = page(app, &operator, id).await?;
    let (facts, version) = match PriceListForm::parse(&fields, Some(shown.currency), times) {
        Ok(parsed) => parsed,
        Err(form) => return again(Status::UnprocessableEntity, shown.with_form(*form), NOTHING_SAVED),
    };
    let (by, new) = (operator.asks(app.clock.now()), facts.clone());
    let write = move |tx: &mut Tx<'_>| actions::edit(tx, (id, version), &new, &by);
    match app.store.write("catalog.edit_price_list", "price_lists", write).await.map_err(Error::from) {
        Ok(Saved::Done(_)) => Ok(Ok(Back::to(format!("/price-lists/{id}")).saying(Flash::ok("The price list is saved.")))),
        Ok(taken) => {
            let form = PriceListForm::typed(&facts, version, times).with_taken(&taken);
            again(Status::UnprocessableEntity, shown.with_form(form), NOTHING_SAVED)
        }
        Err(Error::Conflict(why)) => {
            let now = page(app, &operator, id).await?;
            let form = PriceListForm::typed(&facts, now.form.version, times);
            let trouble =
                format!("{why}. What you typed is still here: save again to replace theirs, or open the page anew to see theirs.");
            again(Status::Conflict, now.with_form(form), &trouble)
        }
        Err(other) => Err(other),
    }
}

fn again(status: Status, page: PriceListPage, trouble: &str) -> Answer {
    Ok(Err((status, Box::new(page.with_trouble(trouble)))))
}

const NOTHING_SAVED: &str = "Nothing was saved yet";

async fn page(app: &App, viewer: &Viewer, id: PriceListId) -> Result<PriceListPage> {
    let read = move |conn: &mut Conn| -> Result<(PriceList, i64)> {
        let list = queries::find(conn, id)?.ok_or(Error::NotFound("price list"))?;
        Ok((list, queries::count_prices(conn, id, PRICES_COUNTED_MAX)?))
    };
    let (list, prices) = app.store.read(read).await?;
    let shell = viewer.shell(Section::Products, list.name.clone());
    Ok(PriceListPage::new(shell, &list, prices, viewer.may_operate()))
}

async fn usual_currency(app: &App) -> Result<Currency> {
    let config = app.config.clone();
    app.store.read(move |conn| seller::current(conn, &config).map(|seller| seller.currency).map_err(Error::from)).await
}
