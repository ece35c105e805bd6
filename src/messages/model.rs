//! A mail that is to be sent, or was.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::mails;
use crate::db::{id_type, text_enum};
use crate::line::LineId;
use crate::mail::{Letter, Party, Why};

id_type! {
    /// A row of `mails`.
    pub struct MailId;
}

text_enum! {
    /// What a mail is for.
    pub enum Purpose {
        /// Tells staff of one lead.
        Lead => "lead",
        /// Tells staff of several leads that came close together.
        Leads => "leads",
        /// Tells staff of the leads of a day.
        Daily => "daily",
        /// Answers somebody who has just written to us.
        Reply => "reply",
    }
}

impl Purpose {
    /// Why a program writes it.
    pub fn why(self) -> Why {
        if self == Self::Reply { Why::Reply } else { Why::Notice }
    }

    /// The list that staff may sort it by.
    pub fn list(self) -> Option<&'static str> {
        if self == Self::Reply { None } else { Some("new-leads") }
    }
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct NewMail<'a> {
    pub purpose: Purpose,
    /// Whom it is for, as a ledger names them: `user:3`, `address:noor@example.com`.
    pub reader: &'a str,
    pub to: Party,
    /// Whom an answer goes to; None: the sender.
    pub reply_to: Option<Party>,
    pub letter: &'a Letter,
    pub line: &'a LineId,
    /// What it is about: `lead:12`.
    pub subject: &'a str,
}

/// A mail as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = mails)]
pub struct MailRow {
    pub id: MailId,
    /// The left side of its Message-ID.
    pub message_key: String,
    pub purpose: Purpose,
    pub reader: String,
    pub line_id: String,
    pub subject: String,
    pub to_name: Option<String>,
    pub to_address: String,
    pub reply_name: Option<String>,
    pub reply_address: Option<String>,
    /// JSON of a [`Letter`].
    pub letter: String,
    pub created_at: UtcTime,
    pub sent_at: Option<UtcTime>,
}

impl MailRow {
    /// Whom it is for.
    pub fn to(&self) -> Party {
        Party { name: self.to_name.clone(), address: self.to_address.clone() }
    }

    /// Whom an answer goes to.
    pub fn reply_to(&self) -> Option<Party> {
        self.reply_address.clone().map(|address| Party { name: self.reply_name.clone(), address })
    }
}
