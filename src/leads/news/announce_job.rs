//! Makes an accepted lead news: tells those who want to know at once, and answers the person where that is switched on. One
//! job a lead; those that came close together run as one, in one transaction under a lock, so that a flood is seen as one.

use diesel::QueryResult;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::desk::Desk;
use super::model::{Reader, SINGLES_MAX, WINDOW, When, singles};
use super::queries::{self, Told};
use super::together_job::TellTogether;
use super::{letters, readers, reply, reply_queries};
use crate::app::App;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::Tx;
use crate::error::Error;
use crate::integrations::{Failure, FailureClass};
use crate::leads::model::{Lead, LeadId};
use crate::line::LineId;
use crate::mail::Party;
use crate::messages::{self, NewMail, Purpose};
use crate::outbox::{Claimed, Job, Lane, NewJob, Outcome, Repeatable, Report, enqueue, enqueue_first};

/// Tells of one lead.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnnounceLead {
    pub lead: LeadId,
}

impl Job for AnnounceLead {
    const KIND: &'static str = "leads.announce";
    const LANE: Lane = Lane::Message;
    // Who was told is written down in the same transaction as the mails.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const BATCH_MAX: usize = 100;
    const MIRRORS: bool = false;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        let (config, now) = (app.config.clone(), app.clock.now());
        let leads: Vec<LeadId> = members.iter().map(|member| member.job.lead).collect();
        let tell = move |tx: &mut Tx<'_>| announce_all(tx, now, &config, &leads).map_err(Error::from);
        let told = app.store.write("leads.announce", "leads.news", tell).await.map_err(Error::from);
        let outcome = || match &told {
            Ok(()) => Outcome::Done(json!({})),
            Err(cause) => Outcome::Failed(Failure::of_call(FailureClass::Network, cause.to_string())),
        };
        members.iter().map(|_| outcome().into()).collect()
    }
}

/// Has an accepted lead told of, where mails are sent at all.
pub fn announce(tx: &mut Tx<'_>, now: UtcTime, line: &LineId, lead: LeadId) -> QueryResult<()> {
    if !messages::are_sent(tx.conn())? {
        return Ok(());
    }
    let subject = lead.subject();
    let new = NewJob { job: &AnnounceLead { lead }, line, subject: &subject, unique_key: None, order_key: None, run_at: now };
    enqueue_first(tx, now, &new)
}

fn announce_all(tx: &mut Tx<'_>, now: UtcTime, config: &Config, ids: &[LeadId]) -> QueryResult<()> {
    queries::lock(tx.conn())?;
    let mut leads = queries::by_ids(tx.conn(), ids)?;
    // They become news in the order in which they came.
    leads.reverse();
    let known: Vec<LeadId> = leads.iter().map(|lead| lead.id).collect();
    let before = queries::note(tx, now, &known)?;
    let desk = Desk::open(tx.conn(), now, config)?;
    for reader in readers::all(tx.conn(), &desk.sender.staff_addresses)? {
        let told = queries::told(tx, &reader.key, before, now)?;
        if reader.when == When::AtOnce {
            tell(tx, &desk, &reader, told)?;
        }
    }
    match reply_queries::texts_in_use(tx.conn())? {
        Some(texts) => leads.iter().try_for_each(|lead| reply::answer(tx, &desk, &texts, lead)),
        None => Ok(()),
    }
}

/// The first few one by one; where there are more, the rest together when the window has passed.
fn tell(tx: &mut Tx<'_>, desk: &Desk<'_>, reader: &Reader, mut told: Told) -> QueryResult<()> {
    if told.held_until.is_some_and(|until| until > desk.now) {
        return Ok(());
    }
    let fresh = queries::untold(tx.conn(), &told, reader.since, SINGLES_MAX + 1)?;
    let lately = messages::queries::count_since(tx.conn(), &reader.key, Purpose::Lead, desk.now - WINDOW, SINGLES_MAX)?;
    let now_told = singles(fresh.len(), lately);
    for news in &fresh[..now_told] {
        if let Some(lead) = queries::by_ids(tx.conn(), &[news.lead])?.pop() {
            post_one(tx, desk, reader, &lead)?;
        }
        told.told_up_to = news.id;
    }
    told.held_until = None;
    if now_told < fresh.len() {
        let until = desk.now + WINDOW;
        told.held_until = Some(until);
        let (line, key) = (LineId::mint(desk.now), format!("news:{}", reader.key));
        let job = TellTogether { reader: reader.key.clone() };
        let new = NewJob { job: &job, line: &line, subject: "leads", unique_key: Some(&key), order_key: None, run_at: until };
        enqueue(tx, desk.now, &new)?;
    }
    queries::keep(tx, &reader.key, &told, desk.now)
}

fn post_one(tx: &mut Tx<'_>, desk: &Desk<'_>, reader: &Reader, lead: &Lead) -> QueryResult<()> {
    let letter = letters::one(&lead.into(), &desk.page());
    let mail = NewMail {
        purpose: Purpose::Lead,
        reader: &reader.key,
        to: reader.party.clone(),
        // An answer goes to the person who asked.
        reply_to: lead.email.clone().map(|address| Party { name: Some(lead.name.clone()), address }),
        letter: &letter,
        line: &LineId::from_stored(lead.line_id.clone()),
        subject: &lead.id.subject(),
    };
    messages::post(tx, desk.now, &mail).map(drop)
}
