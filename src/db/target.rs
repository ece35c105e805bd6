//! Where the database is, how a connection to it is opened and set up, and what is wrong in words when it cannot be.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use diesel::connection::{Connection, SimpleConnection};
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::conn::{Conn, Engine};
use super::fault::{Fault, classify};

/// The database that a URL names. The engine is chosen from the URL, never by trial.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Sqlite { path: PathBuf },
    Postgres { url: String },
}

/// The file of a SQLite database; None for PostgreSQL.
pub fn sqlite_path(url: &str) -> Option<PathBuf> {
    match Target::parse(url) {
        Ok(Target::Sqlite { path }) => Some(path),
        _ => None,
    }
}

/// What a connection is for; decides its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
    /// Waits longer for locks and for statements: changing a table takes its time.
    Migrate,
}

/// How long SQLite waits for another program's lock before it says BUSY.
const SQLITE_BUSY_MS: u32 = 5_000;

impl Target {
    /// Reads `sqlite:PATH`, `postgres://…` or `postgresql://…`.
    pub(super) fn parse(url: &str) -> anyhow::Result<Self> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            refuse_tls_without_feature(url)?;
            return Ok(Self::Postgres { url: url.to_owned() });
        }
        let Some(path) = url.strip_prefix("sqlite:") else {
            bail!("DATABASE_URL must be `sqlite:PATH` (as in `sqlite:data/throughline.db`) or `postgres://…`");
        };
        // sqlite://data/x.db and sqlite:///var/x.db are how other tools write it.
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path == ":memory:" {
            bail!("DATABASE_URL names no file: write `sqlite:data/throughline.db` (a database in memory would not survive)");
        }
        Ok(Self::Sqlite { path: PathBuf::from(path) })
    }

    /// Which engine it is.
    pub(super) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }

    /// How it is named in messages and logs: never with its password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Sqlite { path } => path.display().to_string(),
            Self::Postgres { url } => shown_without_password(url),
        }
    }

    /// Makes the folder of an embedded database, so that a first start needs no preparation. For its owner alone: leads
    /// are personal data, and SQLite makes its files readable for everybody.
    pub(super) fn make_folder(&self) -> anyhow::Result<()> {
        let Self::Sqlite { path } = self else { return Ok(()) };
        match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(|| {
                format!("the folder of the database, {}, cannot be made; make it yourself or set DATABASE_URL", folder.display())
            }),
            None => Ok(()),
        }
    }

    /// Opens a connection and sets it up for its purpose.
    pub(super) fn open(&self, purpose: Purpose) -> anyhow::Result<Conn> {
        match self {
            Self::Sqlite { path } => open_sqlite(path, purpose).map(Conn::Sqlite),
            Self::Postgres { url } => open_postgres(url, purpose).map(Conn::Postgres),
        }
    }
}

fn open_sqlite(path: &Path, purpose: Purpose) -> anyhow::Result<SqliteConnection> {
    let text = path.to_str().context("the path of the database is not valid UTF-8; move the database")?;
    let mut conn = SqliteConnection::establish(text).map_err(|cause| {
        anyhow::anyhow!("the database {} cannot be opened ({cause}); check that its folder exists and may be written", path.display())
    })?;
    set_up_sqlite(&mut conn, purpose).map_err(|cause| sqlite_words(path, &cause))?;
    Ok(conn)
}

fn set_up_sqlite(conn: &mut SqliteConnection, purpose: Purpose) -> QueryResult<()> {
    conn.batch_execute(&format!("PRAGMA busy_timeout = {SQLITE_BUSY_MS}; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"))?;
    match purpose {
        Purpose::Read => conn.batch_execute("PRAGMA cache_size = -2048; PRAGMA query_only = ON;"),
        // FULL: a commit is on the disk before it is answered. 4,000 pages between checkpoints: fewer, larger ones.
        Purpose::Write | Purpose::Migrate => conn.batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384; \
             PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;",
        ),
    }
}

/// A failure of SQLite as a sentence that names the remedy.
pub(super) fn sqlite_words(path: &Path, cause: &diesel::result::Error) -> anyhow::Error {
    let path = path.display();
    let text = cause.to_string();
    if matches!(classify(cause), Some(Fault::Transient)) {
        return anyhow::anyhow!(
            "the database {path} is locked by another program; end that program (a backup, a database browser) and start again"
        );
    }
    if text.contains("readonly") || text.contains("read-only") {
        return anyhow::anyhow!("the database {path} may not be written; give this user the right to write the file and its folder");
    }
    if text.contains("not a database") || text.contains("malformed") {
        return anyhow::anyhow!(
            "{path} is not an intact SQLite database ({text}); nothing was changed: restore a backup or set DATABASE_URL to another file"
        );
    }
    anyhow::anyhow!("the database {path} does not work: {text}")
}

fn open_postgres(url: &str, purpose: Purpose) -> anyhow::Result<PgConnection> {
    let mut conn = PgConnection::establish(&with_client_settings(url)).map_err(|cause| postgres_words(url, &cause.to_string()))?;
    let (statement_s, lock_s) = match purpose {
        Purpose::Migrate => (0, 60),
        Purpose::Read | Purpose::Write => (30, 5),
    };
    conn.batch_execute(&format!(
        "SET statement_timeout = '{statement_s}s'; SET lock_timeout = '{lock_s}s'; SET idle_in_transaction_session_timeout = '60s'; \
         SET timezone = 'UTC'; SET synchronous_commit = 'on'; SET default_transaction_isolation = 'read committed';"
    ))
    .with_context(|| format!("setting up a connection to {}", shown_without_password(url)))?;
    // Deadlocks and lock timeouts are told apart by their words (Diesel hides the code); only some roles may choose them.
    if let Err(cause) = conn.batch_execute("SET lc_messages = 'C'") {
        tracing::debug!(error = %cause, "PostgreSQL keeps its own language for messages");
    }
    if purpose == Purpose::Write {
        // A writer's statements touch few rows by an index. A table whose statistics are behind its contents must not make the
        // planner sort, hash or scan instead: seen as a drain five times slower after an ANALYZE in the wrong moment.
        conn.batch_execute(
            "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off; SET enable_seqscan = off; SET jit = off",
        )
        .context("setting up a writer's connection")?;
    }
    if purpose == Purpose::Read {
        conn.batch_execute("SET default_transaction_read_only = on").context("making a connection read-only")?;
    }
    Ok(conn)
}

/// libpq is synchronous: without these a half-open socket would hang a thread for ever. What the URL says itself wins.
fn with_client_settings(url: &str) -> String {
    const SETTINGS: [(&str, &str); 7] = [
        ("connect_timeout", "5"),
        ("keepalives", "1"),
        ("keepalives_idle", "10"),
        ("keepalives_interval", "5"),
        ("keepalives_count", "3"),
        ("tcp_user_timeout", "15000"),
        ("application_name", "throughline"),
    ];
    let mut out = url.to_owned();
    for (name, value) in SETTINGS {
        if !query_pairs(url).any(|(key, _)| key == name) {
            out.push(if out.contains('?') { '&' } else { '?' });
            out.push_str(&format!("{name}={value}"));
        }
    }
    out
}

fn refuse_tls_without_feature(url: &str) -> anyhow::Result<()> {
    let wants_tls = query_pairs(url).any(|(key, value)| key == "sslmode" && matches!(value, "require" | "verify-ca" | "verify-full"));
    if wants_tls && !cfg!(feature = "postgres-tls") {
        bail!(
            "DATABASE_URL asks for TLS (sslmode), but this program was built without it: build with `--features postgres-tls`, or use a release"
        );
    }
    Ok(())
}

fn query_pairs(url: &str) -> impl Iterator<Item = (&str, &str)> {
    url.split_once('?').map_or("", |(_, query)| query).split('&').filter_map(|pair| pair.split_once('='))
}

fn postgres_words(url: &str, cause: &str) -> anyhow::Error {
    let shown = shown_without_password(url);
    let cause = cause.trim();
    if cause.contains("SSL support is not compiled in") {
        return anyhow::anyhow!(
            "PGSSLMODE asks for TLS, but this program was built without it: build with `--features postgres-tls`, or use a release"
        );
    }
    anyhow::anyhow!("PostgreSQL at {shown} cannot be reached ({cause}); check DATABASE_URL and that the server runs")
}

fn shown_without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let rest = rest.split('?').next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_chooses_the_engine_and_mistakes_are_named() {
        assert_eq!(Target::parse("sqlite:data/a.db").expect("a file").shown(), "data/a.db");
        assert_eq!(Target::parse("sqlite:///var/a.db").expect("a file").shown(), "/var/a.db");
        assert_eq!(Target::parse("postgres://me:secret@db.example:5432/x?a=b").expect("a server").shown(), "postgres://db.example:5432/x");
        for mistake in ["mysql://x", "sqlite:", "sqlite::memory:", "data/a.db"] {
            assert!(Target::parse(mistake).expect_err(mistake).to_string().contains("DATABASE_URL"));
        }
    }

    #[cfg(not(feature = "postgres-tls"))]
    #[test]
    fn asking_for_tls_without_it_is_refused_by_name() {
        for mode in ["require", "verify-ca", "verify-full"] {
            let refusal = Target::parse(&format!("postgres://h/db?sslmode={mode}")).expect_err("no TLS in this build");
            assert!(refusal.to_string().contains("--features postgres-tls"), "{refusal}");
        }
        assert!(Target::parse("postgres://h/db?sslmode=prefer").is_ok());
    }

    #[test]
    fn a_setting_in_the_url_wins() {
        let url = with_client_settings("postgres://h/db?connect_timeout=2");
        assert!(url.contains("connect_timeout=2&") && !url.contains("connect_timeout=5"), "{url}");
        assert!(url.contains("&tcp_user_timeout=15000"), "{url}");
        assert!(with_client_settings("postgres://h/db").contains("db?connect_timeout=5&"));
    }

    #[test]
    fn a_folder_that_is_made_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("var/data");
        let target = Target::parse(&format!("sqlite:{}/a.db", data.display())).expect("a file");
        target.make_folder().expect("made");
        target.make_folder().expect("made already");
        assert_eq!(std::fs::metadata(&data).expect("it is there").permissions().mode() & 0o777, 0o700);
    }
}
