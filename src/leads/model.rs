//! A lead: someone who asked for a quote or talked to the chatbot.

use diesel::prelude::*;
use serde_json::{Map, Value};

use crate::clock::UtcTime;
use crate::db::schema::leads;
use crate::db::{id_type, text_enum};
use crate::line::LineId;

id_type! {
    /// A row of `leads`.
    pub struct LeadId;
}

impl LeadId {
    /// How jobs, events and audit rows name it.
    pub fn subject(self) -> String {
        format!("lead:{self}")
    }
}

text_enum! {
    /// How far a lead has come on its way to the CRM; mirrors its job.
    pub enum LeadStatus {
        Pending => "pending",
        Processing => "processing",
        Sent => "sent",
        Retry => "retry",
        Failed => "failed",
        /// It may have arrived; a person decides.
        Uncertain => "uncertain",
        Cancelled => "cancelled",
        /// It looked suspicious and waits for a person; nothing was done with it.
        Quarantined => "quarantined",
        /// A person has marked it as spam.
        Spam => "spam",
    }
}

impl LeadStatus {
    /// Held back by the defence: no job, no mail, not in the lists of leads.
    pub fn is_held(self) -> bool {
        matches!(self, Self::Quarantined | Self::Spam)
    }

    /// As whoever sent it may know it: that it is held is nobody's business.
    pub fn told_outside(self) -> Self {
        if self.is_held() { Self::Pending } else { self }
    }
}

text_enum! {
    /// Where the lead came in.
    pub enum LeadKind {
        Quote => "quote",
        Chatbot => "chatbot",
    }
}

/// A lead as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = leads)]
pub struct Lead {
    pub id: LeadId,
    /// Also the value of the CRM's unique field.
    pub line_id: String,
    pub status_token_hash: String,
    pub kind: LeadKind,
    pub source: String,
    pub name: String,
    pub email: Option<String>,
    /// The address in lower case, for finding.
    pub email_key: Option<String>,
    /// As typed.
    pub phone: Option<String>,
    /// As phones read it (E.164), where it could be read.
    pub phone_e164: Option<String>,
    pub company: Option<String>,
    pub message: Option<String>,
    /// JSON: `[{"sku","quantity"}]`.
    pub items: String,
    /// JSON: `{"utm_source": …}`.
    pub utm: String,
    pub page_url: Option<String>,
    pub consent_given: Option<bool>,
    pub consent_wording: Option<String>,
    /// `en-1`: which of our wordings it was (`consent`); of another site's form, what that site calls it.
    pub consent_version: Option<String>,
    /// In which language the person was spoken to: `ar`.
    pub language: Option<String>,
    pub conversation_id: Option<String>,
    /// JSON: `[{"role","text"}]`.
    pub transcript: Option<String>,
    /// JSON: the fields we do not know, as they came.
    pub extra: String,
    pub status: LeadStatus,
    pub retry_count: i64,
    pub last_error: Option<String>,
    pub processed_at: Option<UtcTime>,
    pub zoho_lead_id: Option<String>,
    pub provider_response: Option<String>,
    pub received_at: UtcTime,
    pub updated_at: UtcTime,
}

/// A checked submission: what intake stores.
#[derive(Clone, Debug, PartialEq)]
pub struct NewLead {
    pub kind: LeadKind,
    pub source: String,
    pub contact: Contact,
    pub message: Option<String>,
    pub items: Vec<Item>,
    pub utm: Map<String, Value>,
    pub page_url: Option<String>,
    pub consent: Option<Consent>,
    pub language: Option<String>,
    pub conversation_id: Option<String>,
    pub transcript: Vec<Utterance>,
    pub extra: Map<String, Value>,
}

/// A checked submission with what was minted for it.
#[derive(Clone, Copy, Debug)]
pub struct Arrived<'a> {
    pub line: &'a LineId,
    pub status_token_hash: &'a str,
    pub new: &'a NewLead,
}

/// Who the lead is; staff may correct it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    pub name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub phone_e164: Option<String>,
    pub company: Option<String>,
}

impl Contact {
    /// The address in the form it is searched by.
    pub fn email_key(&self) -> Option<String> {
        self.email.as_ref().map(|email| email.to_lowercase())
    }
}

/// Something asked for.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Item {
    pub sku: String,
    pub quantity: i64,
}

/// What the person agreed to, in the words they saw.
#[derive(Clone, Debug, PartialEq)]
pub struct Consent {
    pub given: bool,
    pub wording: Option<String>,
    pub version: Option<String>,
}

/// One turn of a chatbot conversation.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Utterance {
    pub role: String,
    pub text: String,
}

impl Utterance {
    /// Who spoke, as people say it; a role nobody agreed on stays as it came.
    pub fn speaker(&self) -> &str {
        match self.role.as_str() {
            "user" | "visitor" | "human" => "Visitor",
            "assistant" | "bot" | "model" => "Chatbot",
            other => other,
        }
    }
}
