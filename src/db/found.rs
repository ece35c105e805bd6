//! What a URL leads to, looked at without making or changing anything.

use std::path::PathBuf;

use anyhow::Context;

use super::conn::Conn;
use super::migrate::{SchemaState, state};
use super::target::{Purpose, Target};

/// A database, as far as it is there.
pub enum Found {
    /// An embedded database that nobody has made yet.
    Nothing { path: PathBuf },
    /// So many migrations are still to be applied.
    Behind { missing: usize },
    /// A newer program has been here.
    Ahead,
    /// A connection that can only read, and how the database is named in messages.
    Current { conn: Conn, shown: String },
}

/// Looks at the database. An error says in words what is wrong, and never a password.
pub fn find(url: &str) -> anyhow::Result<Found> {
    let target = Target::parse(url)?;
    // SQLite would make a file that is not there.
    if let Target::Sqlite { path } = &target
        && !path.exists()
    {
        return Ok(Found::Nothing { path: path.clone() });
    }
    let mut conn = target.open(Purpose::Read)?;
    Ok(match state(&mut conn).with_context(|| format!("reading the schema of {}", target.shown()))? {
        SchemaState::Behind(missing) => Found::Behind { missing },
        SchemaState::Ahead(_) => Found::Ahead,
        SchemaState::Current => Found::Current { conn, shown: target.shown() },
    })
}
