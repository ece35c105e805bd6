//! What is done with receipts: kept, interpreted, interpreted again, given up. Each is one transaction.

use std::collections::BTreeMap;

use serde_json::json;

use super::interpret_job::Interpret;
use super::interpreters::{Asked, Meaning, Occasion, Reading};
use super::list_queries;
use super::model::{Incoming, Receipt, ReceiptId, ReceiptState, Stored};
use super::queries::{self, Settled};
use crate::audit::{self, Act};
use crate::clock::UtcTime;
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::outbox::admin::{self, Request};
use crate::outbox::{Job, JobState, Lane, NewJob, Registry, enqueue, enqueue_first, move_to_lane};

/// Keeps an event with the job that will interpret it. One that is there already is only counted.
pub fn receive(tx: &mut Tx<'_>, now: UtcTime, incoming: &Incoming) -> Result<Stored> {
    if let Some(stored) = keep(tx, now, incoming)? {
        return Ok(stored);
    }
    tx.touch(Topic::Inbox);
    let again = queries::count_duplicate(tx, now, incoming)?;
    // It was in the way a moment ago and is gone: whoever sent it will send it once more.
    again.ok_or_else(|| Error::Unavailable("the event was just being removed".into()))
}

/// The same for an event that we asked for. None: it is there already, and nothing was counted.
pub fn keep(tx: &mut Tx<'_>, now: UtcTime, incoming: &Incoming) -> diesel::QueryResult<Option<Stored>> {
    let Some(stored) = queries::insert(tx, now, incoming)? else { return Ok(None) };
    tx.touch(Topic::Inbox);
    if stored.state == ReceiptState::Received {
        // Nor does it wait for another: interpreters come to the same end in any order.
        let (job, subject) = (Interpret::of(stored.id, Occasion::Arrival), stored.id.subject());
        enqueue_first(
            tx,
            now,
            &NewJob { job: &job, line: &incoming.line, subject: &subject, unique_key: None, order_key: None, run_at: now },
        )?;
    }
    Ok(Some(stored))
}

/// Interprets receipts: their effects and the words about them commit together, or nothing of any of them does. None: it is
/// settled already, since a run before this one ended after its commit.
pub fn interpret(tx: &mut Tx<'_>, now: UtcTime, asked: &[(ReceiptId, Occasion)], reading: Reading<'_>) -> Result<Vec<Option<Meaning>>> {
    let receipts = queries::lock(tx, &asked.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
    let mut waiting: BTreeMap<ReceiptId, Asked<'_>> = BTreeMap::new();
    for (id, occasion) in asked {
        let receipt = receipts.get(id).ok_or(Error::NotFound("receipt"))?;
        if receipt.state == ReceiptState::Received {
            waiting.entry(*id).or_insert(Asked { receipt, occasion: *occasion });
        }
    }
    if waiting.is_empty() {
        tx.wrote_nothing();
        return Ok(vec![None; asked.len()]);
    }
    let mut meanings: BTreeMap<_, _> = reading.meanings(tx, now, &waiting.into_values().collect::<Vec<_>>())?.into_iter().collect();
    let words: Vec<Settled> = meanings.iter().filter_map(|(id, meaning)| Some(settled(meaning, receipts.get(id)?))).collect();
    queries::settle(tx, now, &words)?;
    tx.touch(Topic::Inbox);
    Ok(asked.iter().map(|(id, _)| meanings.remove(id)).collect())
}

/// What is written on a receipt. What it caused once stays told: a replay that adds nothing to it does not undo it either.
fn settled(meaning: &Meaning, before: &Receipt) -> Settled {
    let caused_before = before.caused.clone().filter(|_| meaning.caused().is_none());
    match caused_before {
        Some(caused) => Settled { id: before.id, state: ReceiptState::Handled, reason: None, caused: Some(caused) },
        None => Settled {
            id: before.id,
            state: meaning.state(),
            reason: meaning.reason().map(str::to_owned),
            caused: meaning.caused().map(ToString::to_string),
        },
    }
}

/// What a replay would do.
#[derive(Clone, Debug, PartialEq)]
pub enum Rehearsal {
    Possible(Meaning),
    /// It would not begin, for this reason.
    Impossible(String),
}

/// Finds out what a replay would do by doing it; nothing of it is kept. Err: it would fail.
pub fn rehearse(tx: &mut Tx<'_>, now: UtcTime, id: ReceiptId, reading: Reading<'_>) -> Result<Rehearsal> {
    tx.wrote_nothing();
    let receipt = queries::find(tx.conn(), id)?.ok_or(Error::NotFound("receipt"))?;
    if let Some(why) = refuse_replay(&receipt) {
        return Ok(Rehearsal::Impossible(why));
    }
    let asked = Asked { receipt: &receipt, occasion: Occasion::Replay { with_mails: false } };
    let meaning = reading.meanings(tx, now, &[asked])?.pop();
    meaning.map(|(_, meaning)| Rehearsal::Possible(meaning)).ok_or(Error::NotFound("meaning"))
}

/// How a receipt is to be interpreted again.
#[derive(Clone, Copy, Debug)]
pub struct Replay {
    /// Whether mails that follow from it are sent.
    pub with_mails: bool,
    /// Many at once stand behind what comes in.
    pub lane: Lane,
}

/// Has a receipt interpreted again, by a person's wish. One whose job failed gets that job back, as if it ran the first time.
pub fn replay(tx: &mut Tx<'_>, registry: &Registry, id: ReceiptId, replay: Replay, by: &Request) -> Result<()> {
    let receipt = queries::lock(tx, &[id])?.remove(&id).ok_or(Error::NotFound("receipt"))?;
    refuse_replay(&receipt).map_or(Ok(()), |why| Err(Error::Conflict(why)))?;
    queries::reopen(tx, id, receipt.state)?;
    let line = receipt.line();
    let failed = list_queries::last_job(tx.conn(), id)?.filter(|job| job.state == JobState::Dead && receipt.state == ReceiptState::Failed);
    let occasion = Occasion::Replay { with_mails: replay.with_mails };
    let job = match failed {
        Some(job) => admin::retry(tx, registry, job.id, by).map(|()| job.id)?,
        None => {
            // No other is about a receipt that was settled and has just ceased to be: none is looked for.
            let (job, subject) = (Interpret::of(id, occasion), id.subject());
            enqueue(tx, by.now, &NewJob { job: &job, line: &line, subject: &subject, unique_key: None, order_key: None, run_at: by.now })?
        }
    };
    if replay.lane != Interpret::LANE {
        move_to_lane(tx, job, replay.lane)?;
    }
    let act = Act {
        actor: &by.actor,
        action: "inbox.replay",
        subject: &id.subject(),
        line: Some(&line),
        reason: by.reason.as_deref(),
        before: Some(json!({ "state": receipt.state })),
        after: Some(json!({ "state": ReceiptState::Received, "with_mails": replay.with_mails })),
        address: by.address.as_deref(),
    };
    audit::record(tx, by.now, &act)?;
    tx.touch(Topic::Inbox);
    Ok(())
}

/// Why a receipt cannot be interpreted again; None: it can.
pub fn refuse_replay(receipt: &Receipt) -> Option<String> {
    if receipt.state == ReceiptState::Received {
        return Some("It is waiting to be interpreted already; its job says what for.".into());
    }
    receipt.body.is_none().then(|| "What it said was removed, as it is after 90 days.".into())
}

/// Its job has ended without interpreting it.
pub fn give_up(tx: &mut Tx<'_>, now: UtcTime, id: ReceiptId, why: &str) -> diesel::QueryResult<()> {
    if queries::mark_failed(tx, now, id, why)? > 0 {
        tx.touch(Topic::Inbox);
    }
    Ok(())
}

/// Its job will run after all.
pub fn take_up_again(tx: &mut Tx<'_>, id: ReceiptId) -> diesel::QueryResult<()> {
    if queries::reopen(tx, id, ReceiptState::Failed)? > 0 {
        tx.touch(Topic::Inbox);
    }
    Ok(())
}
