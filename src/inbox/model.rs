//! What a receipt is: one event of a provider, as it came, with what became of it.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::receipts;
use crate::db::{id_type, text_enum};
use crate::line::LineId;

id_type! {
    /// A row of `receipts`.
    pub struct ReceiptId;
}

impl ReceiptId {
    /// How jobs and audit rows name it.
    pub fn subject(self) -> String {
        format!("receipt:{self}")
    }
}

text_enum! {
    /// How we know that the provider said it.
    pub enum Verdict {
        /// It was pushed, and its signature fits.
        Verified => "verified",
        /// We asked for it.
        Fetched => "fetched",
    }
}

text_enum! {
    /// How far a receipt is.
    pub enum ReceiptState {
        /// It is on the disk; its job will interpret it.
        Received => "received",
        /// It had its effect.
        Handled => "handled",
        /// Something newer was known already, so nothing was left to do.
        Superseded => "superseded",
        /// Nobody here does anything about events of its type.
        NotHandled => "not_handled",
        /// It is genuine and not for us: of test mode, of another account, unreadable.
        Refused => "refused",
        /// Interpreting it failed for good.
        Failed => "failed",
    }
}

impl ReceiptState {
    /// As pages name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Received => "Received",
            Self::Handled => "Handled",
            Self::Superseded => "Superseded",
            Self::NotHandled => "Not handled",
            Self::Refused => "Refused",
            Self::Failed => "Failed",
        }
    }
}

impl Verdict {
    /// As pages name it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Verified => "Signature fits",
            Self::Fetched => "Read by us",
        }
    }
}

/// An event on its way in.
#[derive(Clone, Debug)]
pub struct Incoming {
    pub provider: &'static str,
    /// The provider's own id of the event, or what stands for it: the same event is kept once.
    pub event_id: String,
    pub event_type: String,
    /// What it is about, by the provider's id.
    pub object_id: Option<String>,
    pub verdict: Verdict,
    pub livemode: Option<bool>,
    pub account: Option<String>,
    pub api_version: Option<String>,
    pub happened_at: Option<UtcTime>,
    /// JSON: `{"user-agent": "Stripe/1.0"}`.
    pub headers: String,
    pub body: Vec<u8>,
    /// Who sent it; None: we asked for it.
    pub address: Option<String>,
    pub line: LineId,
    /// Why it is kept and not interpreted; None: it is.
    pub refusal: Option<String>,
}

/// What became of an event that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: ReceiptId,
    pub state: ReceiptState,
    /// It was there already.
    pub is_duplicate: bool,
}

/// A receipt as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = receipts)]
pub struct Receipt {
    pub id: ReceiptId,
    pub provider: String,
    pub event_id: String,
    pub event_type: String,
    pub object_id: Option<String>,
    pub verdict: Verdict,
    pub livemode: Option<bool>,
    pub account: Option<String>,
    pub api_version: Option<String>,
    /// JSON; None: they were kept long enough.
    pub headers: Option<String>,
    /// As it came; None: it was kept long enough.
    pub body: Option<Vec<u8>>,
    pub size_bytes: i64,
    pub address: Option<String>,
    /// By the provider's clock.
    pub happened_at: Option<UtcTime>,
    pub received_at: UtcTime,
    pub state: ReceiptState,
    /// Why it is in this state, where that needs a reason.
    pub reason: Option<String>,
    /// JSON: what it did here.
    pub caused: Option<String>,
    pub line_id: String,
    /// How often it came again.
    pub duplicates: i64,
    pub seen_again_at: Option<UtcTime>,
    pub settled_at: Option<UtcTime>,
}

impl Receipt {
    /// The line that began with it.
    pub fn line(&self) -> LineId {
        LineId::from_stored(self.line_id.clone())
    }
}
