//! The current schema, made once and copied for each test: every migration once more would be most of a short test.
//! Tests run in processes of their own, so the copy is kept beside what they share: a file of the build's temporary folder,
//! a database of the test run's server. Its name tells the migrations it was made by.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use diesel::pg::PgConnection;
use diesel::prelude::*;
use throughline::db::migrate;
use throughline::digest::sha256_hex;

use super::cluster::Cluster;

/// Puts a database with the current schema at `file`.
pub fn copy_sqlite(file: &Path) {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let template = MADE.get_or_init(|| {
        let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.db", name("sqlite")));
        if !made.exists() {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
            let new = folder.path().join("new.db");
            migrate::migrate(&format!("sqlite:{}", new.display())).expect("the migrations apply");
            // Several processes may come here at once: each finds a whole file, whoever's it is.
            std::fs::rename(&new, &made).expect("the template gets its name");
        }
        made
    });
    std::fs::copy(template, file).expect("the template is copied");
}

/// Makes a database with the current schema on the test run's server and tells its URL.
pub fn copy_postgres(new: &str) -> String {
    static MADE: OnceLock<String> = OnceLock::new();
    let cluster = Cluster::shared();
    let template = MADE.get_or_init(|| {
        let made = name("postgres");
        let mut conn = PgConnection::establish(&cluster.url("postgres")).expect("the test's PostgreSQL answers");
        // One process makes it, the others wait; the lock goes with the connection.
        diesel::sql_query("SELECT pg_advisory_lock(7203)").execute(&mut conn).expect("the lock is taken");
        let there = diesel::sql_query(format!("SELECT 1 FROM pg_database WHERE datname = '{made}'"));
        if there.execute(&mut conn).expect("the list of databases") == 0 {
            migrate::migrate(&cluster.create_database(&format!("{made}_new"))).expect("the migrations apply");
            cluster.execute(&format!("ALTER DATABASE {made}_new RENAME TO {made}"));
        }
        made
    });
    cluster.execute(&format!("CREATE DATABASE {new} TEMPLATE {template}"));
    cluster.url(new)
}

fn name(engine: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the migrations are there").map(|entry| entry.expect("an entry").path().join("up.sql")).collect();
    files.sort();
    let content: Vec<u8> = files.iter().flat_map(|file| std::fs::read(file).expect("a migration is read")).collect();
    format!("schema_{}", &sha256_hex(content)[..24])
}
