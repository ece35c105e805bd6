//! From a configuration to a running program: what every command that touches the database does first.

use std::sync::Arc;

use throughline::app::{App, Parts};
use throughline::clock::Clock;
use throughline::config::Config;
use throughline::db::{self, Store, StoreOptions};
use throughline::http::ReqwestTransport;
use throughline::{connections, random};

/// Opens the database (bringing SQLite up to date), finds the key, and puts the parts together.
pub async fn app(config: Config) -> anyhow::Result<App> {
    let (url, clock) = (config.database_url.clone(), Clock::machine());
    let options = StoreOptions::new(&url, clock.clone());
    let store = tokio::task::spawn_blocking(move || {
        db::migrate::ensure_current(&url)?;
        Store::open_with(options)
    })
    .await??;
    let unlocked = connections::unlock(&store, &config, clock.now()).await?;
    if let Some(note) = unlocked.note {
        tracing::warn!("{note}");
    }
    let process_id = format!("{}-{}-{:04x}", host_name(), std::process::id(), random::positive_i64() & 0xffff);
    let transport = Arc::new(ReqwestTransport::new()?);
    Ok(App::new(Parts { store, clock, transport, vault: unlocked.vault, config, process_id }))
}

/// The machine's name, for people who read the list of processes.
pub fn host_name() -> String {
    std::fs::read_to_string("/etc/hostname")
        .map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "host".into())
}
