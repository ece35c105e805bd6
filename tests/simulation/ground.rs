//! A fresh database for each seed, quickly: on SQLite a copy of a migrated file, on PostgreSQL a database made after a
//! migrated one. A crash here is that of a process, never of the machine, so the disk need not be waited for.

use std::sync::atomic::{AtomicU32, Ordering};

use throughline::clock::Clock;
use throughline::db::{Engine, Store, StoreOptions, Strikes};

use crate::cluster::Cluster;
use crate::template;

/// Goes when it is dropped.
pub struct Ground {
    url: String,
    folder: Option<tempfile::TempDir>,
    name: String,
}

impl Ground {
    pub fn new(engine: Engine) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("sim_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let file = folder.path().join("simulated.db");
                template::copy_sqlite(&file);
                Self { url: format!("sqlite:{}", file.display()), folder: Some(folder), name }
            }
            Engine::Postgres => Self { url: template::copy_postgres(&name), folder: None, name },
        }
    }

    pub fn store(&self, clock: Clock, strikes: Strikes) -> Store {
        let setup_sql = if self.folder.is_some() { "PRAGMA synchronous = OFF" } else { "SET synchronous_commit = off" };
        let options =
            StoreOptions { writers: 1, readers: 1, setup_sql: Some(setup_sql.into()), strikes, ..StoreOptions::new(&self.url, clock) };
        Store::open_with(options).expect("the store opens")
    }

    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.folder.is_none() {
            Cluster::shared().drop_database(&self.name);
        }
    }
}
