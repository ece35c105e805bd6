//! The mail sink: takes every mail and sends none. It answers as a mail server does, by script also with faults, and keeps
//! what it took for the inbox page and for tests.

use std::collections::VecDeque;

use mail_parser::MessageParser;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::clock::UtcTime;
use crate::mail::{Stage, Trouble};

/// Mails kept; the oldest go first.
const KEPT_MAX: usize = 500;

/// A mail as it was taken.
#[derive(Clone, Debug)]
pub struct SunkMail {
    pub id: u64,
    pub at: UtcTime,
    /// Of the envelope.
    pub from: String,
    pub to: Vec<String>,
    pub bytes: Vec<u8>,
}

impl SunkMail {
    /// A header as its bytes stand there, without the folds; empty where there is none.
    pub fn header(&self, name: &str) -> String {
        let message = MessageParser::default().parse(&self.bytes);
        let raw = message.as_ref().and_then(|message| message.header_raw(name)).unwrap_or_default();
        raw.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The subject in words.
    pub fn subject(&self) -> String {
        let message = MessageParser::default().parse(&self.bytes);
        message.as_ref().and_then(|message| message.subject()).unwrap_or_default().to_owned()
    }

    /// The plain part.
    pub fn text(&self) -> String {
        let message = MessageParser::default().parse(&self.bytes);
        message.as_ref().and_then(|message| message.body_text(0)).map(std::borrow::Cow::into_owned).unwrap_or_default()
    }

    /// The part in HTML.
    pub fn html(&self) -> String {
        let message = MessageParser::default().parse(&self.bytes);
        message.as_ref().and_then(|message| message.body_html(0)).map(std::borrow::Cow::into_owned).unwrap_or_default()
    }

    pub(super) fn told(&self) -> Value {
        json!({
            "id": self.id, "at": self.at.and_utc(), "from": self.from, "to": self.to, "subject": self.subject(),
            "message_id": self.header("Message-ID"), "text": self.text(), "html": self.html(),
        })
    }
}

/// A scripted fault of the mail server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailFault {
    fault: MailFaultKind,
    /// Only mails to addresses that end so.
    #[serde(default)]
    to: Option<String>,
    /// The answer's code.
    #[serde(default)]
    code: Option<u16>,
    /// After so many hits it is over.
    #[serde(default)]
    times: Option<u64>,
    #[serde(skip)]
    hits: u64,
}

/// Where it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MailFaultKind {
    /// No connection.
    Refuse,
    /// The sign-in is refused (535).
    SignIn,
    /// The recipient is answered with the code (550 if none is given).
    Recipient,
    /// The content is answered with the code (451).
    Content,
    /// The mail is taken, and the answer never comes.
    Lost,
}

/// What the sink holds.
#[derive(Default)]
pub(super) struct MailSink {
    mails: VecDeque<SunkMail>,
    taken: u64,
    faults: Vec<MailFault>,
}

impl MailSink {
    /// Scripts one fault, or several in an array.
    pub(super) fn script(&mut self, wanted: Value) -> Result<(), String> {
        let wanted = if wanted.is_array() { wanted } else { json!([wanted]) };
        let faults: Vec<MailFault> = serde_json::from_value(wanted).map_err(|cause| format!("not a fault of mail: {cause}"))?;
        self.faults.extend(faults);
        Ok(())
    }

    pub(super) fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// Newest first.
    pub(super) fn all(&self) -> Vec<SunkMail> {
        self.mails.iter().rev().cloned().collect()
    }

    pub(super) fn find(&self, id: u64) -> Option<SunkMail> {
        self.mails.iter().find(|mail| mail.id == id).cloned()
    }

    /// Takes a mail, or answers what the script says.
    pub(super) fn take(&mut self, from: &str, to: &[String], bytes: &[u8], now: UtcTime) -> Result<String, Trouble> {
        let fault = self.faults.iter_mut().find(|fault| {
            let concerns = fault.to.as_ref().is_none_or(|end| to.iter().any(|to| to.ends_with(end.as_str())));
            concerns && fault.times.is_none_or(|times| fault.hits < times)
        });
        let fault = fault.map(|fault| {
            fault.hits += 1;
            fault.clone()
        });
        if let Some(trouble) = fault.as_ref().and_then(MailFault::before) {
            return Err(trouble);
        }
        self.taken += 1;
        let mail = SunkMail { id: self.taken, at: now, from: from.to_owned(), to: to.to_vec(), bytes: bytes.to_vec() };
        self.mails.push_back(mail);
        if self.mails.len() > KEPT_MAX {
            self.mails.pop_front();
        }
        match fault {
            Some(_) => Err(Trouble { stage: Stage::Sent, answer: None, cause: "the connection broke".into() }),
            None => Ok(format!("250 2.0.0 Ok: kept as {}", self.taken)),
        }
    }
}

impl MailFault {
    /// What comes of faults before anything is taken.
    fn before(&self) -> Option<Trouble> {
        let answer = |stage, default, words: &str| {
            Some(Trouble { stage, answer: Some((self.code.unwrap_or(default), words.to_owned())), cause: String::new() })
        };
        match self.fault {
            MailFaultKind::Refuse => Some(Trouble { stage: Stage::Connect, answer: None, cause: "connection refused".into() }),
            MailFaultKind::SignIn => answer(Stage::SignIn, 535, "5.7.8 Authentication credentials invalid"),
            MailFaultKind::Recipient => answer(Stage::Recipient, 550, "5.1.1 No such user here"),
            MailFaultKind::Content => answer(Stage::Sent, 451, "4.3.0 Try again later"),
            MailFaultKind::Lost => None,
        }
    }
}
