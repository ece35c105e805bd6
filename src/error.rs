//! What can come of a request that a person can see. Form mistakes are not errors: the page comes back with them.

use crate::db::{ReadError, WriteError, is_unavailable};

/// The closed list of outcomes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing asked for is not there; says what kind of thing.
    #[error("this {0} does not exist")]
    NotFound(&'static str),
    /// The person may not do this.
    #[error("your role does not allow this")]
    Forbidden,
    /// The state has moved on; says how, in a sentence.
    #[error("{0}")]
    Conflict(String),
    /// Something we need does not answer; says what, in a sentence. The caller may try again.
    #[error("{0}")]
    Unavailable(String),
    /// Our mistake, or the machine's.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

/// The result of most handlers and actions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<diesel::result::Error> for Error {
    fn from(cause: diesel::result::Error) -> Self {
        if is_unavailable(&cause) {
            tracing::warn!(error = %cause, "The database did not answer");
            return Self::Unavailable("the database does not answer".into());
        }
        Self::Internal(anyhow::Error::new(cause).context("reading or writing the database"))
    }
}

impl From<ReadError> for Error {
    fn from(cause: ReadError) -> Self {
        match cause {
            ReadError::Unavailable => Self::Unavailable("the database does not answer".into()),
            ReadError::Failed(why) => Self::Internal(anyhow::anyhow!(why)),
            ReadError::Query(cause) => cause.into(),
        }
    }
}

/// A write that did not happen is the storage's failure, except where the closure itself refused.
impl From<WriteError<Error>> for Error {
    fn from(cause: WriteError<Error>) -> Self {
        match cause {
            WriteError::Refused(own) => own,
            WriteError::Busy => Self::Unavailable("the database is taking more work than it can finish; nothing was saved".into()),
            WriteError::NotWritten(why) => {
                // The writer has said so already, once for all whom it concerns.
                tracing::debug!(error = %why, "A write did not happen");
                Self::Unavailable("the database did not take this; nothing was saved".into())
            }
            WriteError::Unknown => Self::Unavailable("the database went away while saving; whether this was saved is not known yet".into()),
        }
    }
}
