//! Tells one reader of all leads that were gathered while a flood came in. As long as it goes on there is one mail a window.

use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::desk::Desk;
use super::letters::{self, LeadFacts};
use super::model::{Reader, SINGLES_MAX, WINDOW, When};
use super::queries::{self, Told, Untold};
use super::readers;
use crate::app::App;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::Tx;
use crate::error::Error;
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::messages::{self, NewMail, Purpose};
use crate::outbox::{Claimed, Job, Lane, Outcome, Repeatable, Report};

/// Tells one reader.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TellTogether {
    /// `user:3`
    pub reader: String,
}

impl Job for TellTogether {
    const KIND: &'static str = "leads.tell_together";
    const LANE: Lane = Lane::Message;
    // Who was told is written down in the same transaction as the mail.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let mut reports = Vec::with_capacity(members.len());
        for member in members {
            reports.push(run(app, member).await.into());
        }
        reports
    }
}

async fn run(app: &App, member: &Claimed<TellTogether>) -> Outcome {
    let (config, now) = (app.config.clone(), app.clock.now());
    let (key, line) = (member.job.reader.clone(), member.line.clone());
    let tell = move |tx: &mut Tx<'_>| tell(tx, (now, &config), &key, &line).map_err(Error::from);
    match app.store.write("leads.tell_together", "leads.news", tell).await.map_err(Error::from) {
        Ok(Round::Over { told }) => Outcome::Done(json!({ "leads": told })),
        Ok(Round::GoesOn { until }) => Outcome::Snooze { until, why: "Leads are gathered: the next mail tells of them together.".into() },
        Err(cause) => Outcome::Failed(Failure::of_call(FailureClass::Network, cause.to_string())),
    }
}

enum Round {
    Over { told: i64 },
    GoesOn { until: UtcTime },
}

fn tell(tx: &mut Tx<'_>, (now, config): (UtcTime, &Config), key: &str, line: &LineId) -> QueryResult<Round> {
    queries::lock(tx.conn())?;
    let desk = Desk::open(tx.conn(), now, config)?;
    let place = queries::last(tx.conn())?;
    let mut told = queries::told(tx, key, place, now)?;
    if let Some(until) = told.held_until.filter(|until| *until > now) {
        return Ok(Round::GoesOn { until });
    }
    told.held_until = None;
    let reader = readers::find(tx.conn(), &desk.sender.staff_addresses, key)?.filter(|reader| reader.when == When::AtOnce);
    let count = match &reader {
        Some(reader) => post_untold(tx, &desk, reader, (&mut told, Purpose::Leads, line))?,
        None => 0,
    };
    if count > SINGLES_MAX {
        told.held_until = Some(now + WINDOW);
    }
    queries::keep(tx, key, &told, now)?;
    Ok(told.held_until.map_or(Round::Over { told: count }, |until| Round::GoesOn { until }))
}

/// One mail about everything a reader has not been told of; none where there is nothing. Answers how many leads.
pub(super) fn post_untold(
    tx: &mut Tx<'_>,
    desk: &Desk<'_>,
    reader: &Reader,
    (told, purpose, line): (&mut Told, Purpose, &LineId),
) -> QueryResult<i64> {
    let Some(Untold { leads, total, up_to }) = queries::all_untold(tx.conn(), told, reader.since)? else { return Ok(0) };
    let leads: Vec<LeadFacts> = leads.iter().map(LeadFacts::from).collect();
    let letter = match purpose {
        Purpose::Daily => letters::daily(&leads, total, &desk.page()),
        _ => letters::several(&leads, total, &desk.page()),
    };
    let mail = NewMail { purpose, reader: &reader.key, to: reader.party.clone(), reply_to: None, letter: &letter, line, subject: "leads" };
    messages::post(tx, desk.now, &mail)?;
    told.told_up_to = up_to;
    Ok(total)
}
