//! The inbox: what providers told us, one by one, and how each type of event fares.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, routes};
use serde_json::{Value, json};

use super::filter::ReceiptFilter;
use super::list_queries as list;
use super::model::{ReceiptId, ReceiptState};
use super::receipt_views::{Found, ReceiptShow};
use super::statistics::{self, TypeFigures};
use super::statistics_views::StatisticsPage;
use super::views::{Listing, ReceiptList};
use super::{export, queries};
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::db::Conn;
use crate::saved_filters::{FilterStrip, List};
use crate::timeline::story;
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, ListForm, Query, Section, Shape};
use crate::{Error, Result};

/// States whose number is told: those in which something is to be done, or will be.
const COUNTED: [ReceiptState; 3] = [ReceiptState::Received, ReceiptState::Refused, ReceiptState::Failed];

/// The pages for looking.
pub fn routes() -> Vec<Route> {
    routes![index, by_type, show]
}

/// The list as a page or as data.
#[derive(Responder)]
enum Receipts {
    Page(Box<ReceiptList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

#[get("/inbox")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Receipts> {
    let (filter, place) = (ReceiptFilter::of(&query), query.text("place").parse().unwrap_or_default());
    if form.shape != Shape::Page {
        let asked = json!({ "format": form.shape.as_str(), "from": filter.href(None, "") });
        audit::record_taken(app, viewer.takes_along("inbox.export", "inbox", asked)).await?;
    }
    if form.shape == Shape::Csv {
        return export::csv(app, form, filter, place).await.map(Receipts::Csv);
    }
    let (is_page, user) = (form.shape == Shape::Page, viewer.user().clone());
    let read = move |conn: &mut Conn| -> Result<Listing> {
        let page = list::page(conn, &filter, place, list::PAGE)?;
        let saved = FilterStrip::read(conn, List::Inbox, &user, &query)?;
        if !is_page {
            return Ok(Listing { filter, page, counts: Vec::new(), providers: Vec::new(), types: Vec::new(), saved });
        }
        let counts = COUNTED.into_iter().map(|state| Ok((state, statistics::count(conn, state)?))).collect::<Result<_>>()?;
        Ok(Listing { filter, page, counts, providers: list::providers(conn)?, types: list::types(conn)?, saved })
    };
    let listing = app.store.read(read).await?;
    if is_page {
        let shell = viewer.shell(Section::Inbox, "Inbox").live("inbox");
        return Ok(Receipts::Page(Box::new(ReceiptList::new(shell, &listing, viewer.may_operate()))));
    }
    let receipts: Vec<Value> = listing.page.rows.iter().map(export::to_json).collect();
    let next = listing.page.older.map(|place| listing.filter.href(Some(place), form.in_next()));
    Ok(Receipts::Json(Json(json!({ "receipts": receipts, "next": next }))))
}

#[get("/inbox/<id>")]
async fn show(app: &State<App>, viewer: Viewer, id: i64) -> Result<ReceiptShow> {
    let id = ReceiptId(id);
    let read = move |conn: &mut Conn| -> Result<Found> {
        let receipt = queries::find(conn, id)?.ok_or(Error::NotFound("receipt"))?;
        let (job, story) = (list::last_job(conn, id)?, story::of_line(conn, &receipt.line_id)?);
        Ok(Found { receipt, job, story })
    };
    let found = app.store.read(read).await?;
    Ok(ReceiptShow::new(viewer.shell(Section::Inbox, format!("Receipt {id}")).live("inbox"), &found, viewer.may_operate()))
}

/// The statistics as a page or as data.
#[derive(Responder)]
enum Statistics {
    Page(Box<StatisticsPage>),
    Json(Json<Value>),
    Csv(CsvFile),
}

const HEADER: &[&str] =
    &["event_type", "received", "handled", "superseded", "not_handled", "refused", "failed", "waiting", "duplicates", "last_at"];

#[get("/inbox/statistics")]
async fn by_type(app: &State<App>, viewer: Viewer, form: ListForm) -> Result<Statistics> {
    let figures = app.store.read(|conn: &mut Conn| -> Result<_> { Ok(statistics::by_type(conn)?) }).await?;
    Ok(match form.shape {
        Shape::Page => {
            let shell = viewer.shell(Section::Inbox, "Inbox statistics").live("inbox");
            Statistics::Page(Box::new(StatisticsPage::new(shell, &figures)))
        }
        Shape::Json => Statistics::Json(Json(
            json!({ "types": figures.iter().map(to_json).collect::<Vec<_>>(), "looked_at_most": statistics::LOOKED_MAX }),
        )),
        Shape::Csv => {
            let rows: Vec<Row> = figures.iter().map(to_row).collect();
            Statistics::Csv(CsvFile::whole(Outline { name: "inbox-statistics".into(), header: HEADER, form }, &rows))
        }
    })
}

fn to_json(figures: &TypeFigures) -> Value {
    let mut told = json!(figures);
    told["last_at"] = json!(figures.last_at.map(|at| at.and_utc()));
    told
}

fn to_row(figures: &TypeFigures) -> Row {
    row![
        &figures.event_type,
        figures.received,
        figures.handled,
        figures.superseded,
        figures.not_handled,
        figures.refused,
        figures.failed,
        figures.waiting,
        figures.duplicates,
        figures.last_at,
    ]
}
