//! The pool of reading connections.

use std::time::Duration;

use anyhow::Context;
use diesel::r2d2::{self, R2D2Connection};
use tracing::warn;

use super::conn::{Conn, Engine};
use super::target::{Purpose, Target};
use crate::clock::Stopwatch;

/// A reading connection and when it was last known to live.
pub(super) struct Reader {
    pub(super) conn: Conn,
    seen: Stopwatch,
}

/// Opens and checks readers for r2d2.
pub(super) struct ReaderSource(Target);

/// Why there is no reader.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub(super) struct NoReader(anyhow::Error);

/// r2d2's pool of readers.
pub(super) type ReaderPool = r2d2::Pool<ReaderSource>;

/// How long a reader is believed to live without being asked.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// How long a caller waits for a connection.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(3);

/// Makes the pool; connections are opened when they are first needed.
pub(super) fn pool(target: Target, size: u32) -> ReaderPool {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .connection_timeout(WAIT_MAX)
        .test_on_check_out(target.engine() == Engine::Postgres)
        .error_handler(Box::new(LogFailures))
        .build_unchecked(ReaderSource(target))
}

impl r2d2::ManageConnection for ReaderSource {
    type Connection = Reader;
    type Error = NoReader;

    fn connect(&self) -> Result<Reader, NoReader> {
        Ok(Reader { conn: self.0.open(Purpose::Read).map_err(NoReader)?, seen: Stopwatch::start() })
    }

    fn is_valid(&self, reader: &mut Reader) -> Result<(), NoReader> {
        if reader.seen.elapsed() > TRUSTED_FOR {
            reader.conn.ping().context("asking a reader whether it lives").map_err(NoReader)?;
            reader.seen = Stopwatch::start();
        }
        Ok(())
    }

    /// A reader whose closure panicked or left a transaction open is not handed out again.
    fn has_broken(&self, reader: &mut Reader) -> bool {
        std::thread::panicking() || reader.conn.is_broken()
    }
}

#[derive(Debug)]
struct LogFailures;

impl r2d2::HandleError<NoReader> for LogFailures {
    fn handle_error(&self, cause: NoReader) {
        warn!(error = %cause, "A connection for reading could not be had");
    }
}
