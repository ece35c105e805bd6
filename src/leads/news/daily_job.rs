//! The daily mail: looks every quarter of an hour whose time has come. Nothing new, no mail.

use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::desk::Desk;
use super::model::{When, last_due};
use super::together_job::post_untold;
use super::{queries, readers};
use crate::app::App;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::Tx;
use crate::error::Error;
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::messages::Purpose;
use crate::outbox::{Claimed, Job, JobId, Lane, NewJob, Outcome, Repeatable, Report, enqueue};

/// Looks once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TellDaily {}

impl Job for TellDaily {
    const KIND: &'static str = "leads.daily_news";
    const LANE: Lane = Lane::Message;
    // Who was told is written down in the same transaction as the mails.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let (config, now) = (app.config.clone(), app.clock.now());
        let Some(line) = members.first().map(|member| member.line.clone()) else { return Vec::new() };
        let tell = move |tx: &mut Tx<'_>| tell(tx, now, &config, &line).map_err(Error::from);
        let outcome = match app.store.write("leads.daily_news", "leads.news", tell).await.map_err(Error::from) {
            Ok(mails) => Outcome::Done(json!({ "mails": mails })),
            Err(cause) => Outcome::Failed(Failure::of_call(FailureClass::Network, cause.to_string())),
        };
        members.iter().zip(std::iter::once(outcome)).map(|(_, outcome)| outcome.into()).collect()
    }
}

/// Enqueues a look, unless one is waiting already.
pub fn enqueue_daily(tx: &mut Tx<'_>, now: UtcTime, line: &LineId) -> QueryResult<JobId> {
    let unique_key = Some("leads.daily_news");
    enqueue(tx, now, &NewJob { job: &TellDaily {}, line, subject: "leads", unique_key, order_key: None, run_at: now })
}

fn tell(tx: &mut Tx<'_>, now: UtcTime, config: &Config, line: &LineId) -> QueryResult<usize> {
    // Without a mail server the leads stay untold, until there is one.
    if config.mail.is_none() {
        tx.wrote_nothing();
        return Ok(0);
    }
    queries::lock(tx.conn())?;
    let desk = Desk::open(tx.conn(), now, config)?;
    let place = queries::last(tx.conn())?;
    let mut mails = 0;
    for reader in readers::all(tx.conn(), &desk.sender.staff_addresses)? {
        let When::Daily(at) = reader.when else { continue };
        let mut told = queries::told(tx, &reader.key, place, now)?;
        let due = last_due(at, desk.sender.zone, now);
        // Chosen after that moment: the first mail is tomorrow's.
        if due <= told.daily_until || reader.since.is_some_and(|since| since > due) {
            continue;
        }
        mails += usize::from(post_untold(tx, &desk, &reader, (&mut told, Purpose::Daily, line))? > 0);
        told.daily_until = due;
        queries::keep(tx, &reader.key, &told, now)?;
    }
    Ok(mails)
}
