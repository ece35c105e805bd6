//! A fresh database for each seed, quickly: on SQLite a copy of a migrated file, on PostgreSQL a database made after a
//! migrated one. A crash here is that of a process, never of the machine, so the disk need not be waited for.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use throughline::clock::Clock;
use throughline::db::{Engine, Store, StoreOptions, Strikes, migrate};

use crate::cluster::Cluster;

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
                std::fs::copy(sqlite_template(), &file).expect("the template is copied");
                Self { url: format!("sqlite:{}", file.display()), folder: Some(folder), name }
            }
            Engine::Postgres => {
                let url = Cluster::shared().create_database(&format!("{name} TEMPLATE {}", postgres_template()));
                Self { url: url.split(' ').next().expect("a URL").to_owned(), folder: None, name }
            }
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

fn sqlite_template() -> &'static PathBuf {
    static TEMPLATE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_folder, file) = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("template.db");
        migrate::migrate(&format!("sqlite:{}", file.display())).expect("the migrations apply");
        (folder, file)
    });
    file
}

fn postgres_template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("sim_template_{}", std::process::id());
        migrate::migrate(&Cluster::shared().create_database(&name)).expect("the migrations apply");
        name
    })
}
