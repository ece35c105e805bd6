//! The linker: once a second it goes on from the last event it passed and finds out whose each new one is. A lead or an order that nobody
//! knows yet is identified then, behind the intake, which never waits for it; what happened before is linked with it. It begins at the
//! first event there is, so it is also what brings in the leads and orders that were there before it.
//!
//! On PostgreSQL ids become visible out of order. An id that was passed without being seen is a gap, looked at again until it is filled
//! or too old to come; so an event that commits late is linked late, and never missed. All of it runs under one row's lock.
//!
//! Where a chunk fails its events are passed one by one, and the one that cannot be linked is set aside (`aside`).

use std::collections::BTreeMap;

use diesel::QueryResult;

use super::linker_queries::{self as queries, GAP_LIFE, Gap, Next, Passed};
use super::{aside, aside_queries};
use crate::app::App;
use crate::clock::UtcTime;
use crate::db::{Engine, Tx};
use crate::error::{Error, Result};
use crate::leads::{self, LeadId};
use crate::orders::{self, Object, OrderId};
use crate::people::queries::Link;
use crate::people::{self, Facts, Identified, queries as links};
use crate::timeline::links::{self as timelines, Linked};

/// How its writes are called: one name, so that they never run beside each other.
pub(super) const WRITE: &str = "people.link";
/// Events read in one transaction.
pub(super) const EVENTS_MAX: i64 = 250;
/// Rows written in one transaction, after which it ends: somebody new is nine, an event of somebody known is one.
const ROWS_MAX: usize = 400;
/// Transactions of one call.
const CHUNKS_MAX: usize = 25;
/// Gaps looked at in one transaction.
const GAPS_MAX: i64 = 100;
/// Kinds of events that say that money came in.
const PAID: [&str; 3] = ["checkout.paid", "payment.succeeded", "invoice.paid"];
/// Objects of one order or customer that are linked with it.
const OBJECTS_MAX: i64 = 200;

/// Links what is new and tells how many events were looked at. Several processes may call it at once: one of them does the work.
pub async fn link_new(app: &App) -> Result<usize> {
    let mut passed_total = 0;
    for chunk in 0..CHUNKS_MAX {
        let now = app.clock.now();
        // While requests wait for the writer, one chunk a second is enough.
        let is_pressed = chunk > 0 && app.store.queue_lengths().iter().any(|waiting| *waiting > 0);
        if is_pressed || !app.store.read(move |conn| queries::is_any_new(conn, now).map_err(Error::from)).await? {
            break;
        }
        let passed = match app.store.write_bulk(WRITE, move |tx| link_chunk(tx, now).map_err(Error::from)).await {
            Ok(passed) => passed,
            Err(cause) => aside::after(app, cause).await?,
        };
        passed_total += passed;
        if passed == 0 {
            break;
        }
    }
    Ok(passed_total)
}

fn link_chunk(tx: &mut Tx<'_>, now: UtcTime) -> QueryResult<usize> {
    let Some(place) = queries::lock(tx.conn())? else { return Ok(0) };
    let mut linker = Linker::new(tx, now);
    let late = linker.look_into_gaps()?;
    let events = queries::after(linker.tx.conn(), place, EVENTS_MAX)?;
    linker.learn(&events)?;
    let (mut last, mut passed) = (place, late);
    for event in &events {
        if linker.rows >= ROWS_MAX {
            break;
        }
        linker.link(event)?;
        linker.note_gap(last, event.id)?;
        last = event.id;
        passed += 1;
    }
    queries::save(linker.tx, now, last)?;
    Ok(passed)
}

/// Passes one event: links it or, with a reason, sets it aside. False: another process was there first.
pub(super) fn pass(tx: &mut Tx<'_>, now: UtcTime, next: &Next, why_not: Option<&str>) -> QueryResult<bool> {
    if queries::lock(tx.conn())? != Some(next.place) {
        return Ok(false);
    }
    let mut linker = Linker::new(tx, now);
    if let Some(gap) = next.gap {
        if !queries::close_gap(linker.tx, gap)? {
            return Ok(false);
        }
        linker.reopen(Gap { last_id: next.event.id - 1, ..gap }, false)?;
        linker.reopen(Gap { first_id: next.event.id + 1, ..gap }, false)?;
    } else {
        linker.note_gap(next.place, next.event.id)?;
        queries::save(linker.tx, now, next.event.id)?;
    }
    match why_not {
        None => linker.link_alone(&next.event)?,
        Some(reason) => aside_queries::set_aside(linker.tx, now, &next.event, reason)?,
    }
    Ok(true)
}

/// Links one event that was set aside. False: another process is linking at this moment.
pub(super) fn link_late(tx: &mut Tx<'_>, now: UtcTime, event_id: i64) -> QueryResult<bool> {
    if queries::lock(tx.conn())?.is_none() {
        return Ok(false);
    }
    // What retention has removed since needs no owner.
    if let Some(event) = queries::event(tx.conn(), event_id)? {
        Linker::new(tx, now).link_alone(&event)?;
    }
    aside_queries::forget(tx, event_id)?;
    Ok(true)
}

/// One transaction of linking.
struct Linker<'a, 'tx> {
    tx: &'a mut Tx<'tx>,
    now: UtcTime,
    /// Whose a subject or a line is, as far as asked; None: nobody's yet.
    known: BTreeMap<String, Option<Identified>>,
    /// Rows written.
    rows: usize,
}

impl<'a, 'tx> Linker<'a, 'tx> {
    fn new(tx: &'a mut Tx<'tx>, now: UtcTime) -> Self {
        Self { tx, now, known: BTreeMap::new(), rows: 0 }
    }

    fn link_alone(&mut self, event: &Passed) -> QueryResult<()> {
        self.learn(std::slice::from_ref(event))?;
        self.link(event)
    }

    /// Links what has appeared in gaps; tells how many events that were.
    fn look_into_gaps(&mut self) -> QueryResult<usize> {
        let mut found = 0;
        for gap in queries::gaps(self.tx.conn(), GAPS_MAX)? {
            let events = queries::within(self.tx.conn(), gap, EVENTS_MAX)?;
            let is_over = gap.seen_at <= self.now - GAP_LIFE;
            if events.is_empty() && !is_over || self.rows >= ROWS_MAX {
                continue;
            }
            self.learn(&events)?;
            queries::close_gap(self.tx, gap)?;
            let mut next = gap.first_id;
            for event in &events {
                self.link(event)?;
                self.reopen(Gap { first_id: next, last_id: event.id - 1, ..gap }, is_over)?;
                next = event.id + 1;
            }
            self.reopen(Gap { first_id: next, ..gap }, is_over)?;
            found += events.len() + usize::from(is_over);
        }
        Ok(found)
    }

    fn reopen(&mut self, gap: Gap, is_over: bool) -> QueryResult<()> {
        if is_over || gap.first_id > gap.last_id {
            return Ok(());
        }
        self.rows += 1;
        queries::open_gap(self.tx, gap)
    }

    /// SQLite gives ids in the order of its commits: what is not there will never be.
    fn note_gap(&mut self, before: i64, after: i64) -> QueryResult<()> {
        let is_late = self.tx.conn().engine() == Engine::Sqlite;
        self.reopen(Gap { first_id: before + 1, last_id: after - 1, seen_at: self.now }, is_late)
    }

    /// Asks for all events at once whose they are.
    fn learn(&mut self, events: &[Passed]) -> QueryResult<()> {
        let subjects: Vec<String> = events.iter().map(|event| event.subject.clone()).collect();
        let lines: Vec<String> = events.iter().map(|event| event.line_id.clone()).collect();
        let by_line = links::links_of_lines(self.tx.conn(), &lines)?;
        let by_subject = links::links(self.tx.conn(), &subjects)?;
        for link in by_line {
            self.known.insert(link.line_id.clone().unwrap_or_default(), Some(whose(&link)));
        }
        for link in by_subject {
            self.known.insert(link.subject.clone(), Some(whose(&link)));
        }
        Ok(())
    }

    fn link(&mut self, event: &Passed) -> QueryResult<()> {
        let owner = match event.subject.split_once(':') {
            // A note says itself where it belongs.
            Some(("contact" | "company", _)) => Some(event.subject.clone()),
            _ => self.of_event(event)?.map(|whose| whose.contact.subject()),
        };
        let Some(owner) = owner else { return Ok(()) };
        let linked = Linked { event_id: event.id, occurred_at: event.occurred_at, source: &event.source, kind: &event.kind };
        self.rows += timelines::link(self.tx, &owner, linked)?;
        Ok(())
    }

    fn of_event(&mut self, event: &Passed) -> QueryResult<Option<Identified>> {
        match self.of_subject(&event.subject)? {
            Some(whose) if PAID.contains(&event.kind.as_str()) => self.vouch(&event.subject, whose).map(Some),
            Some(whose) => Ok(Some(whose)),
            None => Ok(self.known.get(&event.line_id).copied().flatten()),
        }
    }

    /// Money came in: what was merely stated with the order before is vouched for from now on. The object itself may have been linked
    /// long ago, when its payment was under way.
    fn vouch(&mut self, subject: &str, whose: Identified) -> QueryResult<Identified> {
        let object = subject.strip_prefix("stripe:").map(|id| orders::queries::object(self.tx.conn(), id)).transpose()?.flatten();
        let Some(order) = object.and_then(|object| object.order_id) else { return Ok(whose) };
        // Once in a transaction is enough: the order is read as it stands by now, not as it was at the event.
        Ok(self.of_subject(&order.subject())?.unwrap_or(whose))
    }

    fn of_subject(&mut self, subject: &str) -> QueryResult<Option<Identified>> {
        if let Some(known) = self.known.get(subject) {
            return Ok(*known);
        }
        let found = match subject.split_once(':') {
            Some(("lead", id)) => id.parse().ok().map(|id| self.of_lead(LeadId(id))).transpose()?.flatten(),
            Some(("order", id)) => id.parse().ok().map(|id| self.of_order(OrderId(id))).transpose()?.flatten(),
            Some(("stripe", id)) => self.of_object(id)?,
            _ => None,
        };
        self.known.insert(subject.to_owned(), found);
        Ok(found)
    }

    /// What is held says nothing of anybody; released, it has an event that brings it here again.
    fn of_lead(&mut self, id: LeadId) -> QueryResult<Option<Identified>> {
        let Some(lead) = leads::queries::find(self.tx.conn(), id)?.filter(|lead| !lead.status.is_held()) else { return Ok(None) };
        let facts = Facts {
            told_by: id.subject(),
            name: Some(lead.name),
            email: lead.email,
            phone: lead.phone_e164,
            company: lead.company,
            ..Facts::default()
        };
        self.identify(&facts, &lead.line_id)
    }

    fn of_order(&mut self, id: OrderId) -> QueryResult<Option<Identified>> {
        let Some(order) = orders::queries::find(self.tx.conn(), id)? else { return Ok(None) };
        // A checkout of which Stripe has not told yet is what anybody can post: it makes nobody. What follows brings the order here again.
        if orders::queries::objects_of(self.tx.conn(), id, 1)?.is_empty() {
            return Ok(None);
        }
        let standing = order.standing;
        let facts = Facts {
            told_by: id.subject(),
            name: standing.person,
            email: standing.email,
            stripe_customer: standing.customer,
            // Whoever paid is not proved to own the address, but it cost money to say so.
            is_vouched: standing.paid_minor > 0,
            ..Facts::default()
        };
        let known = links::links(self.tx.conn(), &[id.subject()])?.pop();
        let whose = match &known {
            // Whose it is stays as it is; what is known of them grows.
            Some(link) => {
                people::learn(self.tx, self.now, link.contact_id, &facts)?;
                self.rows += 4;
                Some(whose(link))
            }
            None => self.identify(&facts, &order.line_id)?,
        };
        let Some(whose) = whose else { return Ok(None) };
        if let Some(customer) = &facts.stripe_customer {
            let objects = queries::objects_of_customer(self.tx.conn(), customer, OBJECTS_MAX)?;
            self.link_objects(&objects, whose)?;
        }
        Ok(Some(whose))
    }

    /// An object is its order's; one without an order is whose its customer or address is.
    fn of_object(&mut self, object_id: &str) -> QueryResult<Option<Identified>> {
        let Some(object) = orders::queries::object(self.tx.conn(), object_id)? else { return Ok(None) };
        let Some(order) = object.order_id else {
            let facts = Facts {
                told_by: Object::subject(object_id),
                name: object.person,
                email: object.email,
                stripe_customer: object.customer,
                ..Facts::default()
            };
            return match people::identify(self.tx, self.now, &facts)? {
                Some(whose) => self.keep(&facts.told_by, None, whose).map(Some),
                None => Ok(None),
            };
        };
        let Some(whose) = self.of_subject(&order.subject())? else { return Ok(None) };
        // Also those that came before anything named their order.
        let objects = orders::queries::objects_of(self.tx.conn(), order, OBJECTS_MAX)?;
        self.link_objects(&objects, whose)?;
        Ok(Some(whose))
    }

    fn link_objects(&mut self, objects: &[Object], whose: Identified) -> QueryResult<()> {
        let subjects: Vec<String> = objects.iter().map(|object| Object::subject(&object.object_id)).collect();
        let linked = links::links(self.tx.conn(), &subjects)?;
        for subject in subjects.iter().filter(|subject| !linked.iter().any(|link| link.subject == **subject)) {
            self.keep(subject, None, whose)?;
            self.rows += timelines::link_subject(self.tx, &whose.contact.subject(), subject)?;
        }
        Ok(())
    }

    /// Identifies, and links what happened on the line so far.
    fn identify(&mut self, facts: &Facts, line: &str) -> QueryResult<Option<Identified>> {
        let Some(whose) = people::identify(self.tx, self.now, facts)? else { return Ok(None) };
        self.keep(&facts.told_by, Some(line), whose)?;
        self.rows += 7 + timelines::link_line(self.tx, &whose.contact.subject(), line)?;
        self.known.insert(line.to_owned(), Some(whose));
        Ok(Some(whose))
    }

    fn keep(&mut self, subject: &str, line: Option<&str>, whose: Identified) -> QueryResult<Identified> {
        links::link(self.tx, self.now, (subject, line), whose)?;
        self.known.insert(subject.to_owned(), Some(whose));
        self.rows += 1;
        Ok(whose)
    }
}

fn whose(link: &Link) -> Identified {
    Identified { contact: link.contact_id, rule: link.rule }
}
