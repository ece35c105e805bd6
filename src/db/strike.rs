//! Where a test may strike: between a caller and the writer. Nothing in the program sets one (`StoreOptions::new`).

use std::fmt;
use std::sync::Arc;

/// What befalls one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// It never reaches the writer: as when the database is away.
    Refused,
    /// It is committed, and its caller never hears of it: as when the connection is lost at COMMIT and stays so.
    AnswerLost,
}

type Decide = dyn Fn(&'static str) -> Option<Strike> + Send + Sync;

/// Decides, for each write by its name, what befalls it.
#[derive(Clone, Default)]
pub struct Strikes(Option<Arc<Decide>>);

impl Strikes {
    /// Asks the test before each write.
    pub fn decided_by(decide: impl Fn(&'static str) -> Option<Strike> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(decide)))
    }

    pub(super) fn on(&self, write: &'static str) -> Option<Strike> {
        self.0.as_ref().and_then(|decide| decide(write))
    }
}

impl fmt::Debug for Strikes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "a test's" } else { "none" })
    }
}
