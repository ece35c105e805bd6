//! The app under test, on a database that is its own and goes with it.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::NaiveDate;
use throughline::clock::Clock;
use throughline::db::{Engine, Store, StoreOptions};

use super::cluster::Cluster;
use super::template;

/// A running app. Its database goes when it is dropped.
pub struct TestApp {
    pub store: Store,
    pub clock: Clock,
    pub engine: Engine,
    /// The `DATABASE_URL`.
    pub url: String,
    database: Database,
}

enum Database {
    File(tempfile::TempDir),
    OnServer(String),
}

impl TestApp {
    /// Makes a database with the current schema and opens it. The clock is manual, Sunday 2026-11-22 09:00 UTC.
    pub fn start(engine: Engine) -> Self {
        let (url, database) = new_database(engine);
        let start = NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a real time");
        let clock = Clock::manual(start);
        let store = Store::open_with(StoreOptions::new(&url, clock.clone())).expect("the store opens");
        Self { store, clock, engine, url, database }
    }

    /// Another store on the same database, with other options: a second process, as far as the database can tell.
    pub fn open_store(&self, change: impl FnOnce(&mut StoreOptions)) -> Store {
        let mut options = StoreOptions::new(&self.url, self.clock.clone());
        change(&mut options);
        Store::open_with(options).expect("the store opens")
    }

    /// An empty database without any schema.
    pub fn empty_database(&self) -> String {
        match &self.database {
            Database::File(folder) => format!("sqlite:{}/empty-{}.db", folder.path().display(), next_number()),
            Database::OnServer(name) => Cluster::shared().create_database(&format!("{name}_{}", next_number())),
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Database::OnServer(name) = &self.database {
            Cluster::shared().drop_database(name);
        }
    }
}

fn new_database(engine: Engine) -> (String, Database) {
    match engine {
        Engine::Sqlite => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let file = folder.path().join("throughline.db");
            template::copy_sqlite(&file);
            (format!("sqlite:{}", file.display()), Database::File(folder))
        }
        Engine::Postgres => {
            let name = format!("t_{}_{}", std::process::id(), next_number());
            (template::copy_postgres(&name), Database::OnServer(name))
        }
    }
}

fn next_number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}
