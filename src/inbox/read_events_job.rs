//! Reads the events that Stripe keeps: whatever no webhook brought us is kept and interpreted all the same, so that an endpoint
//! that was disabled, or a secret that was wrong, loses nothing.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::actions;
use super::feed;
use super::feed_queries::{self as queries, Feed};
use super::model::Incoming;
use super::stripe_events;
use crate::app::App;
use crate::clock::UtcTime;
use crate::connections;
use crate::db::{Conn, Topic, Tx};
use crate::error::{Error, Result};
use crate::http::Exchange;
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::api::{EventPage, Stripe, Walk};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::outbox::schedules::Schedule;
use crate::outbox::{Claimed, Job, JobId, Lane, NewJob, Outcome, Repeatable, Report, enqueue};

/// The first reading goes back so far: to what may have happened while this was being set up.
const BEGINS_BEFORE: TimeDelta = TimeDelta::hours(24);
/// Pages that one run reads.
const PAGES_MAX: u32 = 10;

/// Reads once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReadEvents {}

impl Job for ReadEvents {
    const KIND: &'static str = "stripe.read_events";
    const LANE: Lane = Lane::Sync;
    // What is kept already is not kept twice.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const CONNECTION: Option<&'static str> = Some(PROVIDER);
    const CALLS: u32 = PAGES_MAX;
    const TIMEOUT_S: u64 = 10 * 60;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let report = read(app).await.unwrap_or_else(|failed| *failed);
        members.iter().zip(std::iter::once(report)).map(|(_, report)| report).collect()
    }
}

/// Enqueues a reading, unless one is waiting or running.
pub fn enqueue_reading(tx: &mut Tx<'_>, now: UtcTime, line: &LineId) -> diesel::QueryResult<JobId> {
    let (subject, unique_key) = ("connection:stripe", Some("stripe.read_events"));
    enqueue(tx, now, &NewJob { job: &ReadEvents {}, line, subject, unique_key, order_key: None, run_at: now })
}

/// When it is read: hourly, where there is a key.
pub fn schedules(app: &App) -> anyhow::Result<Vec<Schedule>> {
    if app.config.stripe.secret_key.is_none() {
        return Ok(Vec::new());
    }
    let hourly = Schedule::new("stripe.read_events", "23 * * * *", chrono_tz::UTC, enqueue_reading)?;
    Ok(vec![hourly.for_purpose("Reads the events that Stripe keeps, for those that no webhook brought.")])
}

#[derive(Default)]
struct Done {
    pages: u32,
    events: usize,
    new: usize,
}

/// Reads page after page, forward in time, and writes down how far it is with each.
async fn read(app: &App) -> Result<Report, Box<Report>> {
    let config = &app.config.stripe;
    let Some(key) = &config.secret_key else {
        let why = "The process that took it has no key for Stripe: STRIPE_SECRET_KEY is not set there.".to_owned();
        return Ok(Outcome::Snooze { until: app.clock.now() + TimeDelta::minutes(5), why }.into());
    };
    let stripe = Stripe::new(&*app.transport, &config.api_url, key);
    let mut feed = load(app).await.map_err(|cause| of_database(&cause))?;
    let (mut done, mut has_looked_back) = (Done::default(), false);
    while done.pages < PAGES_MAX {
        let walk = feed::next(&feed, has_looked_back);
        has_looked_back |= matches!(walk, Walk::LastBefore(_));
        done.pages += 1;
        let called = stripe.events(&walk).await;
        let goes_on = match called.result {
            Ok(page) => take(app, (&mut feed, &walk), page, &mut done).await.map_err(|cause| of_database(&cause))?,
            Err(failure) if failure.class == FailureClass::NotFound => {
                feed::lose_place(&mut feed, app.clock.now());
                keep(app, Vec::new(), feed.clone()).await.map_err(|cause| of_database(&cause))?;
                has_looked_back = false;
                true
            }
            Err(failure) => return Err(Box::new(refused(app, failure, called.exchange).await)),
        };
        if !goes_on {
            return Ok(Outcome::Done(json!({ "pages": done.pages, "events": done.events, "new_events": done.new })).into());
        }
    }
    Ok(Outcome::Snooze { until: app.clock.now(), why: "There are more events to read.".into() }.into())
}

async fn load(app: &App) -> Result<Feed> {
    let begins_at = app.clock.now() - BEGINS_BEFORE;
    let found = app.store.read(|conn: &mut Conn| -> Result<_> { Ok(queries::find(conn, PROVIDER)?) }).await?;
    Ok(found.unwrap_or_else(|| Feed::new(PROVIDER, begins_at)))
}

/// Keeps a page's events and how far they lead. The event that only makes a cursor is older than the beginning, and not kept.
async fn take(app: &App, (feed, walk): (&mut Feed, &Walk), page: EventPage, done: &mut Done) -> Result<bool> {
    let now = app.clock.now();
    let goes_on = feed::advance(feed, walk, &page, now);
    let mut incoming = Vec::new();
    if !matches!(walk, Walk::LastBefore(_)) {
        done.events += page.events.len();
        // Oldest first: as they happened.
        incoming.extend(page.events.iter().rev().map(|event| stripe_events::fetched(&app.config.stripe, event, now)));
    }
    done.new += keep(app, incoming, feed.clone()).await?;
    Ok(goes_on)
}

async fn keep(app: &App, incoming: Vec<Incoming>, feed: Feed) -> Result<usize> {
    let now = app.clock.now();
    let keep = move |tx: &mut Tx<'_>| -> Result<usize> {
        let mut new = 0;
        for event in &incoming {
            new += usize::from(actions::keep(tx, now, event)?.is_some());
        }
        queries::save(tx, &feed)?;
        tx.touch(Topic::Inbox);
        Ok(new)
    };
    Ok(app.store.write_bulk("inbox.read_events", keep).await?)
}

async fn refused(app: &App, failure: Failure, exchange: Exchange) -> Report {
    if failure.class == FailureClass::Authentication {
        let advice = "Correct STRIPE_SECRET_KEY and start again; or, once the key may read events, press “Read events now”";
        connections::hold_configured(app, PROVIDER, &format!("{}. {advice}", failure.message)).await;
    }
    Report { outcome: Outcome::Failed(failure), exchange: Some(exchange) }
}

fn of_database(cause: &Error) -> Box<Report> {
    Box::new(Outcome::Failed(Failure::of_call(FailureClass::Network, cause.to_string())).into())
}
