//! A writer's connection: the outer transaction, the savepoints and the depth checks. Decides nothing about reruns.

use std::collections::HashSet;

use diesel::connection::{AnsiTransactionManager, Connection, SimpleConnection, TransactionManager};
use diesel::result::{DatabaseErrorKind, Error};

use super::conn::Conn;
use super::fault::{Fault, FaultWatch, classify};
use super::gathered::Gathered;
use super::mark::BatchMark;
use super::target::{Purpose, Target, sqlite_words};
use super::task::{Ran, Task};
use super::tx::Topic;

/// A connection with its watch.
pub(super) struct Link {
    conn: Conn,
    watch: FaultWatch,
    savepoint: Savepoint,
    gathered: Gathered,
    /// SQLite cannot change its level of safety inside a transaction, so it is chosen before: closures that were relaxed the
    /// last time are expected to be so again.
    relaxed_names: HashSet<&'static str>,
    /// SQLite: commits of this transaction are not waited for (`synchronous = NORMAL`).
    is_unsynced: bool,
}

/// What the savepoint `closure` holds. It is ours, below Diesel's own counting: so its end and the next one's beginning
/// travel to PostgreSQL together, which is every fifth round trip of an intake saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Savepoint {
    Empty,
    /// What the closure before wrote.
    ToKeep,
    /// What the closure before did while it only looked.
    ToUndo,
}

const UNDO: &str = "ROLLBACK TO SAVEPOINT closure";

/// Why a transaction cannot go on.
#[derive(Debug)]
pub(super) struct Breakdown {
    pub(super) fault: Fault,
    pub(super) why: String,
}

/// How a COMMIT ended, where it did not succeed.
#[derive(Debug)]
pub(super) enum CommitFailure {
    /// The database said no: provably not committed.
    Refused(Breakdown),
    /// The answer never came.
    Unknown(String),
}

/// A closure's part in the transaction.
#[derive(Debug)]
pub(super) enum Part {
    Wrote { touched: Vec<Topic>, is_relaxed: bool },
    Nothing,
}

/// What is known of a batch after its COMMIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// It is on the disk, and a lost answer can be resolved.
    Full,
    /// A crash may forget it; a lost answer stays unknown.
    Relaxed,
}

impl Breakdown {
    fn of(doing: &str, error: &Error) -> Self {
        Self { fault: classify(error).unwrap_or(Fault::Fatal), why: format!("{doing}: {error}") }
    }
}

impl Link {
    /// Opens the connection; `setup_sql` comes last (tests limit the size of the database with it).
    pub(super) fn open(target: &Target, setup_sql: Option<&str>) -> anyhow::Result<Self> {
        let mut conn = target.open(Purpose::Write)?;
        if let Some(sql) = setup_sql {
            conn.batch_execute(sql)?;
        }
        let watch = FaultWatch::default();
        conn.set_instrumentation(watch.clone());
        Ok(Self {
            conn,
            watch,
            savepoint: Savepoint::Empty,
            gathered: Gathered::default(),
            relaxed_names: HashSet::new(),
            is_unsynced: false,
        })
    }

    /// Fails with the remedy when another program holds SQLite's lock, or the file may not be written.
    pub(super) fn prove_writable(&mut self, target: &Target) -> anyhow::Result<()> {
        match (&mut self.conn, target) {
            (Conn::Sqlite(conn), Target::Sqlite { path }) => {
                conn.batch_execute("BEGIN IMMEDIATE; ROLLBACK").map_err(|error| sqlite_words(path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Opens the outer transaction and the first savepoint. On SQLite the write lock is taken at once: taken later it could
    /// fail half-way. `first` names the closure that comes first.
    pub(super) fn begin(&mut self, first: Option<&'static str>) -> Result<(), Breakdown> {
        let is_unsynced = first.is_some_and(|name| self.relaxed_names.contains(name));
        let begun = match &mut self.conn {
            Conn::Sqlite(conn) => {
                let level = match (self.is_unsynced, is_unsynced) {
                    (false, true) => "PRAGMA synchronous = NORMAL",
                    (true, false) => "PRAGMA synchronous = FULL",
                    _ => "",
                };
                self.is_unsynced = is_unsynced;
                conn.batch_execute(level)
                    .and_then(|()| AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE; SAVEPOINT closure"))
            }
            Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN; SAVEPOINT closure"),
        };
        self.savepoint = Savepoint::Empty;
        self.gathered = Gathered::default();
        self.watch.take();
        begun.map_err(|error| Breakdown::of("BEGIN", &error))
    }

    /// Ends the savepoint of the closure before and begins the next one's. Fails if that closure ended the transaction.
    pub(super) fn next_savepoint(&mut self) -> Result<(), Breakdown> {
        let statement = match self.savepoint {
            Savepoint::Empty => return Ok(()),
            Savepoint::ToKeep => "RELEASE SAVEPOINT closure; SAVEPOINT closure",
            Savepoint::ToUndo => UNDO,
        };
        self.savepoint = Savepoint::Empty;
        self.conn.batch_execute(statement).map_err(|error| Breakdown::of("SAVEPOINT", &error))
    }

    /// Runs one closure in a savepoint of its own; always one, so that nothing depends on how many share the transaction.
    pub(super) fn run(&mut self, task: &mut dyn Task) -> Result<Part, Breakdown> {
        self.watch.take();
        let ran = task.run(&mut self.conn);
        let seen = self.watch.take();
        let behind = match &ran {
            Ran::Refused(behind) => behind.clone(),
            Ran::Done(_) | Ran::Panicked => None,
        };
        if let Some((fault, why)) = [&seen, &behind].into_iter().flatten().find(|(fault, _)| *fault != Fault::Constraint) {
            return Err(Breakdown { fault: *fault, why: why.clone() });
        }
        let Ran::Done(trace) = ran else {
            return self.undo().map(|()| Part::Nothing);
        };
        let mistake = match seen {
            Some((_, why)) => Some(format!("`{}` caught a database error and went on ({why}); use ON CONFLICT", task.name())),
            None if self.depth()? != 1 => Some(format!("`{}` left a transaction open", task.name())),
            None => None,
        };
        if let Some(mistake) = mistake {
            tracing::error!(error = mistake, "A write closure is wrong; nothing of it was written");
            task.fail(mistake);
            return self.undo().map(|()| Part::Nothing);
        }
        if trace.is_empty {
            self.savepoint = Savepoint::ToUndo;
            return Ok(Part::Nothing);
        }
        self.savepoint = Savepoint::ToKeep;
        self.gathered.absorb(trace.gathered);
        if !trace.is_relaxed {
            self.relaxed_names.remove(task.name());
        } else if matches!(self.conn, Conn::Sqlite(_)) {
            self.relaxed_names.insert(task.name());
        }
        Ok(Part::Wrote { touched: trace.touched, is_relaxed: trace.is_relaxed })
    }

    /// Ends the last savepoint, writes what the closures gathered, and leaves the batch's mark. Last before COMMIT: it also fails if the transaction is already
    /// dead, where a COMMIT would quietly answer "rolled back".
    pub(super) fn close_batch(&mut self, mark: &BatchMark, wanted: Durability) -> Result<Durability, Breakdown> {
        let mut end = if self.savepoint == Savepoint::ToUndo { "ROLLBACK TO SAVEPOINT closure; RELEASE" } else { "RELEASE" };
        let (last, durability) = match (&self.conn, wanted) {
            // Without a mark: a row in a table for a write that a crash may forget would cost more than it tells.
            (Conn::Postgres(_), Durability::Relaxed) => ("SET LOCAL synchronous_commit = off".to_owned(), Durability::Relaxed),
            (conn, _) => (mark.statement(conn.engine()), Durability::Full),
        };
        let gathered = std::mem::take(&mut self.gathered);
        if !gathered.is_empty() {
            let released = self.conn.batch_execute(&format!("{end} SAVEPOINT closure; SAVEPOINT closure"));
            released.map_err(|error| Breakdown::of("RELEASE", &error))?;
            gathered.insert_all(&mut self.conn).map_err(|error| Breakdown::of("inserting gathered rows", &error))?;
            end = "RELEASE";
        }
        let closed = self.conn.batch_execute(&format!("{end} SAVEPOINT closure; {last}"));
        closed.map(|()| durability).map_err(|error| Breakdown::of("closing the batch", &error))
    }

    /// Commits, and believes it only when the transaction is really over and, where that is wanted, on the disk.
    pub(super) fn commit(&mut self, mark: &BatchMark, wanted: Durability) -> Result<(), CommitFailure> {
        if let Err(breakdown) = self.depth().and_then(|depth| if depth == 1 { Ok(()) } else { Err(wrong_depth(depth)) }) {
            return Err(CommitFailure::Refused(breakdown));
        }
        let committed = Conn::commit_transaction(&mut self.conn);
        match committed {
            Ok(()) => match self.depth() {
                Ok(0) if self.is_unsynced && wanted == Durability::Full => self.sync(mark),
                Ok(0) => Ok(()),
                _ => Err(CommitFailure::Unknown("after COMMIT a transaction was still open".into())),
            },
            Err(error) if was_refused(&error) => Err(CommitFailure::Refused(Breakdown::of("COMMIT", &error))),
            Err(error) => Err(CommitFailure::Unknown(error.to_string())),
        }
    }

    /// SQLite: somebody who was not relaxed joined a group that was expected to be. A commit that is waited for takes
    /// everything before it to the disk, since all of it stands in one log.
    fn sync(&mut self, mark: &BatchMark) -> Result<(), CommitFailure> {
        let commit = format!("PRAGMA synchronous = FULL; BEGIN IMMEDIATE; {}; COMMIT", mark.statement(self.conn.engine()));
        self.conn.batch_execute(&commit).map_err(|error| CommitFailure::Unknown(error.to_string()))?;
        self.is_unsynced = false;
        Ok(())
    }

    /// Ends the transaction without a trace; Err: the connection must not be used again.
    pub(super) fn roll_back(&mut self) -> Result<(), Breakdown> {
        self.roll_back_to(0)
    }

    /// After a lost COMMIT, on a new connection.
    pub(super) fn was_committed(&mut self, mark: &BatchMark) -> Result<bool, Error> {
        mark.was_committed(&mut self.conn)
    }

    /// Undoes a closure; its savepoint stays for the next one.
    fn undo(&mut self) -> Result<(), Breakdown> {
        self.roll_back_to(1)?;
        self.savepoint = Savepoint::Empty;
        self.conn.batch_execute(UNDO).map_err(|error| Breakdown::of("ROLLBACK TO", &error))
    }

    fn depth(&mut self) -> Result<u32, Breakdown> {
        let status = Conn::transaction_manager_status_mut(&mut self.conn);
        let depth = status.transaction_depth().map_err(|error| Breakdown::of("transaction depth", &error))?;
        Ok(depth.map_or(0, std::num::NonZeroU32::get))
    }

    /// A closure may have left savepoints of its own open: rolls back until the depth is right, not once.
    fn roll_back_to(&mut self, wanted: u32) -> Result<(), Breakdown> {
        loop {
            let depth = self.depth()?;
            if depth == wanted {
                return Ok(());
            }
            if depth < wanted {
                return Err(wrong_depth(depth));
            }
            Conn::rollback_transaction(&mut self.conn).map_err(|error| Breakdown::of("ROLLBACK", &error))?;
        }
    }
}

/// Whether the database itself refused the COMMIT: everything else may have reached it.
fn was_refused(error: &Error) -> bool {
    match error {
        Error::DatabaseError(kind, about) => {
            // SQLITE_FULL: the frame that carries the commit mark was never written.
            matches!(classify(error), Some(Fault::Constraint | Fault::Transient))
                || (matches!(kind, DatabaseErrorKind::Unknown) && about.message() == "database or disk is full")
        }
        _ => false,
    }
}

fn wrong_depth(depth: u32) -> Breakdown {
    Breakdown { fault: Fault::Fatal, why: format!("the transaction's depth is {depth}") }
}
