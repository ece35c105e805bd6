//! One write on its way through the writer: the closure, what it returned, and who waits for the answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::conn::Conn;
use super::fault::{Fault, WriteRefusal, classify};
use super::tx::{Trace, Tx, WriteMark};

/// Why a write did not come to be.
#[derive(Debug, thiserror::Error)]
pub enum WriteError<E> {
    /// The closure's own refusal; nothing of it was written.
    #[error("{0}")]
    Refused(E),
    /// The writer has more to do than it may hold; nothing was written.
    #[error("the writer is full")]
    Busy,
    /// Provably not committed.
    #[error("not written: {0}")]
    NotWritten(String),
    /// The connection was lost from COMMIT on and it could not be found out whether the write was committed.
    #[error("not known whether it was written")]
    Unknown,
}

/// What came of running a closure in its savepoint.
pub(super) enum Ran {
    Done(Trace),
    /// The closure's own refusal, with the database's fault behind it where there is one.
    Refused(Option<(Fault, String)>),
    Panicked,
}

/// What became of the transaction.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Committed,
    NotWritten(String),
    Unknown,
}

/// A write, its types hidden: the writer sees only this.
pub(super) trait Task: Send {
    /// For logs.
    fn name(&self) -> &'static str;

    /// The caller is gone. Only asked before the first run: afterwards nobody knows what it already did.
    fn is_abandoned(&self) -> bool;

    /// Runs the closure (again) and keeps what it returned.
    fn run(&mut self, conn: &mut Conn) -> Ran;

    /// Forgets what the closure returned: nothing of it will be committed.
    fn fail(&mut self, why: String);

    /// Tells the caller, once and for all.
    fn answer(&mut self, verdict: &Verdict);
}

/// A closure and its caller.
pub(super) struct WriteTask<T, E, F> {
    name: &'static str,
    change: F,
    returned: Option<Result<T, WriteError<E>>>,
    caller: Option<oneshot::Sender<Result<T, WriteError<E>>>>,
}

impl<T, E, F> WriteTask<T, E, F> {
    pub(super) fn new(name: &'static str, change: F, caller: oneshot::Sender<Result<T, WriteError<E>>>) -> Self {
        Self { name, change, returned: None, caller: Some(caller) }
    }
}

impl<T, E, F> Task for WriteTask<T, E, F>
where
    T: Send + 'static,
    E: WriteRefusal,
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_abandoned(&self) -> bool {
        self.caller.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn run(&mut self, conn: &mut Conn) -> Ran {
        let change = &self.change;
        // Inside the savepoint: a panic caught further out would leave Diesel's transaction depth one too high, and the
        // next "commit" would only release a savepoint.
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let _mark = WriteMark::set();
            let mut tx = Tx::new(conn);
            let returned = change(&mut tx);
            (returned, tx.into_trace())
        }));
        match ran {
            Ok((Ok(value), trace)) => {
                self.returned = Some(Ok(value));
                Ran::Done(trace)
            }
            Ok((Err(refusal), _)) => {
                let behind = refusal.database_error().and_then(|error| Some((classify(error)?, error.to_string())));
                self.returned = Some(Err(WriteError::Refused(refusal)));
                Ran::Refused(behind)
            }
            Err(panic) => {
                let words = words_of(panic.as_ref());
                tracing::error!(write = self.name, error = words, "A write closure panicked; nothing of it was written");
                self.fail(format!("`{}` panicked: {words}", self.name));
                Ran::Panicked
            }
        }
    }

    fn fail(&mut self, why: String) {
        self.returned = Some(Err(WriteError::NotWritten(why)));
    }

    fn answer(&mut self, verdict: &Verdict) {
        let Some(caller) = self.caller.take() else { return };
        let answer = match (verdict, self.returned.take()) {
            (Verdict::Committed, Some(returned)) => returned,
            // A refusal wrote nothing, whatever became of its neighbours; but it may rest on what they wrote.
            (Verdict::Unknown, Some(Err(_))) => Err(WriteError::NotWritten("the database went away".into())),
            (Verdict::Unknown, _) => Err(WriteError::Unknown),
            (Verdict::NotWritten(why), _) => Err(WriteError::NotWritten(why.clone())),
            (Verdict::Committed, None) => Err(WriteError::NotWritten("the closure never ran".into())),
        };
        let _caller_is_gone = caller.send(answer);
    }
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
