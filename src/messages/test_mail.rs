//! The test mail: sent while a person waits, at most 10 s, with the server's own answer. One that is taken lets the
//! connection go on.

use std::time::Duration;

use super::allowed;
use crate::app::App;
use crate::audit::{self, Act};
use crate::connections;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::integrations::smtp::{self, PROVIDER};
use crate::integrations::{Failure, FailureClass};
use crate::mail::{Letter, Mail, MailParts, Party, Why};
use crate::outbox::admin::Request;
use crate::outbox::limits;
use crate::random;

/// A person waits no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of it, in words that a person can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tested {
    /// The server's answer.
    Accepted(String),
    Failed(String),
}

/// Sends a test mail to one person. Err: it was not tried.
pub async fn send_test(app: &App, to: Party, by: &Request) -> Result<Tested> {
    let (Some(config), Some(limits)) = (&app.config.mail, allowed(&app.config)) else {
        return Err(Error::Conflict("no mail server is set: set THROUGHLINE_SMTP_URL and THROUGHLINE_MAIL_FROM, and start again".into()));
    };
    limits::ask(app, PROVIDER, &limits, 1).await?;
    let letter = letter(&app.config.public_url);
    let mail = Mail::new(&MailParts {
        from: &config.from,
        to: &to,
        reply_to: None,
        key: &random::token(),
        date: app.clock.now(),
        why: Why::Notice,
        list: None,
        stop_url: None,
        letter: &letter,
    });
    let result = match mail {
        Err(why) => Err(Failure::of_record(FailureClass::Validation, why)),
        Ok(mail) => match tokio::time::timeout(PATIENCE, smtp::send(app.mailer(), &mail)).await {
            Ok(sent) => sent.result,
            Err(_) => {
                Err(Failure::of_call(FailureClass::Network, format!("The mail server gave no answer within {} s", PATIENCE.as_secs())))
            }
        },
    };
    let tested = match result {
        Ok(accepted) => {
            connections::release_configured(app, PROVIDER).await?;
            Tested::Accepted(accepted.answer)
        }
        Err(failure) => Tested::Failed(failure.message),
    };
    let was_taken = matches!(tested, Tested::Accepted(_));
    note(app, was_taken, by).await?;
    Ok(tested)
}

async fn note(app: &App, was_taken: bool, by: &Request) -> Result<()> {
    let by = by.clone();
    let write = move |tx: &mut Tx<'_>| -> Result<()> {
        let act = Act {
            actor: &by.actor,
            action: "messages.test",
            subject: "connection:mail",
            line: None,
            reason: None,
            before: None,
            after: Some(serde_json::json!({ "accepted": was_taken })),
            address: by.address.as_deref(),
        };
        Ok(audit::record(tx, by.now, &act)?)
    };
    Ok(app.store.write("messages.test", PROVIDER, write).await?)
}

/// What it says.
pub fn letter(public_url: &str) -> Letter {
    Letter {
        language: "en".into(),
        subject: "Test mail from Throughline".into(),
        heading: "Mail works".into(),
        paragraphs: vec![
            "This is the test mail you asked for. Throughline can send mails through this server.".into(),
            "If it was put into the spam folder, ask whoever runs the mail server for SPF and DKIM of the sender's domain.".into(),
        ],
        sections: Vec::new(),
        action: None,
        footer: vec![format!("Sent by Throughline at {public_url}.")],
    }
}
