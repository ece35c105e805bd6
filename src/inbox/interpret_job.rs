//! Interprets a receipt. The job is an envelope: what an event means is said by its interpreter, and whether it was done is
//! written on the receipt, in the same transaction as what was done.

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::actions;
use super::interpreters::{self, Meaning, Occasion, Reading};
use super::model::ReceiptId;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::integrations::{Failure, FailureClass};
use crate::outbox::{Change, Claimed, Job, JobState, Lane, Outcome, Repeatable, Report};

/// All go through one writer: interpreters lock what several events share, and would hold each other up across two.
const KEY: &str = "inbox.interpret";

/// Interprets one receipt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Interpret {
    pub receipt: ReceiptId,
    /// None: it has come in. Else a person asks for it again, with mails or without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again_with_mails: Option<bool>,
}

impl Interpret {
    /// The job for a receipt.
    pub fn of(receipt: ReceiptId, occasion: Occasion) -> Self {
        let again_with_mails = match occasion {
            Occasion::Arrival => None,
            Occasion::Replay { with_mails } => Some(with_mails),
        };
        Self { receipt, again_with_mails }
    }

    fn occasion(&self) -> Occasion {
        self.again_with_mails.map_or(Occasion::Arrival, |with_mails| Occasion::Replay { with_mails })
    }
}

impl Job for Interpret {
    const KIND: &'static str = "inbox.interpret";
    const LANE: Lane = Lane::Webhook;
    // What is settled is not interpreted again.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const ATTEMPTS_MAX: i64 = 4;
    const RETRY_AFTER_S: &'static [u32] = &[60, 300, 1_800];
    // All of a run in one transaction.
    const BATCH_MAX: usize = 48;
    // One waits for the writer while the other is written down.
    const RUNS_MAX: usize = 2;

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        // Behind the intake: what is pushed to us is answered first, what it means can wait a moment.
        let asked = members.iter().map(|member| (member.job.receipt, member.job.occasion())).collect();
        match app.store.write_bulk(KEY, interpretation(app, asked)).await {
            Ok(meanings) => meanings.iter().map(|meaning| Outcome::Done(told(meaning.as_ref())).into()).collect(),
            // One that fails takes those beside it along, so then each has a transaction of its own.
            Err(_) => join_all(members.iter().map(|member| interpret_alone(app, &member.job).boxed())).await,
        }
    }

    /// A receipt says of its job only that it has ended without interpreting it, or will run after all.
    fn reflect(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> diesel::QueryResult<()> {
        changes.iter().try_for_each(|change| match change.state {
            JobState::Dead => actions::give_up(tx, change.at, change.job.receipt, change.error.unwrap_or("Its job failed")),
            JobState::Cancelled => actions::give_up(tx, change.at, change.job.receipt, "Its job was cancelled."),
            JobState::Pending => actions::take_up_again(tx, change.job.receipt),
            JobState::Running | JobState::Succeeded | JobState::Uncertain => Ok(()),
        })
    }
}

async fn interpret_alone(app: &App, job: &Interpret) -> Report {
    let alone = interpretation(app, vec![(job.receipt, job.occasion())]);
    match app.store.write(KEY, KEY, alone).await.map_err(Error::from) {
        Ok(meanings) => Outcome::Done(told(meanings.first().and_then(Option::as_ref))),
        Err(cause) => Outcome::Failed(failure(cause)),
    }
    .into()
}

/// The write that interprets these.
fn interpretation(app: &App, asked: Vec<(ReceiptId, Occasion)>) -> impl Fn(&mut Tx<'_>) -> Result<Vec<Option<Meaning>>> + use<> {
    let (app, now) = (app.clone(), app.clock.now());
    move |tx: &mut Tx<'_>| {
        let reading = Reading { choice: interpreters::of, stripe: &app.config.stripe };
        actions::interpret(tx, now, &asked, reading)
    }
}

fn told(meaning: Option<&Meaning>) -> serde_json::Value {
    match meaning {
        Some(meaning) => json!({ "state": meaning.state(), "reason": meaning.reason(), "caused": meaning.caused() }),
        None => json!({ "state": "settled before" }),
    }
}

/// That the database is away is not the event's fault.
fn failure(cause: Error) -> Failure {
    match cause {
        Error::Unavailable(why) => Failure::of_call(FailureClass::Network, why),
        Error::NotFound(_) => Failure::of_record(FailureClass::NotFound, "The receipt is no longer in our database"),
        Error::Internal(cause) => Failure::of_record(FailureClass::ServerError, format!("{cause:#}")),
        Error::Conflict(_) | Error::Forbidden => Failure::of_record(FailureClass::ServerError, cause.to_string()),
    }
}
