//! The door to the database: `read` for questions, `write` for everything that changes something.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::Connection;
use tokio::sync::broadcast;

use super::conn::Conn;

/// What a committed write touched; wakes workers and live pages after the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    Jobs,
    Leads,
    Connections,
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("no database connection is free")]
    Unavailable,
    #[error(transparent)]
    Query(#[from] diesel::result::Error),
}

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

/// What a write closure gets: the connection, and a way to say what it touched.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    touched: BTreeSet<Topic>,
}

impl Tx<'_> {
    /// The connection, inside the transaction.
    pub fn conn(&mut self) -> &mut Conn {
        self.conn
    }

    /// Wakes whoever listens to the topic, after the commit.
    pub fn touch(&mut self, topic: Topic) {
        self.touched.insert(topic);
    }
}

/// The database. Clones share pool and writer.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    conn: Mutex<Conn>,
    topics: broadcast::Sender<Topic>,
}

impl Store {
    /// Opens the database named by the URL (`sqlite:PATH` or `postgres://…`).
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let conn = Conn::Sqlite(diesel::sqlite::SqliteConnection::establish(path)?);
        Ok(Self(Arc::new(Inner { conn: Mutex::new(conn), topics: broadcast::channel(1024).0 })))
    }

    /// Which engine it is.
    pub fn engine(&self) -> super::conn::Engine {
        self.0.conn.lock().unwrap_or_else(PoisonError::into_inner).engine()
    }

    /// Asks a question. Never changes anything: SQLite readers are `query_only`.
    pub async fn read<T, E>(&self, ask: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<ReadError> + Send + 'static,
    {
        ask(&mut self.0.conn.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes something: the closure runs inside a savepoint of a group commit, and the answer comes after the commit.
    /// `key` chooses the writer, so that closures touching the same rows never meet. The closure may run again; it has
    /// no effect outside `tx`.
    pub async fn write<T, E>(
        &self,
        _name: &'static str,
        _key: &str,
        change: impl Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, WriteError<E>>
    where
        T: Send + 'static,
        E: From<diesel::result::Error> + Send + 'static,
    {
        let mut conn = self.0.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut touched = BTreeSet::new();
        let result = conn.transaction(|conn| {
            let mut tx = Tx { conn, touched: BTreeSet::new() };
            let result = change(&mut tx);
            touched = tx.touched;
            result
        });
        let result = result.map_err(WriteError::Refused)?;
        for topic in touched {
            let _nobody_listens = self.0.topics.send(topic);
        }
        Ok(result)
    }

    /// Hears which topics committed writes touched.
    pub fn subscribe(&self) -> broadcast::Receiver<Topic> {
        self.0.topics.subscribe()
    }
}
