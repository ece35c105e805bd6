//! Brings the database to this program's schema, and refuses one that is newer. The migrations are in the program.

use anyhow::{Context, bail};
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::pg::{Pg, PgConnection};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::conn::{Conn, Engine};
use super::store::{ReadError, Store};
use super::target::{Purpose, Target, sqlite_words};

const FOR_SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
/// The same names as for SQLite; a test compares what both make.
const FOR_POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

diesel::table! {
    /// Diesel's own list of what was applied.
    __diesel_schema_migrations (version) {
        version -> Text,
        run_on -> Timestamp,
    }
}
use __diesel_schema_migrations as applied;

/// Where a database stands against this program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaState {
    Current,
    /// So many migrations are still to be applied.
    Behind(usize),
    /// It holds migrations that this program does not know.
    Ahead(Vec<String>),
}

/// Why the migrations did not run.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Query(#[from] Error),
    #[error("{0}")]
    Migration(String),
}

/// Applies what is pending (`throughline migrate`); repeatable, and safe beside another one. Tells how many were applied.
pub fn migrate(url: &str) -> anyhow::Result<usize> {
    let target = Target::parse(url)?;
    target.make_folder()?;
    let mut conn = target.open(Purpose::Migrate)?;
    match state(&mut conn).with_context(|| format!("reading the schema of {}", target.shown()))? {
        SchemaState::Current => return Ok(0),
        SchemaState::Behind(_) => {}
        SchemaState::Ahead(versions) => return Err(too_new(&target, &versions)),
    }
    match &mut conn {
        Conn::Sqlite(conn) => migrate_sqlite(conn),
        Conn::Postgres(conn) => migrate_postgres(conn),
    }
    .map_err(|failure| match (failure, &target) {
        (Failure::Query(cause), Target::Sqlite { path }) => sqlite_words(path, &cause),
        (other, _) => anyhow::anyhow!("migrating {} failed: {other}; nothing was changed", target.shown()),
    })
}

/// What `serve` and the other commands do first: SQLite is brought up to date, PostgreSQL must already be.
pub fn ensure_current(url: &str) -> anyhow::Result<()> {
    let target = Target::parse(url)?;
    if target.engine() == Engine::Sqlite {
        let count = migrate(url)?;
        if count > 0 {
            tracing::info!(migrations = count, "The database was brought to this program's schema");
        }
        return Ok(());
    }
    let mut conn = target.open(Purpose::Read)?;
    match state(&mut conn).with_context(|| format!("reading the schema of {}", target.shown()))? {
        SchemaState::Current => Ok(()),
        SchemaState::Behind(count) => bail!(
            "the database {} lacks {count} migrations; run `throughline migrate` with the same DATABASE_URL, then start again",
            target.shown()
        ),
        SchemaState::Ahead(versions) => Err(too_new(&target, &versions)),
    }
}

/// Undoes every migration, newest first. Only for tests: it destroys all data.
#[doc(hidden)]
pub fn unmigrate(url: &str) -> anyhow::Result<()> {
    match Target::parse(url)?.open(Purpose::Migrate)? {
        Conn::Sqlite(mut conn) => conn.revert_all_migrations(FOR_SQLITE).map(drop),
        Conn::Postgres(mut conn) => conn.revert_all_migrations(FOR_POSTGRES).map(drop),
    }
    .map_err(|cause| anyhow::anyhow!("undoing the migrations: {cause}"))
}

/// Compares what was applied with what this program knows. A database without the list is merely behind.
pub fn state(conn: &mut Conn) -> QueryResult<SchemaState> {
    let known = known_versions()?;
    let there = match applied::table.select(applied::version).order(applied::version).load::<String>(conn) {
        Ok(there) => there,
        Err(Error::DatabaseError(DatabaseErrorKind::Unknown, about)) if about.message().contains("__diesel_schema_migrations") => {
            Vec::new()
        }
        Err(other) => return Err(other),
    };
    let strangers: Vec<String> = there.iter().filter(|version| !known.contains(version)).cloned().collect();
    if !strangers.is_empty() {
        return Ok(SchemaState::Ahead(strangers));
    }
    Ok(match known.len().saturating_sub(there.len()) {
        0 => SchemaState::Current,
        missing => SchemaState::Behind(missing),
    })
}

impl Store {
    /// Whether the database answers with the current schema (for `/readyz`); the error says what is missing.
    pub async fn readiness(&self) -> Result<(), String> {
        match self.read(|conn| state(conn).map_err(ReadError::from)).await {
            Ok(SchemaState::Current) => Ok(()),
            Ok(SchemaState::Behind(count)) => Err(format!("the database lacks {count} migrations: run `throughline migrate`")),
            Ok(SchemaState::Ahead(_)) => Err("the database has a newer schema than this program".into()),
            Err(cause) => Err(format!("the database does not answer: {cause}")),
        }
    }
}

fn migrate_sqlite(conn: &mut SqliteConnection) -> Result<usize, Failure> {
    // The write lock first: two programs that start together take turns, and the second finds nothing to do.
    conn.immediate_transaction(|conn| {
        let applied = conn.run_pending_migrations(FOR_SQLITE).map(|versions| versions.len());
        applied.map_err(|cause| Failure::Migration(cause.to_string()))
    })
}

fn migrate_postgres(conn: &mut PgConnection) -> Result<usize, Failure> {
    // Two that make the list at once: one of them fails (CREATE TABLE IF NOT EXISTS is not safe beside itself) and looks again.
    let listed = MigrationHarness::<Pg>::applied_migrations(conn).or_else(|_| MigrationHarness::<Pg>::applied_migrations(conn)).map(drop);
    listed.map_err(|cause| Failure::Migration(cause.to_string()))?;
    conn.transaction(|conn| {
        // The second `throughline migrate` waits here, then finds nothing to do.
        conn.batch_execute("LOCK TABLE __diesel_schema_migrations IN ACCESS EXCLUSIVE MODE")?;
        let applied = conn.run_pending_migrations(FOR_POSTGRES).map(|versions| versions.len());
        applied.map_err(|cause| Failure::Migration(cause.to_string()))
    })
}

/// Both engines have the same versions (a test holds them to it).
fn known_versions() -> QueryResult<Vec<String>> {
    let migrations =
        MigrationSource::<Pg>::migrations(&FOR_POSTGRES).map_err(|cause| Error::QueryBuilderError(cause.to_string().into()))?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn too_new(target: &Target, versions: &[String]) -> anyhow::Error {
    anyhow::anyhow!(
        "the database {} has a newer schema than this program ({}); nothing was changed: start the newer program, or restore a backup from before its update",
        target.shown(),
        versions.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use diesel::sqlite::Sqlite;

    #[test]
    fn both_engines_have_the_same_migrations() {
        let sqlite = MigrationSource::<Sqlite>::migrations(&FOR_SQLITE).expect("embedded");
        let sqlite: Vec<String> = sqlite.iter().map(|migration| migration.name().to_string()).collect();
        let postgres = MigrationSource::<Pg>::migrations(&FOR_POSTGRES).expect("embedded");
        let postgres: Vec<String> = postgres.iter().map(|migration| migration.name().to_string()).collect();
        assert_eq!(sqlite, postgres);
    }
}
