//! What a write closure is given, and the guard that keeps it from asking the store again.

use std::cell::Cell;

use super::conn::Conn;

/// What a committed write touched; wakes workers and live pages after the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Jobs,
    Leads,
    Connections,
}

/// What a write closure gets: the connection, and a way to say what it touched.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    touched: Vec<Topic>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(conn: &'a mut Conn) -> Self {
        Self { conn, touched: Vec::new() }
    }

    pub(super) fn into_touched(self) -> Vec<Topic> {
        self.touched
    }

    /// The connection, inside the transaction.
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// Wakes whoever listens to the topic, after the commit.
    pub fn touch(&mut self, topic: Topic) {
        if !self.touched.contains(&topic) {
            self.touched.push(topic);
        }
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
