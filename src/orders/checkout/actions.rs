//! Begins a checkout: the order is on the disk before Stripe is asked, under a key that stays the same, so that nothing that
//! happens in between makes two of it.

use chrono::TimeDelta;
use diesel::QueryResult;
use serde_json::{Value, json};

use super::model::{Begun, NewCheckout};
use super::queries;
use super::session::Session;
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::line::LineId;
use crate::timeline::{self, Event};

/// A session that ends sooner than this is not handed out: the customer could not finish.
const TIME_TO_PAY: TimeDelta = TimeDelta::minutes(1);

/// What is refused when another request with the same key was faster: asking again finds its order.
pub const RACED: &str = "another request with this Idempotency-Key is being worked on; send it again";

/// A purchase by what the client may repeat it with.
#[derive(Clone, Debug)]
pub struct Repeatable {
    pub key_hash: String,
    pub body_hash: String,
}

/// Writes the order down, or finds the one that was asked for under the client's key.
pub fn begin(tx: &mut Tx<'_>, now: UtcTime, (reference, line): (&str, &LineId), new: &NewCheckout) -> Result<Begun> {
    if let Some(key_hash) = new.client_key_hash.clone()
        && let Some(resumed) = resume(tx, now, &Repeatable { key_hash, body_hash: new.body_hash.clone() })?
    {
        // Another request was faster by a moment: its page has not run out.
        let (Resumed::Stands(begun) | Resumed::RunsOut(begun)) = resumed;
        return Ok(begun);
    }
    let order = queries::insert(tx, now, (reference, line), new)?.ok_or_else(|| Error::Conflict(RACED.into()))?;
    tx.touch(Topic::Orders);
    let begun = queries::begun(tx.conn(), order)?.ok_or(Error::NotFound("order"))?.0;
    let sums = json!({ "amount_minor": new.total.amount_minor, "currency": new.total.currency.code() });
    tell(tx, now, ("order.begun", &begun.reference), &begun, sums)?;
    Ok(begun)
}

/// A purchase that was asked for before, and whether its page may be handed out.
#[derive(Clone, Debug, PartialEq)]
pub enum Resumed {
    /// It has an open page, or none yet.
    Stands(Begun),
    /// Its page has run out by our clock, or is about to; only Stripe knows whether somebody has paid there.
    RunsOut(Begun),
}

/// What is refused for a purchase that Stripe knows more about than we do.
pub fn paid_already() -> Error {
    Error::Conflict("this purchase has been paid or is being paid already".into())
}

/// The purchase that was asked for under this key; where Stripe has told that nobody can pay on its page any more, without one.
pub fn resume(tx: &mut Tx<'_>, now: UtcTime, asked: &Repeatable) -> Result<Option<Resumed>> {
    let Some(order) = queries::by_client_key(tx.conn(), &asked.key_hash)? else { return Ok(None) };
    let (begun, state) = queries::begun(tx.conn(), order)?.ok_or(Error::NotFound("order"))?;
    let checkout = &begun.checkout;
    if checkout.body_hash != asked.body_hash {
        return Err(Error::Conflict("this Idempotency-Key was used for another purchase; use a new key".into()));
    }
    if !state.is_payable() {
        return Err(paid_already());
    }
    let Some(session) = &checkout.session_id else { return Ok(Some(Resumed::Stands(begun))) };
    if queries::is_over(tx.conn(), session)? {
        return next(tx, now, &begun).map(|begun| Some(Resumed::Stands(begun)));
    }
    let runs_out = checkout.expires_at.is_some_and(|at| at < now + TIME_TO_PAY);
    Ok(Some(if runs_out { Resumed::RunsOut(begun) } else { Resumed::Stands(begun) }))
}

/// Nobody can pay on the page of this attempt any more: another is to be asked for, unless that was done meanwhile.
pub fn next(tx: &mut Tx<'_>, now: UtcTime, begun: &Begun) -> Result<Begun> {
    let (order, attempt) = (begun.checkout.order_id, begun.checkout.attempt);
    queries::next_attempt(tx, now, order, attempt)?;
    let (begun, state) = queries::begun(tx.conn(), order)?.ok_or(Error::NotFound("order"))?;
    if state.is_payable() { Ok(begun) } else { Err(paid_already()) }
}

/// Keeps the session that Stripe opened.
pub fn opened(tx: &mut Tx<'_>, now: UtcTime, begun: &Begun, session: &Session) -> Result<()> {
    if queries::opened(tx, now, (begun.checkout.order_id, begun.checkout.attempt), session)? == 0 {
        // A session that is not the order's may be handed to nobody: the order could be paid twice.
        return Err(Error::Conflict("another session was asked for meanwhile".into()));
    }
    tx.touch(Topic::Orders);
    tell(tx, now, ("checkout.opened", &session.id), begun, json!({ "attempt": begun.checkout.attempt }))?;
    Ok(())
}

/// Keeps what Stripe said, for the page of the order. Where Stripe keeps its refusal under our key, the next try needs another.
pub fn refused(tx: &mut Tx<'_>, now: UtcTime, begun: &Begun, (why, needs_new_key): (&str, bool)) -> Result<()> {
    let attempt = (begun.checkout.order_id, begun.checkout.attempt);
    queries::refused(tx, now, attempt, why)?;
    if needs_new_key {
        queries::next_attempt(tx, now, attempt.0, attempt.1)?;
    }
    tx.touch(Topic::Orders);
    Ok(())
}

fn tell(tx: &mut Tx<'_>, now: UtcTime, (kind, id): (&'static str, &str), begun: &Begun, data: Value) -> QueryResult<()> {
    let subject = begun.checkout.order_id.subject();
    let happened = Event { line: &begun.line, source: "checkout", source_event_id: id, kind, subject: &subject, occurred_at: now, data };
    timeline::record(tx, now, &happened)
}
