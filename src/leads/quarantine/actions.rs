//! The ways out of quarantine: released, or marked as spam. Each is a conditional update, so that of two people who decide
//! at once one does, and a submission that was removed in the meantime is not brought back.

use serde_json::json;

use super::queries;
use crate::audit::{self, Act};
use crate::db::{Topic, Tx};
use crate::error::{Error, Result};
use crate::leads::actions;
use crate::leads::model::{LeadId, LeadStatus};
use crate::leads::views::label;
use crate::line::LineId;
use crate::outbox::admin::Request;
use crate::timeline::{self, Event};

/// What staff decide about a submission that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is a lead after all, also where it was marked as spam before: it goes the way of every good one.
    Release,
    /// It is none; it is removed sooner.
    MarkSpam,
}

/// What became of several at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    pub done: usize,
    /// Why it was not done, for each where it was not.
    pub refused: Vec<String>,
}

impl Decision {
    fn action(self) -> &'static str {
        match self {
            Self::Release => "leads.release",
            Self::MarkSpam => "leads.mark_spam",
        }
    }

    /// The states it may be made in, and the state it leads to.
    fn states(self) -> ([LeadStatus; 2], LeadStatus) {
        match self {
            Self::Release => ([LeadStatus::Quarantined, LeadStatus::Spam], LeadStatus::Pending),
            Self::MarkSpam => ([LeadStatus::Quarantined, LeadStatus::Quarantined], LeadStatus::Spam),
        }
    }
}

/// Carries out a decision about one submission.
pub fn decide(tx: &mut Tx<'_>, decision: Decision, id: LeadId, by: &Request) -> Result<()> {
    let before = queries::status(tx, id)?;
    let (from, to) = decision.states();
    let Some(line) = queries::move_on(tx, by.now, id, from, to)?.map(LineId::from_stored) else { return Err(refusal(id, before)) };
    let act = Act {
        actor: &by.actor,
        action: decision.action(),
        subject: &id.subject(),
        line: Some(&line),
        reason: by.reason.as_deref(),
        before: Some(json!({ "status": before })),
        after: Some(json!({ "status": to })),
        address: by.address.as_deref(),
    };
    audit::record(tx, by.now, &act)?;
    if decision == Decision::Release {
        let released = Event {
            line: &line,
            source: "staff",
            source_event_id: &format!("{}:{}", id.subject(), by.now.and_utc().timestamp_micros()),
            kind: "lead.released",
            subject: &id.subject(),
            occurred_at: by.now,
            data: json!({ "by": by.actor }),
        };
        timeline::record(tx, by.now, &released)?;
        actions::accept(tx, by.now, &line, id)?;
    }
    tx.touch(Topic::Leads);
    Ok(())
}

/// The same about several: what cannot be done is told, and does not keep the others from it.
pub fn decide_all(tx: &mut Tx<'_>, decision: Decision, ids: &[LeadId], by: &Request) -> Result<Decided> {
    let mut decided = Decided::default();
    for id in ids {
        match decide(tx, decision, *id, by) {
            Ok(()) => decided.done += 1,
            Err(Error::Conflict(why)) => decided.refused.push(why),
            Err(other) => return Err(other),
        }
    }
    Ok(decided)
}

fn refusal(id: LeadId, status: Option<LeadStatus>) -> Error {
    Error::Conflict(match status {
        None => format!("Lead {id} is not there any more: what is held is removed after a time."),
        Some(LeadStatus::Spam) => format!("Lead {id} is marked as spam already."),
        Some(status) => format!("Lead {id} is not in quarantine any more: its state is {}.", label(status)),
    })
}
