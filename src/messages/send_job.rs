//! Sends one mail. SMTP has no key by which a server would know a mail again, so a lost answer means one of two things: staff
//! would rather be told twice (the Message-ID is the same, so mail programs may show it once) than not at all; a stranger is
//! never written to twice, and a person decides.

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{MailId, MailRow};
use super::queries;
use crate::app::App;
use crate::config::MailConfig;
use crate::connections;
use crate::db::{Topic, Tx};
use crate::error::Error;
use crate::integrations::smtp::{self, PROVIDER};
use crate::integrations::{Failure, FailureClass};
use crate::line::LineId;
use crate::mail::{Letter, Mail, MailParts};
use crate::outbox::{Change, Claimed, Job, JobState, Lane, Outcome, Repeatable, Report};
use crate::timeline::{self, Event};

/// Servers that defer strangers (greylisting) take a mail after some minutes, at the latest after some hours.
const RETRY_AFTER_S: &[u32] = &[60, 300, 900, 3_600, 4 * 3_600];
const ATTEMPTS_MAX: i64 = 6;

/// Sends a mail to staff: at least once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendMail {
    pub mail: MailId,
}

/// Sends an answer to somebody outside: at most once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SendReply {
    pub mail: MailId,
}

impl Job for SendMail {
    const KIND: &'static str = "messages.send";
    const LANE: Lane = Lane::Message;
    const ATTEMPTS_MAX: i64 = ATTEMPTS_MAX;
    const RETRY_AFTER_S: &'static [u32] = RETRY_AFTER_S;
    // Staff may be told twice; the Message-ID stays the same.
    const REPEATABLE: Repeatable = Repeatable::Always;
    const CONNECTION: Option<&'static str> = Some(PROVIDER);

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        join_all(members.iter().map(|member| send(app, member.job.mail).boxed())).await
    }

    fn reflect(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> diesel::QueryResult<()> {
        changes.iter().try_for_each(|change| reflect(tx, change, change.job.mail))
    }
}

impl Job for SendReply {
    const KIND: &'static str = "messages.reply";
    const LANE: Lane = Lane::Message;
    const ATTEMPTS_MAX: i64 = ATTEMPTS_MAX;
    const RETRY_AFTER_S: &'static [u32] = RETRY_AFTER_S;
    // Nobody outside is written to twice.
    const REPEATABLE: Repeatable = Repeatable::Never;
    const CONNECTION: Option<&'static str> = Some(PROVIDER);

    async fn run_batch(app: &App, members: &[Claimed<Self>]) -> Vec<Report> {
        join_all(members.iter().map(|member| send(app, member.job.mail).boxed())).await
    }

    fn reflect(tx: &mut Tx<'_>, changes: &[Change<'_, Self>]) -> diesel::QueryResult<()> {
        changes.iter().try_for_each(|change| reflect(tx, change, change.job.mail))
    }
}

async fn send(app: &App, id: MailId) -> Report {
    let Some(config) = &app.config.mail else {
        let until = app.clock.now() + chrono::TimeDelta::minutes(1);
        let why = "The process that took it has no mail server: THROUGHLINE_SMTP_URL is not set there.".into();
        return Outcome::Snooze { until, why }.into();
    };
    let row = match app.store.read(move |conn| queries::find(conn, id).map_err(Error::from)).await {
        Ok(Some(row)) => row,
        Ok(None) => return of_record(FailureClass::NotFound, "The mail is no longer in our database"),
        Err(cause) => return Outcome::Failed(Failure::of_call(FailureClass::Network, cause.to_string())).into(),
    };
    let mail = match message(&row, config, &app.config.public_url) {
        Ok(mail) => mail,
        Err(why) => return of_record(FailureClass::Validation, &why),
    };
    let sent = smtp::send(app.mailer(), &mail).await;
    let outcome = match sent.result {
        Ok(accepted) => Outcome::Done(json!({ "message_id": mail.message_id, "answer": accepted.answer })),
        Err(failure) => {
            if failure.class == FailureClass::Authentication {
                let advice =
                    "Correct THROUGHLINE_SMTP_URL or THROUGHLINE_MAIL_FROM and start again, or send a test mail once the server is right";
                connections::hold_configured(app, PROVIDER, &format!("{}. {advice}", failure.message)).await;
            }
            Outcome::Failed(failure)
        }
    };
    Report { outcome, exchange: Some(sent.exchange) }
}

fn of_record(class: FailureClass, why: &str) -> Report {
    Outcome::Failed(Failure::of_record(class, why)).into()
}

/// The message of a row: the same bytes each time.
pub(super) fn message(row: &MailRow, config: &MailConfig, public_url: &str) -> Result<Mail, String> {
    let letter: Letter = serde_json::from_str(&row.letter).map_err(|cause| format!("What the mail says cannot be read: {cause}"))?;
    let (to, reply_to) = (row.to(), row.reply_to());
    // Only people with an account can stop their mails there.
    let stop_url = row.reader.starts_with("user:").then(|| format!("{public_url}/account"));
    Mail::new(&MailParts {
        from: &config.from,
        to: &to,
        reply_to: reply_to.as_ref(),
        key: &row.message_key,
        date: row.created_at,
        why: row.purpose.why(),
        list: row.purpose.list(),
        stop_url: stop_url.as_deref(),
        letter: &letter,
    })
}

/// A mail about a lead stands in the lead's story.
fn reflect<J: DeserializeOwned>(tx: &mut Tx<'_>, change: &Change<'_, J>, id: MailId) -> diesel::QueryResult<()> {
    let kind = match change.state {
        JobState::Succeeded => "mail.sent",
        JobState::Dead => "mail.failed",
        JobState::Uncertain => "mail.uncertain",
        _ => return Ok(()),
    };
    let Some(row) = queries::find(tx.conn(), id)? else { return Ok(()) };
    if change.state == JobState::Succeeded {
        queries::mark_sent(tx, id, change.at)?;
    }
    if !row.subject.starts_with("lead:") {
        return Ok(());
    }
    let event = Event {
        line: &LineId::from_stored(row.line_id),
        source: "outbox",
        source_event_id: &format!("job:{}:{}", change.id, change.at.and_utc().timestamp_micros()),
        kind,
        subject: &row.subject,
        occurred_at: change.at,
        data: json!({ "purpose": row.purpose, "error": change.error }),
    };
    tx.touch(Topic::Leads);
    timeline::record(tx, change.at, &event)
}
