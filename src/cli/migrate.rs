//! `throughline migrate`.

use throughline::config::{Config, Sources};
use throughline::db::{self, Engine};

/// Brings the database up to date; on SQLite not while `serve` runs on it.
pub async fn run() -> anyhow::Result<()> {
    let config = Config::load(&Sources::of_process()?)?;
    let _lock = match Engine::of_url(&config.database_url) {
        Engine::Sqlite => Some(db::lock_database(&config.database_url)?),
        Engine::Postgres => None,
    };
    let url = config.database_url.clone();
    let applied = tokio::task::spawn_blocking(move || db::migrate::migrate(&url)).await??;
    tracing::info!(applied, "The database is up to date");
    Ok(())
}
