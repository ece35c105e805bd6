//! Which key seals the secrets here: found or made at start, and checked against the database before anything is done.

use anyhow::{Context, bail};
use secrecy::ExposeSecret;

use super::queries;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::{self, ReadError, Store};
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
    let stored = keys(store).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connections::bench::{config, now, store};

    #[tokio::test]
    async fn an_embedded_database_gets_a_key_of_its_own_and_knows_it_again() {
        let (folder, store) = store();
        let config = config(&format!("sqlite:{}/throughline.db", folder.path().display()));
        let first = unlock(&store, &config, now()).await.expect("a key is made");
        assert!(first.note.expect("a note").contains("Back it up"));
        let again = unlock(&store, &config, now()).await.expect("the same key");
        assert_eq!((again.vault.key_id(), again.note), (first.vault.key_id(), None));

        let key = folder.path().join("secret.key");
        std::fs::rename(&key, folder.path().join("elsewhere")).expect("moved");
        let missing = unlock(&store, &config, now()).await.err().expect("the key is missing").to_string();
        assert!(missing.contains("secret.key back from its backup") && missing.contains("THROUGHLINE_ENCRYPTION_KEY"), "{missing}");
        assert!(!key.exists(), "no other key was made in its place");
    }

    #[tokio::test]
    async fn another_key_is_refused_with_its_remedy_and_nothing_is_changed() {
        let (_folder, store) = store();
        let right = Vault::generate();
        check_key(&store, &right, now()).await.expect("the first key");
        let wrong = check_key(&store, &Vault::generate(), now()).await.expect_err("another key").to_string();
        assert!(wrong.contains(right.key_id()) && wrong.contains("set THROUGHLINE_ENCRYPTION_KEY"), "{wrong}");
        check_key(&store, &right, now()).await.expect("still the right one");
        assert_eq!(keys(&store).await.expect("keys").len(), 1);
    }
}
