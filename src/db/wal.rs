//! Watches the size of SQLite's write-ahead log: a reader that never ends keeps it from being emptied.

use std::path::PathBuf;
use std::time::Duration;

use tracing::warn;

use super::target::Target;
use crate::clock::Stopwatch;

const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Sixteen times what a checkpoint usually leaves.
const LARGE_BYTES: u64 = 256 << 20;

/// Looks at the log file now and then.
pub(super) struct WalWatch {
    file: Option<PathBuf>,
    looked: Stopwatch,
}

impl WalWatch {
    pub(super) fn new(target: &Target) -> Self {
        let file = match target {
            Target::Sqlite { path } => {
                let mut name = path.as_os_str().to_owned();
                name.push("-wal");
                Some(PathBuf::from(name))
            }
            Target::Postgres { .. } => None,
        };
        Self { file, looked: Stopwatch::start() }
    }

    /// Warns when the log has grown large.
    pub(super) fn look(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.looked.elapsed() > LOOK_EVERY) else { return };
        self.looked = Stopwatch::start();
        if let Ok(size_bytes) = file.metadata().map(|about| about.len())
            && size_bytes > LARGE_BYTES
        {
            warn!(
                size_bytes,
                "SQLite's write-ahead log is large: a long read (a backup, an open database browser) keeps it from being emptied"
            );
        }
    }
}
