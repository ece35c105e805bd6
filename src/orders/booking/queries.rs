//! All SQL about what is booked.

use diesel::prelude::*;

use super::model::{NewStep, Step, StepId, StepKind};
use crate::clock::UtcTime;
use crate::db::schema::{booking_steps, jobs};
use crate::db::{Conn, Topic, Tx};
use crate::on_backend;
use crate::orders::OrderId;
use crate::outbox::{Job, JobRow};

/// Steps of one order that are looked at: three, and two for each refund.
const STEPS_MAX: i64 = 500;

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

/// The customer that an earlier order of the same key was booked to: a search of Books may not find it yet.
pub fn known_customer(conn: &mut Conn, key: &str, organisation: &str) -> QueryResult<Option<String>> {
    let id: Option<Option<String>> = booking_steps::table
        .filter(booking_steps::key.eq(key))
        .filter(booking_steps::kind.eq(StepKind::Customer))
        .filter(booking_steps::organisation_id.eq(organisation))
        .filter(booking_steps::zoho_id.is_not_null())
        .order(booking_steps::id.desc())
        .select(booking_steps::zoho_id)
        .first(conn)
        .optional()?;
    Ok(id.flatten())
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
