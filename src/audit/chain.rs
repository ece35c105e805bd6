//! What is sealed of an audit row, byte for byte. Each seal covers the row and the seal before it. Personal values enter as
//! salted commitments: once a value and its salt are erased, the seal still holds and nobody can guess the value from it.
//!
//! ```text
//! seal       = SHA-256("throughline audit 1\n", seal before, seq, id, at in µs, action, subject, line,
//!                      commitment of actor, reason, before, after, address)
//! commitment = SHA-256("throughline value 1\n", salt, name, value)
//! ```
//! Texts are preceded by their length, numbers are 64 bits big-endian, what may be absent is preceded by 0 or 1.

use std::collections::BTreeMap;

use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::clock::UtcTime;
use crate::db::schema::audit;
use crate::random;

/// A value of an audit row that may say something about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalValue {
    Actor,
    Reason,
    Before,
    After,
    Address,
}

impl PersonalValue {
    /// In the order in which they are sealed.
    pub const ALL: [Self; 5] = [Self::Actor, Self::Reason, Self::Before, Self::After, Self::Address];

    /// The column, and the name under which the value is committed to.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Reason => "reason",
            Self::Before => "before",
            Self::After => "after",
            Self::Address => "address",
        }
    }
}

/// Something for each personal value that was there when the row was sealed; JSON in its column.
pub(super) type ByValue = BTreeMap<String, String>;

/// An audit row, whole.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit)]
pub(super) struct AuditRow {
    pub id: i64,
    pub at: UtcTime,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub line_id: Option<String>,
    pub reason: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub address: Option<String>,
    pub seal_seq: Option<i64>,
    pub seal: Option<String>,
    pub commitments: Option<String>,
    pub salts: Option<String>,
}

impl AuditRow {
    /// The value, if it is there and was not erased.
    pub fn value(&self, which: PersonalValue) -> Option<&str> {
        match which {
            PersonalValue::Actor => Some(self.actor.as_str()).filter(|actor| *actor != super::ERASED),
            PersonalValue::Reason => self.reason.as_deref(),
            PersonalValue::Before => self.before.as_deref(),
            PersonalValue::After => self.after.as_deref(),
            PersonalValue::Address => self.address.as_deref(),
        }
    }

    /// A fresh salt and the commitment for each value that is there.
    pub fn commit(&self) -> (ByValue, ByValue) {
        let (mut commitments, mut salts) = (ByValue::new(), ByValue::new());
        for which in PersonalValue::ALL {
            if let Some(value) = self.value(which) {
                let salt = random::token();
                commitments.insert(which.as_str().into(), commitment(&salt, which, value));
                salts.insert(which.as_str().into(), salt);
            }
        }
        (commitments, salts)
    }

    /// The seal of this row at its place in the chain.
    pub fn seal_at(&self, seq: i64, seal_before: &str, commitments: &ByValue) -> String {
        let mut sealed = Sealed::new(b"throughline audit 1\n");
        sealed.text(seal_before);
        sealed.number(seq);
        sealed.number(self.id);
        sealed.number(self.at.and_utc().timestamp_micros());
        sealed.text(&self.action);
        sealed.text(&self.subject);
        sealed.maybe(self.line_id.as_deref());
        for which in PersonalValue::ALL {
            sealed.maybe(commitments.get(which.as_str()).map(String::as_str));
        }
        sealed.end()
    }
}

/// What stands in the chain in place of a value.
pub(super) fn commitment(salt: &str, which: PersonalValue, value: &str) -> String {
    let mut sealed = Sealed::new(b"throughline value 1\n");
    sealed.text(salt);
    sealed.text(which.as_str());
    sealed.text(value);
    sealed.end()
}

/// Reads a column of [`ByValue`]; None where it is not what the sealer wrote.
pub(super) fn read(column: Option<&str>) -> Option<ByValue> {
    serde_json::from_str(column?).ok()
}

/// Writes a column of [`ByValue`].
pub(super) fn write(by_value: &ByValue) -> String {
    serde_json::to_string(by_value).unwrap_or_default()
}

/// A hash over parts that cannot run into each other.
struct Sealed(Sha256);

impl Sealed {
    fn new(purpose: &[u8]) -> Self {
        Self(Sha256::new().chain_update(purpose))
    }

    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn end(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
