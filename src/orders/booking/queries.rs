//! All SQL about what is booked.

use diesel::prelude::*;

use super::model::{NewStep, Step, StepId, StepKind};
use crate::clock::UtcTime;
use crate::db::schema::{booking_steps, books_gone_customers, jobs};
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;
use crate::orders::OrderId;
use crate::outbox::{Job, JobRow};

/// Steps of one order that are looked at: three, and two for each refund.
const STEPS_MAX: i64 = 500;
/// Earlier orders of a customer that are looked at.
const KNOWN_MAX: i64 = 50;

/// What of an order is to be booked, in order.
pub fn steps(conn: &mut Conn, order: OrderId) -> QueryResult<Vec<Step>> {
    let these = booking_steps::table.filter(booking_steps::order_id.eq(order)).order(booking_steps::id);
    these.limit(STEPS_MAX).select(Step::as_select()).load(conn)
}

/// Asks for a step; one that is there stays as it is.
pub fn ask(tx: &mut Tx<'_>, now: UtcTime, (order, currency): (OrderId, &str), new: &NewStep) -> QueryResult<()> {
    tx.touch(Topic::Orders);
    let row = (
        booking_steps::order_id.eq(order),
        booking_steps::kind.eq(new.kind),
        booking_steps::number.eq(new.number),
        booking_steps::key.eq(&new.key),
        booking_steps::amount_minor.eq(new.amount_minor),
        booking_steps::currency.eq(currency),
        booking_steps::asked_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(booking_steps::table).values(row).on_conflict_do_nothing().execute(c)).map(drop)
}

/// What Books has of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booked {
    pub zoho_id: String,
    pub account_id: Option<String>,
}

/// Writes down that a step is done; false: it was already.
pub fn finish(tx: &mut Tx<'_>, now: UtcTime, id: StepId, organisation: &str, booked: &Booked) -> QueryResult<bool> {
    tx.touch(Topic::Orders);
    let open = booking_steps::table.filter(booking_steps::id.eq(id)).filter(booking_steps::done_at.is_null());
    let done = diesel::update(open)
        .set((
            booking_steps::organisation_id.eq(organisation),
            booking_steps::zoho_id.eq(&booked.zoho_id),
            booking_steps::account_id.eq(&booked.account_id),
            booking_steps::done_at.eq(now),
        ))
        .execute(tx.conn())?;
    Ok(done == 1)
}

/// The customers that earlier orders of the same key were booked to, the last first: a search of Books may not find them yet. Without
/// those that Books no longer has.
pub fn known_customers(conn: &mut Conn, key: &str, organisation: &str) -> QueryResult<Vec<String>> {
    let ids: Vec<Option<String>> = booking_steps::table
        .filter(booking_steps::key.eq(key))
        .filter(booking_steps::kind.eq(StepKind::Customer))
        .filter(booking_steps::organisation_id.eq(organisation))
        .filter(booking_steps::zoho_id.is_not_null())
        .order(booking_steps::id.desc())
        .limit(KNOWN_MAX)
        .select(booking_steps::zoho_id)
        .load(conn)?;
    let mut ids: Vec<String> = ids.into_iter().flatten().collect();
    let gone = gone_among(conn, organisation, &ids)?;
    ids.retain(|id| !gone.contains(id));
    Ok(ids)
}

/// Those of these customers that Books no longer has.
pub fn gone_among(conn: &mut Conn, organisation: &str, ids: &[String]) -> QueryResult<Vec<String>> {
    on_backend!(conn, |c| books_gone_customers::table
        .filter(books_gone_customers::organisation_id.eq(organisation))
        .filter(books_gone_customers::zoho_id.eq_any(ids))
        .select(books_gone_customers::zoho_id)
        .load(c))
}

/// Books no longer has the customer of this step: it is open again, and nothing is booked to that customer from now on.
pub fn reopen(tx: &mut Tx<'_>, now: UtcTime, step: &Step) -> QueryResult<()> {
    tx.touch(Topic::Orders);
    let row = (
        books_gone_customers::organisation_id.eq(step.organisation_id.as_deref().unwrap_or_default()),
        books_gone_customers::zoho_id.eq(step.zoho_id.as_deref().unwrap_or_default()),
        books_gone_customers::found_at.eq(now),
    );
    on_backend!(tx.conn(), |c| diesel::insert_into(books_gone_customers::table).values(row).on_conflict_do_nothing().execute(c))?;
    diesel::update(booking_steps::table.filter(booking_steps::id.eq(step.id)))
        .set((booking_steps::zoho_id.eq(None::<String>), booking_steps::done_at.eq(None::<UtcTime>)))
        .execute(tx.conn())
        .map(drop)
}

/// The newest of these orders in whose booking something has this number of ours, or this id of Books.
pub fn orders_named(conn: &mut Conn, name: &str, most: i64) -> QueryResult<Vec<OrderId>> {
    let newest = booking_steps::id.desc();
    let of_ours = booking_steps::table.filter(booking_steps::key.eq(name.to_ascii_uppercase())).order(newest).limit(most);
    let mut ids: Vec<OrderId> = of_ours.select(booking_steps::order_id).load(conn)?;
    let of_books = booking_steps::table.filter(booking_steps::zoho_id.eq(name)).order(newest).limit(most);
    ids.extend(of_books.select(booking_steps::order_id).load::<OrderId>(conn)?);
    Ok(ids)
}

/// The newest job that books an order.
pub fn job_of(conn: &mut Conn, order: OrderId) -> QueryResult<Option<JobRow>> {
    jobs::table
        .filter(jobs::subject.eq(order.subject()))
        .filter(jobs::kind.eq(super::BookOrder::KIND))
        .order(jobs::id.desc())
        .select(JobRow::as_select())
        .first(conn)
        .optional()
}
