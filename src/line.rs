//! The line id: minted where something first enters, carried by everything that follows from it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::UtcTime;
use crate::random;

/// A time-ordered UUID (version 7, RFC 9562) in its hyphenated text form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LineId(String);

impl LineId {
    /// Mints a new line, at the place where something enters.
    pub fn mint(now: UtcTime) -> Self {
        let millis = u64::try_from(now.and_utc().timestamp_millis()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random::bytes::<10>()).into_uuid().to_string())
    }

    /// The text that is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes over an id that our own database holds.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LineId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(|id| Self(id.hyphenated().to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_lines_sort_after_earlier_ones_and_read_back() {
        let clock = crate::clock::Clock::manual(UtcTime::default());
        let first = LineId::mint(clock.now());
        clock.advance(std::time::Duration::from_millis(1));
        let second = LineId::mint(clock.now());
        assert!(first.as_str() < second.as_str());
        assert_eq!(first, first.to_string().parse().expect("our own id parses"));
    }
}
