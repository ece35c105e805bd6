//! `/products`: the list, a product, and what operators may do with one.

use rocket::http::Status;
use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, post, routes};
use serde_json::{Value, json};

use super::actions::{self, Saved};
use super::filter::ProductFilter;
use super::form::{PriceForm, ProductForm};
use super::list_views::{Listing, ProductList};
use super::model::{PriceId, PriceList, ProductFacts, ProductId, QUANTITY_MAX, Source};
use super::queries::{self, Whole};
use super::views::{NewProduct, ProductShow, Shown};
use super::{export, list_queries as list, price_list_queries};
use crate::accounts::{Operator, Viewer};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::saved_filters::{FilterStrip, List};
use crate::seller::{self, Seller};
use crate::web::{Back, CsvFile, Fields, Flash, ListForm, Query, Section, Shape};
use crate::{Error, Result};

/// The pages, and the actions of operators.
pub fn routes() -> Vec<Route> {
    routes![index, blank, create, show, edit, set_price, remove_price]
}

/// The list as a page or as data.
#[derive(Responder)]
enum Products {
    Page(Box<ProductList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

/// The page again with what is wrong, or back to it.
type Answer<P> = Result<std::result::Result<Back, (Status, Box<P>)>>;

#[get("/products")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Products> {
    let (filter, place) = (ProductFilter::of(&query), query.text("place").parse().unwrap_or_default());
    let now = app.clock.now();
    if form.shape == Shape::Csv {
        return export::csv(app, form, (filter, place), now).await.map(Products::Csv);
    }
    let (is_page, user) = (form.shape == Shape::Page, viewer.user().clone());
    let read = move |conn: &mut Conn| -> Result<Listing> {
        let found = list::page(conn, &filter, place, list::PAGE)?;
        let (counts, categories) = if is_page { (list::counts(conn)?, list::categories(conn)?) } else { (Vec::new(), Vec::new()) };
        let saved = FilterStrip::read(conn, List::Products, &user, &query)?;
        Ok(Listing { filter, found, counts, categories, saved })
    };
    let listing = app.store.read(read).await?;
    if is_page {
        let shell = viewer.shell(Section::Products, "Products and prices").live("catalog");
        return Ok(Products::Page(Box::new(ProductList::new(shell, &listing, place, viewer.may_operate()))));
    }
    let rows: Vec<Value> = listing.found.page.rows.iter().map(|row| export::to_json(row, now)).collect();
    let next = listing.on().map(|place| listing.filter.href(Some(place), form.in_next()));
    Ok(Products::Json(Json(json!({ "products": rows, "next": next }))))
}

#[get("/products/new")]
async fn blank(app: &State<App>, operator: Operator) -> Result<NewProduct> {
    let seller = seller_of(app).await?;
    Ok(NewProduct::new(operator.shell(Section::Products, "New product"), &seller, ProductForm::empty()))
}

#[post("/products", data = "<fields>")]
async fn create(app: &State<App>, operator: Operator, fields: Fields) -> Answer<NewProduct> {
    let again = |seller: &Seller, form: ProductForm| {
        let page = NewProduct::new(operator.shell(Section::Products, "New product"), seller, form);
        Ok(Err((Status::UnprocessableEntity, Box::new(page))))
    };
    let facts = match ProductForm::parse(&fields) {
        Ok((facts, _)) => facts,
        Err(form) => return again(&seller_of(app).await?, *form),
    };
    let (by, new) = (operator.asks(app.clock.now()), facts.clone());
    let write = move |tx: &mut Tx<'_>| actions::create(tx, &new, Source::Manual, &by);
    match app.store.write("catalog.create_product", "products", write).await? {
        Saved::Done(id) => Ok(Ok(Back::to(format!("/products/{id}")).saying(Flash::ok("The product is added. Give it a price next.")))),
        Saved::SkuTaken(_) => again(&seller_of(app).await?, ProductForm::of(&facts, 0).with_sku_taken()),
    }
}

/// `?quantity=`: the working is that of so many.
#[get("/products/<id>?<quantity>")]
async fn show(app: &State<App>, viewer: Viewer, id: i64, quantity: Option<i64>) -> Result<ProductShow> {
    let quantity = quantity.filter(|quantity| (1..=QUANTITY_MAX).contains(quantity)).unwrap_or(1);
    page(app, &viewer, ProductId(id), quantity).await
}

#[post("/products/<id>", data = "<fields>")]
async fn edit(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Answer<ProductShow> {
    let id = ProductId(id);
    let (facts, version) = match ProductForm::parse(&fields) {
        Ok(parsed) => parsed,
        Err(form) => return again(app, &operator, id, Status::UnprocessableEntity, |page| page.with_form(*form)).await,
    };
    let (by, new) = (operator.asks(app.clock.now()), facts.clone());
    let write = move |tx: &mut Tx<'_>| actions::edit(tx, (id, version), &new, &by);
    match app.store.write("catalog.edit_product", &id.subject(), write).await.map_err(Error::from) {
        Ok(Saved::Done(_)) => Ok(Ok(Back::to(format!("/products/{id}")).saying(Flash::ok("The product is saved.")))),
        Ok(Saved::SkuTaken(_)) => {
            let form = ProductForm::of(&facts, version).with_sku_taken();
            again(app, &operator, id, Status::UnprocessableEntity, |page| page.with_form(form)).await
        }
        Err(Error::Conflict(why)) => again(app, &operator, id, Status::Conflict, |page| page.with_edit_conflict(&facts, &why)).await,
        Err(other) => Err(other),
    }
}

#[post("/products/<id>/prices", data = "<fields>")]
async fn set_price(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Answer<ProductShow> {
    let id = ProductId(id);
    let lists = app.store.read(|conn| price_list_queries::all(conn).map_err(Error::from)).await?;
    let (new, version) = match PriceForm::parse(&fields, &lists) {
        Ok(parsed) => parsed,
        Err(form) => return again(app, &operator, id, Status::UnprocessableEntity, |page| page.with_price_form(*form)).await,
    };
    let by = operator.asks(app.clock.now());
    let write = move |tx: &mut Tx<'_>| actions::set_price(tx, (id, version), new, &by);
    let done = app.store.write("catalog.set_price", &id.subject(), write).await.map_err(Error::from);
    price_answer(app, &operator, (id, done), (&fields, "The price is set.")).await
}

#[post("/products/<id>/prices/removal", data = "<fields>")]
async fn remove_price(app: &State<App>, operator: Operator, id: i64, fields: Fields) -> Answer<ProductShow> {
    let (id, price) = (ProductId(id), PriceId(fields.text("price").parse().unwrap_or_default()));
    let version = fields.text("version").parse().unwrap_or_default();
    let by = operator.asks(app.clock.now());
    let write = move |tx: &mut Tx<'_>| actions::remove_price(tx, (id, version), price, &by);
    let done = app.store.write("catalog.remove_price", &id.subject(), write).await.map_err(Error::from);
    price_answer(app, &operator, (id, done), (&fields, "The price is removed.")).await
}

async fn price_answer(
    app: &App,
    operator: &Operator,
    (id, done): (ProductId, Result<()>),
    (typed, what): (&Fields, &str),
) -> Answer<ProductShow> {
    match done {
        Ok(()) => Ok(Ok(Back::to(format!("/products/{id}")).saying(Flash::ok(what)))),
        Err(Error::Conflict(why)) => again(app, operator, id, Status::Conflict, |page| page.with_price_conflict(typed, &why)).await,
        Err(other) => Err(other),
    }
}

async fn again(
    app: &App,
    operator: &Operator,
    id: ProductId,
    status: Status,
    change: impl FnOnce(ProductShow) -> ProductShow,
) -> Answer<ProductShow> {
    Ok(Err((status, Box::new(change(page(app, operator, id, 1).await?)))))
}

async fn page(app: &App, viewer: &Viewer, id: ProductId, quantity: i64) -> Result<ProductShow> {
    let config = app.config.clone();
    let read = move |conn: &mut Conn| -> Result<(Whole, Vec<PriceList>, Seller)> {
        let whole = queries::find(conn, id)?.ok_or(Error::NotFound("product"))?;
        Ok((whole, price_list_queries::all(conn)?, seller::current(conn, &config)?))
    };
    let (whole, lists, seller) = app.store.read(read).await?;
    let facts = ProductFacts::of(&whole.product, &whole.names);
    let shell = viewer.shell(Section::Products, facts.names.first().map_or(facts.sku.as_str(), |(_, name)| name));
    let may_edit = viewer.may_operate();
    Ok(ProductShow::new(shell, &Shown { whole, facts, lists, seller, quantity, may_edit }))
}

async fn seller_of(app: &App) -> Result<Seller> {
    let config = app.config.clone();
    app.store.read(move |conn| seller::current(conn, &config).map_err(Error::from)).await
}
