//! From a configuration to a running program: what every command that touches the database does first.

use std::sync::Arc;

use anyhow::Context;
use secrecy::ExposeSecret;
use throughline::app::{App, Parts};
use throughline::clock::Clock;
use throughline::config::Config;
use throughline::db::{self, Store, StoreOptions};
use throughline::http::ReqwestTransport;
use throughline::vault::Vault;
use throughline::{connections, random};

/// Opens the database (bringing SQLite up to date), finds the key, and puts the parts together.
pub async fn app(config: Config) -> anyhow::Result<App> {
    let (url, clock) = (config.database_url.clone(), Clock::machine());
    let options = StoreOptions::new(&url, clock.clone());
    let store = tokio::task::spawn_blocking(move || {
        make_folder(&url)?;
        db::migrate::ensure_current(&url)?;
        Store::open_with(options)
    })
    .await??;
    let vault = vault(&config)?;
    connections::check_key(&store, &vault, clock.now()).await?;
    let process_id = format!("{}-{}-{:04x}", host_name(), std::process::id(), random::positive_i64() & 0xffff);
    let transport = Arc::new(ReqwestTransport::new()?);
    Ok(App::new(Parts { store, clock, transport, vault, config, process_id }))
}

/// Makes the folder of a SQLite database.
pub fn make_folder(url: &str) -> anyhow::Result<()> {
    let Some(path) = db::sqlite_path(url) else { return Ok(()) };
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).with_context(|| {
        format!("the folder {} for the database cannot be made; make it, or set DATABASE_URL=sqlite:PATH", folder.display())
    })
}

fn vault(config: &Config) -> anyhow::Result<Vault> {
    if let Some(key) = &config.encryption_key {
        return Vault::from_base64(key.expose_secret()).context("THROUGHLINE_ENCRYPTION_KEY cannot be used");
    }
    let Some(database) = db::sqlite_path(&config.database_url) else {
        anyhow::bail!(
            "THROUGHLINE_ENCRYPTION_KEY is not set: on PostgreSQL the tokens of providers are sealed with it, the same in every process. Make one with `openssl rand -base64 32` and keep it safe"
        )
    };
    let path = database.with_file_name("secret.key");
    let file = Vault::beside_database(&path)?;
    if file.is_new {
        tracing::warn!(
            "A key that seals the tokens of providers was made: {}. Back it up with the database; without it every provider must be connected again",
            path.display()
        );
    }
    Ok(file.vault)
}

/// The machine's name, for people who read the list of processes.
pub fn host_name() -> String {
    std::fs::read_to_string("/etc/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "host".into())
}
