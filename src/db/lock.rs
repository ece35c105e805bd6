//! The lock that keeps a second `serve` from an embedded database. Not on the database file itself: closing a handle on
//! that would drop SQLite's own locks.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};

use anyhow::{Context, bail};

use super::target::Target;

/// Held for as long as `serve` runs; the operating system lets go of it when the process ends, however it ends.
#[must_use = "dropping it unlocks the database"]
#[derive(Debug)]
pub struct DatabaseLock {
    /// None on PostgreSQL, where as many processes as wanted may run.
    _file: Option<File>,
}

/// Takes the lock `<database>.lock`; refuses, naming the other process, when it is held.
pub fn lock_database(url: &str) -> anyhow::Result<DatabaseLock> {
    let target = Target::parse(url)?;
    let Target::Sqlite { path } = &target else { return Ok(DatabaseLock { _file: None }) };
    target.make_folder()?;
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut file =
        File::options().create(true).read(true).write(true).truncate(false).open(&name).with_context(|| {
            format!("{} cannot be written; give this user the right to write the folder of the database", name.display())
        })?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).context("writing the lock file of the database")?;
            Ok(DatabaseLock { _file: Some(file) })
        }
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _only_for_the_message = file.read_to_string(&mut holder);
            bail!(
                "another `throughline serve` (process {}) already runs on {}; SQLite takes one, PostgreSQL as many as you want",
                holder.trim(),
                path.display()
            )
        }
        Err(TryLockError::Error(cause)) => Err(cause).context("locking the database"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_serve_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}/a.db", folder.path().display());
        let first = lock_database(&url).expect("nobody holds it");
        let refusal = lock_database(&url).expect_err("the first holds it").to_string();
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(first);
        let _second = lock_database(&url).expect("the first let go");
    }
}
