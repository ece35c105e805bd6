//! Which key seals the secrets here: found or made at start, and checked against the database before anything is done.

use anyhow::{Context, bail};
use secrecy::ExposeSecret;

use super::queries;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::{self, Conn, ReadError, Store};
use crate::vault::Vault;

/// The text whose seal proves that a key is the right one.
const KNOWN_TEXT: &str = "throughline";

/// The vault of this program run.
pub struct Unlocked {
    pub vault: Vault,
    /// Something the person who runs this must do now: back up a key that was just made.
    pub note: Option<String>,
}

/// Finds the key (the configured one, else the file beside an embedded database), makes one for a database that has none
/// yet, and proves that it fits. Fails, naming the remedy, with nothing changed.
pub async fn unlock(store: &Store, config: &Config, now: UtcTime) -> anyhow::Result<Unlocked> {
    if let Some(key) = &config.encryption_key {
        let vault = Vault::from_base64(key.expose_secret()).context("THROUGHLINE_ENCRYPTION_KEY cannot be used")?;
        check_key(store, &vault, now).await?;
        return Ok(Unlocked { vault, note: None });
    }
    let Some(database) = db::sqlite_path(&config.database_url) else {
        bail!(
            "THROUGHLINE_ENCRYPTION_KEY is not set. On PostgreSQL the tokens of providers are sealed with it, the same in every process: \
             make one with `openssl rand -base64 32`, keep a copy in a safe place, and start again"
        );
    };
    let path = database.with_file_name("secret.key");
    let is_sealed = !keys(store).await?.is_empty();
    if is_sealed && !path.try_exists().unwrap_or(false) {
        bail!(
            "the key that sealed this database's tokens is missing: put {} back from its backup, or set THROUGHLINE_ENCRYPTION_KEY to it. \
             Nothing was changed",
            path.display()
        );
    }
    let file = Vault::beside_database(&path)?;
    check_key(store, &file.vault, now).await?;
    let note = file.is_new.then(|| {
        format!(
            "A key for the tokens of providers was made: {}. Back it up apart from the database; without it Zoho must be connected again",
            path.display()
        )
    });
    Ok(Unlocked { vault: file.vault, note })
}

/// Proves that the key is the one that sealed what is stored; a database without any takes it as its own.
pub async fn check_key(store: &Store, vault: &Vault, now: UtcTime) -> anyhow::Result<()> {
    if keys(store).await?.is_empty() {
        let (id, sealed) = (vault.key_id().to_owned(), vault.seal(KNOWN_TEXT));
        let first = move |tx: &mut db::Tx<'_>| match queries::keys(tx.conn())?.is_empty() {
            true => queries::insert_key(tx, &id, &sealed, now),
            false => Ok(()),
        };
        store.write("connections.first_key", "encryption_keys", first).await.context("writing down the encryption key's id")?;
    }
    prove(&keys(store).await?, vault)
}

/// Whether the key that would be used is the right one, in words. Makes and writes nothing.
pub fn inspect_key(conn: &mut Conn, config: &Config) -> anyhow::Result<String> {
    let stored = queries::keys(conn).context("reading which key sealed the tokens")?;
    let file = db::sqlite_path(&config.database_url).map(|database| database.with_file_name("secret.key"));
    let vault = match (&config.encryption_key, file.filter(|path| path.exists())) {
        (Some(key), _) => Vault::from_base64(key.expose_secret()).context("it cannot be used")?,
        (None, Some(path)) => Vault::beside_database(&path)?.vault,
        (None, None) if stored.is_empty() => {
            return Ok("A key will be made beside the database at the first start: keep a copy of it".into());
        }
        (None, None) => bail!("the key that sealed this database's tokens is missing: put secret.key back from its backup, or set the key"),
    };
    if stored.is_empty() {
        return Ok("The key is there, and becomes the database's own at the first start".into());
    }
    prove(&stored, &vault).map(|()| "The key is the one that sealed this database's tokens".into())
}

fn prove(stored: &[(String, String)], vault: &Vault) -> anyhow::Result<()> {
    let fits =
        stored.iter().any(|(id, sealed)| id == vault.key_id() && vault.open(sealed).is_ok_and(|text| text.expose_secret() == KNOWN_TEXT));
    if !fits {
        let ids: Vec<_> = stored.iter().map(|(id, _)| id.as_str()).collect();
        bail!(
            "this is not the key that sealed this database's tokens (they need the key {}, this one is {}): set THROUGHLINE_ENCRYPTION_KEY \
             to the right key, or put its secret.key back beside the database. Nothing was changed",
            ids.join(" or "),
            vault.key_id()
        );
    }
    Ok(())
}

async fn keys(store: &Store) -> anyhow::Result<Vec<(String, String)>> {
    store.read(|conn| queries::keys(conn).map_err(ReadError::from)).await.context("reading which key sealed the tokens")
}
