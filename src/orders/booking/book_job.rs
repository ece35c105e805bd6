//! Books one order: each step that is still open, one after the other, each written down as soon as Books has answered.

use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::desk::Desk;
use super::model::{Step, StepKind};
use super::queries::{self, Booked};
use super::{customer, documents, due, failed_queries};
use crate::app::App;
use crate::db::{Conn, Tx};
use crate::error::Result;
use crate::integrations::zoho::books::PROVIDER;
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::orders::queries as order_queries;
use crate::orders::{Order, OrderId, OrderLine};
use crate::outbox::{Change, Claimed, Job, JobState, Lane, OnOutage, Outcome, Repeatable, Report};
use crate::seller;
use crate::timeline::{self, Event};

/// Books an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BookOrder {
    pub order: OrderId,
}

impl Job for BookOrder {
    const KIND: &'static str = "orders.book";
    const LANE: Lane = Lane::Payment;
    // Now, then five times more.
    const ATTEMPTS_MAX: i64 = 6;
    const RETRY_AFTER_S: &'static [u32] = &[300, 600, 1_200, 2_400, 4_800];
    const ON_OUTAGE: OnOutage = OnOutage::Retry;
    // A dozen calls of at most 30 s, or a few more; each step that is done stays done.
    const TIMEOUT_S: u64 = 300;
    // Each thing carries our key and is looked for before it is made.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const CONNECTION: Option<&'static str> = Some(PROVIDER);
    const CALLS: u32 = 16;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(members.len());
        for member in members {
            reports.push(book(app, member).await);
        }
        reports
    }

    fn reflect(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> QueryResult<()> {
        changes.iter().try_for_each(|change| reflect(tx, change))
    }
}

/// What is known of the order.
pub(super) struct Story {
    pub order: Order,
    pub lines: Vec<OrderLine>,
    pub steps: Vec<Step>,
    pub zone: chrono_tz::Tz,
}

impl Story {
    /// What Books has of a step that is done.
    pub(super) fn done(&self, kind: StepKind, number: i64) -> Option<&Step> {
        self.steps.iter().find(|step| step.kind == kind && step.number == number && step.done_at.is_some())
    }

    /// The id that Books gave; a step's turn comes only after those it needs.
    pub(super) fn id_of(&self, kind: StepKind, number: i64) -> Result<String, Failure> {
        let id = self.done(kind, number).and_then(|step| step.zoho_id.clone());
        id.ok_or_else(|| {
            Failure::of_record(FailureClass::Unknown, format!("The {} was not booked before, which is a bug of ours", kind.as_str()))
        })
    }
}

async fn book(app: &App, member: &Claimed<BookOrder>) -> Report {
    let mut desk = None;
    let outcome = match book_all(app, member, &mut desk).await {
        Ok(ids) => Outcome::Done(json!({ "order": member.job.order, "booked": ids })),
        Err(failure) => Outcome::Failed(failure),
    };
    Report { outcome, exchange: desk.and_then(|desk: Desk<'_>| desk.last) }
}

async fn book_all<'a>(app: &'a App, member: &Claimed<BookOrder>, desk: &mut Option<Desk<'a>>) -> Result<Vec<String>, Failure> {
    let order = member.job.order;
    let mut story = read(app, order).await?;
    agrees(&story)?;
    let (mut ids, mut has_looked_again) = (Vec::new(), false);
    while let Some(step) = story.steps.iter().find(|step| step.done_at.is_none()).cloned() {
        let at = match desk {
            Some(at) => at,
            None => desk.insert(Desk::open(app).await?),
        };
        let elsewhere = story.steps.iter().filter_map(|step| step.organisation_id.as_deref()).find(|id| *id != at.organisation_id());
        if let Some(elsewhere) = elsewhere {
            let message = format!(
                "A part of this order is booked in another organisation of Zoho Books (id {elsewhere}): choose that one again, or finish it there by hand"
            );
            return Err(Failure::of_record(FailureClass::Validation, message));
        }
        let booked = match step.kind {
            StepKind::Customer => customer::book(at, &story, &step).await,
            StepKind::Invoice => documents::invoice(at, &story, &step).await,
            StepKind::Payment => documents::payment(at, &story, &step).await,
            StepKind::CreditNote => documents::credit_note(at, &story, &step).await,
            StepKind::Refund => documents::refund(at, &story, &step).await,
        };
        let booked = match booked {
            // Somebody deleted or merged the customer in Books: the step before is done anew, once.
            Err(refusal) if !has_looked_again && customer::is_gone(&refusal, step.kind) => {
                has_looked_again = true;
                customer::reopen(app, &story, &member.line).await?;
                story = read(app, order).await?;
                continue;
            }
            done => done?,
        };
        keep(app, &step, at.organisation_id(), (&booked, &member.line)).await?;
        ids.push(format!("{} {}", step.kind.as_str(), booked.zoho_id));
        story = read(app, order).await?;
    }
    Ok(ids)
}

/// What changed after it was asked for is looked at by a person before an invoice is made of it.
fn agrees(story: &Story) -> Result<(), Failure> {
    match due::obstacle(&story.order.standing, &story.steps) {
        Some(why) => Err(Failure::of_record(FailureClass::Validation, why)),
        None => Ok(()),
    }
}

async fn read(app: &App, id: OrderId) -> Result<Story, Failure> {
    let config = app.config.clone();
    let read = move |conn: &mut Conn| -> Result<Option<Story>> {
        let Some(order) = order_queries::find(conn, id)? else { return Ok(None) };
        let lines = order_queries::lines(conn, id)?;
        let zone = seller::current(conn, &config)?.profile.zone;
        Ok(Some(Story { order, lines, steps: queries::steps(conn, id)?, zone }))
    };
    let story = app.store.read(read).await.map_err(|cause| own_database(&cause))?;
    story.ok_or_else(|| Failure::of_record(FailureClass::NotFound, "The order is no longer in our database"))
}

/// The step and the event of it, in one transaction.
async fn keep(app: &App, step: &Step, organisation: &str, (booked, line): (&Booked, &LineId)) -> Result<(), Failure> {
    let (now, step, organisation, booked, line) = (app.clock.now(), step.clone(), organisation.to_owned(), booked.clone(), line.clone());
    let subject = step.order_id.subject();
    let key = subject.clone();
    let keep = move |tx: &mut Tx<'_>| -> Result<()> {
        if !queries::finish(tx, now, step.id, &organisation, &booked)? {
            return Ok(());
        }
        let event = Event {
            line: &line,
            source: PROVIDER,
            // A customer may be booked anew.
            source_event_id: &format!("booking:{}:{}", step.id, booked.zoho_id),
            kind: happening(step.kind),
            subject: &subject,
            occurred_at: now,
            data: told(&step, &booked),
        };
        Ok(timeline::record(tx, now, &event)?)
    };
    app.store.write("orders.book", &key, keep).await.map_err(|cause| own_database(&cause))
}

/// A customer has no amount.
fn told(step: &Step, booked: &Booked) -> Value {
    match step.kind {
        StepKind::Customer => json!({ "zoho_id": booked.zoho_id, "key": step.number }),
        _ => json!({ "zoho_id": booked.zoho_id, "key": step.number, "amount_minor": step.amount_minor, "currency": step.currency }),
    }
}

fn happening(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Customer => "booking.customer",
        StepKind::Invoice => "booking.invoice",
        StepKind::Payment => "booking.payment",
        StepKind::CreditNote => "booking.credit_note",
        StepKind::Refund => "booking.refund",
    }
}

/// Our own database failed: nobody's fault there, and what Books has done is found again by its key.
pub(super) fn own_database(cause: &impl std::fmt::Display) -> Failure {
    Failure::of_call(FailureClass::RateLimited, format!("Our own database did not answer: {cause}")).waiting_s(Some(5))
}

/// An order whose booking stopped needs a look, until its job runs again or a person ends it.
fn reflect(tx: &mut Tx<'_>, change: &Change<'_, BookOrder>) -> QueryResult<()> {
    // It was waiting before, and no mark stood.
    if change.state == JobState::Running {
        return Ok(());
    }
    let order = change.job.order;
    failed_queries::restate(tx, change.at, order, Some((change.id, change.state)))?;
    if change.state != JobState::Dead {
        return Ok(());
    }
    let event = Event {
        line: change.line,
        source: "outbox",
        source_event_id: &format!("job:{}:{}", change.id, change.at.and_utc().timestamp_micros()),
        kind: "booking.failed",
        subject: &order.subject(),
        occurred_at: change.at,
        data: json!({ "error": change.error }),
    };
    timeline::record(tx, change.at, &event)
}
