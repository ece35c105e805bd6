//! The list of orders, an order, and what belongs to none yet.

use rocket::response::Responder;
use rocket::serde::json::Json;
use rocket::{Route, State, get, routes};
use serde_json::{Value, json};

use super::booking::{queries as booking, views::Booking};
use super::checkout;
use super::list_queries::{self as list, OrderFilter};
use super::list_views::{self, OrderList, UnmatchedList};
use super::model::{Object, Order, OrderId, OrderState};
use super::queries;
use super::views::{OrderShow, OrderStory};
use crate::accounts::Viewer;
use crate::app::App;
use crate::audit;
use crate::clock::UtcTime;
use crate::db::Conn;
use crate::db::keyset::Place;
use crate::outbox::Registry;
use crate::outbox::waiting::Reasons;
use crate::people::queries as people;
use crate::saved_filters::{FilterStrip, List};
use crate::web::csv::{Outline, Row, row};
use crate::web::{CsvFile, Fields, ListForm, Query, Section, Shape};
use crate::{Error, Result};

/// The longest text that is searched for; ids of Stripe may have 255 characters.
const TEXT_MAX: usize = 255;

/// The pages.
pub fn routes() -> Vec<Route> {
    routes![index, unmatched, show]
}

/// The list as a page or as data.
#[derive(Responder)]
enum Orders {
    Page(Box<OrderList>),
    Json(Json<Value>),
    Csv(CsvFile),
}

impl OrderFilter {
    /// From the query of an address; what is not understood there narrows nothing.
    pub fn of(query: &Fields) -> Self {
        let text: String = query.text("text").chars().take(TEXT_MAX).collect();
        Self {
            state: OrderState::parse(query.text("state")),
            to_look_at: query.text("state") == "to_look_at",
            is_disputed: query.text("state") == "disputed",
            text: Some(text).filter(|text| !text.is_empty()),
        }
    }
}

#[get("/orders")]
async fn index(app: &State<App>, viewer: Viewer, form: ListForm, query: Query) -> Result<Orders> {
    let (filter, place): (_, Place) = (OrderFilter::of(&query), query.text("place").parse().unwrap_or_default());
    if form.shape != Shape::Page {
        let asked = json!({ "format": form.shape.as_str(), "state": query.text("state"), "text": filter.text });
        audit::record_taken(app, viewer.takes_along("orders.export", "orders", asked)).await?;
    }
    if form.shape == Shape::Csv {
        let read = move |conn: &mut Conn, place: Place| -> Result<(Vec<Row>, Option<Place>)> {
            let page = list::page(conn, &filter, place, 500)?;
            Ok((page.rows.iter().map(to_row).collect(), page.older))
        };
        return CsvFile::of_pages(&app.store, Outline { name: "orders".into(), header: HEADER, form }, place, read).await.map(Orders::Csv);
    }
    let (asked, user) = (filter.clone(), viewer.user().clone());
    let read = move |conn: &mut Conn| -> Result<_> {
        Ok((list::page(conn, &asked, place, list::PAGE)?, FilterStrip::read(conn, List::Orders, &user, &query)?))
    };
    let (page, saved) = app.store.read(read).await?;
    if form.shape == Shape::Page {
        let shell = viewer.shell(Section::Orders, "Orders").live("orders");
        return Ok(Orders::Page(Box::new(OrderList::new(shell, &filter, &page, saved))));
    }
    let next = page.older.map(|place| list_views::list_href(&filter, Some(place), form.in_next()));
    let orders: Vec<Value> = page.rows.iter().map(list_views::as_json).collect();
    Ok(Orders::Json(Json(json!({ "orders": orders, "next": next }))))
}

const HEADER: &[&str] = &[
    "id",
    "placed_at",
    "state",
    "currency",
    "total_minor",
    "paid_minor",
    "refunded_minor",
    "lost_minor",
    "attention",
    "email",
    "person",
    "paid_at",
    "line_id",
    "booking_failed_at",
];

fn to_row(order: &Order) -> Row {
    let standing = &order.standing;
    row![
        order.id.0,
        standing.placed_at,
        standing.state.as_str(),
        standing.currency.as_ref(),
        standing.total_minor,
        standing.paid_minor,
        standing.refunded_minor,
        standing.lost_minor,
        standing.attention.as_ref(),
        standing.email.as_ref(),
        standing.person.as_ref(),
        standing.paid_at,
        &order.line_id,
        order.booking_failed_at,
    ]
}

#[get("/orders/unmatched")]
async fn unmatched(app: &State<App>, viewer: Viewer, query: Query) -> Result<UnmatchedList> {
    let place: Place = query.text("place").parse().unwrap_or_default();
    let page = app.store.read(move |conn| list::unmatched(conn, place).map_err(Error::from)).await?;
    Ok(UnmatchedList::new(viewer.shell(Section::Orders, "Payments without an order").live("orders"), &page))
}

#[get("/orders/<id>")]
async fn show(app: &State<App>, registry: &State<Registry>, viewer: Viewer, id: i64) -> Result<OrderShow> {
    let (registry, now) = (registry.inner().clone(), app.clock.now());
    let read = move |conn: &mut Conn| -> Result<OrderStory> {
        let order = queries::find(conn, OrderId(id))?.ok_or(Error::NotFound("order"))?;
        let objects = queries::objects_of(conn, order.id, list::SHOWN_MAX)?;
        let subjects: Vec<String> = objects.iter().map(|object| Object::subject(&object.object_id)).chain([order.id.subject()]).collect();
        let checkout = checkout::of_order(conn, order.id)?;
        let booking = read_booking(conn, &registry, order.id, now)?;
        let (lines, happenings) = (queries::lines(conn, order.id)?, list::happenings(conn, &subjects)?);
        let whose = people::whose(conn, &order.id.subject())?;
        Ok(OrderStory { checkout, lines, happenings, whose, objects, booking, order })
    };
    let story = app.store.read(read).await?;
    Ok(OrderShow::new(viewer.shell(Section::Orders, format!("Order {id}")).live("orders"), &story))
}

/// What Books has of an order, and why it waits.
fn read_booking(conn: &mut Conn, registry: &Registry, order: OrderId, now: UtcTime) -> Result<Booking> {
    let job = booking::job_of(conn, order)?;
    let waiting = match &job {
        Some(job) => Reasons::read(conn, registry, std::slice::from_ref(job), now)?.explain(job),
        None => None,
    };
    Ok(Booking { steps: booking::steps(conn, order)?, job, waiting })
}
