//! What a write closure is given, and the guard that keeps it from asking the store again.

use std::cell::Cell;

use super::conn::Conn;
use super::gathered::{Gathered, GatheredRow};

/// What a committed write touched; wakes workers and live pages after the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Jobs,
    /// A job may have become ready: wakes the worker.
    Ready,
    Leads,
    Connections,
    Orders,
    /// What providers told us.
    Inbox,
    Catalog,
    /// Contacts, companies, and whose timeline an event stands in.
    People,
}

/// What a write closure gets: the connection, and a way to say what it touched and how much its write matters.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    trace: Trace,
}

/// What a closure said about its write.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) touched: Vec<Topic>,
    /// A crash of the database may forget it, even after it was answered.
    pub(super) is_relaxed: bool,
    /// It only looked: what it did is undone.
    pub(super) is_empty: bool,
    pub(super) gathered: Gathered,
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a mut Conn) -> Self {
        Self { conn, trace: Trace::default() }
    }

    pub(super) fn into_trace(self) -> Trace {
        self.trace
    }

    /// The connection, inside the transaction.
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// Wakes whoever listens to the topic, after the commit.
    pub fn touch(&mut self, topic: Topic) {
        if !self.trace.touched.contains(&topic) {
            self.trace.touched.push(topic);
        }
    }

    /// Gives a row that is inserted with those of the whole group, before the COMMIT that this closure is answered after. For
    /// rows that nothing in this transaction reads back.
    pub fn gather(&mut self, row: impl GatheredRow) {
        self.trace.gathered.push(row);
    }

    /// Says that this write need not be on the disk before it is answered: a crash of the database may forget it, and the
    /// program goes on as if it had never been (a heartbeat; the claim of a job that may run twice). It is still atomic and
    /// in order: whatever is committed durably later is never kept without it. If its COMMIT is not answered the caller may
    /// hear `Unknown`. Heeded only when everybody who writes in the group says it.
    pub fn relax(&mut self) {
        self.trace.is_relaxed = true;
    }

    /// Says that this closure only looked and changed nothing worth keeping. Whatever it did is undone, topics it touched are
    /// not told, and a group in which everybody says so (or refuses) ends without a COMMIT, so without a wait for the disk.
    pub fn wrote_nothing(&mut self) {
        self.trace.is_empty = true;
    }
}

thread_local! {
    static INSIDE_WRITE: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as running a write closure, until dropped (also by a panic).
pub(super) struct WriteMark;

impl WriteMark {
    pub(super) fn set() -> Self {
        INSIDE_WRITE.set(true);
        Self
    }

    pub(super) fn is_set() -> bool {
        INSIDE_WRITE.get()
    }
}

impl Drop for WriteMark {
    fn drop(&mut self) {
        INSIDE_WRITE.set(false);
    }
}
