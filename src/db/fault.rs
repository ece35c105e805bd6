//! What a failure of the database means for the transaction it happened in.

use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::result::{DatabaseErrorKind, Error};

/// The four kinds of failure that the writer tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A row breaks a rule of its table: the closure's own matter, its neighbours are not touched.
    Constraint,
    /// Deadlock, serialization failure, lock timeout, BUSY: the same work may succeed when run again.
    Transient,
    /// The connection is gone.
    Lost,
    /// Disk full, I/O, a statement that cannot be: the state of the transaction is no longer trusted.
    Fatal,
}

/// What an error of Diesel means; None: it did not come from the database (no such row, a value that does not parse).
///
/// Diesel shows neither SQLite's codes nor PostgreSQL's for these, so words decide. Words that are not known make a
/// failure `Fatal`: the transaction is rolled back and the connection replaced, which is always safe.
pub(super) fn classify(error: &Error) -> Option<Fault> {
    match error {
        Error::DatabaseError(kind, about) => Some(of_kind(kind, about.message())),
        Error::BrokenTransactionManager => Some(Fault::Lost),
        Error::RollbackErrorOnCommit { .. } | Error::AlreadyInTransaction | Error::NotInTransaction => Some(Fault::Fatal),
        _ => None,
    }
}

fn of_kind(kind: &DatabaseErrorKind, message: &str) -> Fault {
    match kind {
        DatabaseErrorKind::UniqueViolation
        | DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => Fault::Constraint,
        DatabaseErrorKind::SerializationFailure => Fault::Transient,
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Fault::Lost,
        _ => of_words(message),
    }
}

fn of_words(message: &str) -> Fault {
    const TRANSIENT: [&str; 5] =
        ["deadlock detected", "could not serialize access", "due to lock timeout", "database is locked", "database table is locked"];
    const LOST: [&str; 9] = [
        "server closed the connection",
        "terminating connection",
        "no connection to the server",
        "connection to server",
        "could not receive data",
        "could not send data",
        "the database system is",
        "connection has been closed",
        "connection not open",
    ];
    if TRANSIENT.iter().any(|words| message.contains(words)) {
        Fault::Transient
    } else if LOST.iter().any(|words| message.contains(words)) {
        Fault::Lost
    } else {
        Fault::Fatal
    }
}

/// Whether the database could not be asked at all, so that asking again later may help.
pub fn is_unavailable(error: &Error) -> bool {
    matches!(classify(error), Some(Fault::Transient | Fault::Lost))
}

/// Remembers the gravest failure of the statements on one connection, behind the back of the closure: an error that a
/// closure translates into its own, or swallows, is still seen. Shared by the connection's instrumentation and its writer.
#[derive(Clone, Default)]
pub(super) struct FaultWatch(Arc<Mutex<Option<(Fault, String)>>>);

impl FaultWatch {
    /// Takes what was seen since the last time.
    pub(super) fn take(&self) -> Option<(Fault, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Instrumentation for FaultWatch {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        let InstrumentationEvent::FinishQuery { error: Some(error), .. } = event else { return };
        let Some(fault) = classify(error) else { return };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref().is_none_or(|(before, _)| *before == Fault::Constraint) {
            *seen = Some((fault, error.to_string()));
        }
    }
}

/// What a write closure may refuse with. The writer asks a refusal whether the database stands behind it: a duplicate is
/// the closure's own matter, a full disk is not.
pub trait WriteRefusal: From<Error> + Send + 'static {
    /// The database's error behind this refusal, where there is one.
    fn database_error(&self) -> Option<&Error>;
}

impl WriteRefusal for Error {
    fn database_error(&self) -> Option<&Error> {
        Some(self)
    }
}

impl WriteRefusal for crate::Error {
    fn database_error(&self) -> Option<&Error> {
        match self {
            Self::Internal(cause) => cause.chain().find_map(|link| link.downcast_ref::<Error>()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(message: &str) -> Error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))
    }

    #[test]
    fn words_tell_what_kinds_do_not() {
        assert_eq!(classify(&unknown("deadlock detected")), Some(Fault::Transient));
        assert_eq!(classify(&unknown("database is locked")), Some(Fault::Transient));
        assert_eq!(classify(&unknown("canceling statement due to lock timeout")), Some(Fault::Transient));
        assert_eq!(classify(&unknown("terminating connection due to administrator command")), Some(Fault::Lost));
        assert_eq!(classify(&unknown("database or disk is full")), Some(Fault::Fatal));
        assert_eq!(classify(&Error::NotFound), None);
    }

    #[test]
    fn the_database_is_found_behind_our_own_error() {
        let ours = crate::Error::Internal(anyhow::Error::new(unknown("disk I/O error")).context("saving a lead"));
        assert_eq!(ours.database_error().and_then(classify), Some(Fault::Fatal));
        assert!(crate::Error::NotFound("lead").database_error().is_none());
    }
}
