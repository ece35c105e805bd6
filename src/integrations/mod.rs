//! Clients of the systems we keep in step: our verbs, our types, no database. Each maps its provider's errors to the
//! seven classes here, at its edge and nowhere else.

pub mod smtp;
pub mod stripe;
pub mod zoho;

use crate::db::text_enum;

text_enum! {
    /// What kind of failure a call had; decides what the outbox does next (docs/outbox.md).
    pub enum FailureClass {
        /// 429: the connection must slow down.
        RateLimited => "rate_limited",
        /// The token or its rights are refused.
        Authentication => "authentication",
        /// The provider refuses this record; trying again cannot help.
        Validation => "validation",
        /// What we refer to is not there.
        NotFound => "not_found",
        /// 5xx.
        ServerError => "server_error",
        /// No connection, or no answer in time.
        Network => "network",
        /// An answer we do not understand.
        Unknown => "unknown",
    }
}

/// A call that did not do what was asked, in words a person can act on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub class: FailureClass,
    /// A sentence; the provider's code follows in brackets.
    pub message: String,
    /// How long the provider asks us to wait.
    pub retry_after_s: Option<u32>,
    /// The request was sent and its effect is not known: the provider may have acted on it.
    pub effect_unknown: bool,
    /// The provider answered for this record alone, so the connection works: uses up one of the record's attempts.
    pub of_record: bool,
}

impl Failure {
    /// A failure of the call as such: no record is at fault, and nothing was done.
    pub fn of_call(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after_s: None, effect_unknown: false, of_record: false }
    }

    /// A failure of one record: the connection works.
    pub fn of_record(class: FailureClass, message: impl Into<String>) -> Self {
        Self { of_record: true, ..Self::of_call(class, message) }
    }

    /// A call that was made and may or may not have had its effect.
    pub fn of_unknown_effect(class: FailureClass, message: impl Into<String>) -> Self {
        Self { effect_unknown: true, ..Self::of_call(class, message) }
    }

    /// With how long the provider asks us to wait.
    #[must_use]
    pub fn waiting_s(self, retry_after_s: Option<u32>) -> Self {
        Self { retry_after_s, ..self }
    }
}
