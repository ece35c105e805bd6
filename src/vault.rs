//! Secrets at rest: XChaCha20-Poly1305 with key ids, so that a sealed text says which key it needs. What is sealed
//! where, and whether the key fits the database, is `connections`' knowledge.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::random;

/// Sealed texts begin with this; another way of sealing would begin with another.
const VERSION: &str = "v1";
const NONCE_SIZE_BYTES: usize = 24;

/// Seals and opens secrets. Clones share nothing but the key.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
    key_id: String,
    /// What keys for other purposes are derived from; says nothing about the key itself.
    root: Arc<SecretBox<[u8; 32]>>,
}

/// Why a sealed text cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The text was sealed with another key; says with which.
    #[error("this was sealed with the key {0}, which is not the one in use")]
    OtherKey(String),
    /// The text is not one of ours, or was changed.
    #[error("this sealed text is damaged")]
    Damaged,
}

/// Why a text is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an encryption key is 32 random bytes in base64, for example from `openssl rand -base64 32`; this one {0}")]
pub struct NotAKey(String);

/// A key made or found beside the database.
pub struct KeyFile {
    pub vault: Vault,
    /// Whether it was made just now: then it must be backed up.
    pub is_new: bool,
}

impl Vault {
    /// Takes a key of 32 bytes in base64 (either alphabet, with or without padding).
    pub fn from_base64(key: &str) -> Result<Self, NotAKey> {
        let text = key.trim();
        let bytes = [STANDARD.decode(text), STANDARD_NO_PAD.decode(text), URL_SAFE.decode(text), URL_SAFE_NO_PAD.decode(text)]
            .into_iter()
            .find_map(Result::ok)
            .ok_or_else(|| NotAKey("is not base64".into()))?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|other: Vec<u8>| NotAKey(format!("has {} bytes", other.len())))?;
        Ok(Self::from_bytes(&bytes))
    }

    /// A vault with a key of its own that nobody else knows: for tests and for `demo`.
    pub fn generate() -> Self {
        Self::from_bytes(&random::bytes())
    }

    /// Reads the key file, or makes one that only its owner may read.
    pub fn beside_database(path: &Path) -> anyhow::Result<KeyFile> {
        if let Some(vault) = read_key(path)? {
            return Ok(KeyFile { vault, is_new: false });
        }
        let key = SecretString::from(STANDARD.encode(random::bytes::<32>()));
        write_key(path, &key).with_context(|| format!("making the encryption key {}", path.display()))?;
        Ok(KeyFile { vault: Self::from_base64(key.expose_secret())?, is_new: true })
    }

    /// Names the key without giving it away: the start of a digest.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// A key for another purpose, the same in every process that has this vault's key. Whoever learns it learns no other.
    pub fn derived_key(&self, purpose: &str) -> SecretBox<[u8; 32]> {
        SecretBox::new(Box::new(mac(self.root.expose_secret(), purpose)))
    }

    /// Seals a secret: `v1.<key id>.<nonce and ciphertext>`.
    ///
    /// # Panics
    /// Never in practice: the cipher refuses only texts beyond 256 GiB.
    pub fn seal(&self, secret: &str) -> String {
        let nonce = random::bytes::<NONCE_SIZE_BYTES>();
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: secret.as_bytes(), aad: self.key_id.as_bytes() })
            .expect("a secret is far below the cipher's limit");
        let body = URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat());
        format!("{VERSION}.{}.{body}", self.key_id)
    }

    /// Opens what `seal` made.
    pub fn open(&self, sealed: &str) -> Result<SecretString, VaultError> {
        let mut parts = sealed.splitn(3, '.');
        let (Some(VERSION), Some(key_id), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VaultError::Damaged);
        };
        if key_id != self.key_id {
            return Err(VaultError::OtherKey(key_id.to_owned()));
        }
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| VaultError::Damaged)?;
        let (nonce, ciphertext) = bytes.split_first_chunk::<NONCE_SIZE_BYTES>().ok_or(VaultError::Damaged)?;
        let secret = self
            .cipher
            .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: key_id.as_bytes() })
            .map_err(|_| VaultError::Damaged)?;
        String::from_utf8(secret).map(SecretString::from).map_err(|_| VaultError::Damaged)
    }

    fn from_bytes(key: &[u8; 32]) -> Self {
        let digest = Sha256::new().chain_update(b"throughline key id").chain_update(key).finalize();
        let key_id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let root = Arc::new(SecretBox::new(Box::new(mac(key, "throughline derived keys"))));
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*key)), key_id, root }
    }
}

fn mac(key: &[u8; 32], text: &str) -> [u8; 32] {
    Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length").chain_update(text).finalize().into_bytes().into()
}

fn read_key(path: &Path) -> anyhow::Result<Option<Vault>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => SecretString::from(text),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause).with_context(|| format!("reading the encryption key {}", path.display())),
    };
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), "Others on this machine may read the encryption key; run `chmod 600` on it");
    }
    Vault::from_base64(text.expose_secret()).map(Some).with_context(|| format!("reading the encryption key {}", path.display()))
}

/// Written beside its place and linked into it, so that a crash never leaves half a key and two starters never
/// overwrite each other's.
fn write_key(path: &Path, key: &SecretString) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = folder.join(format!(".secret.key.{}", random::token()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(format!("{}\n", key.expose_secret()).as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    std::fs::remove_file(&draft)?;
    linked?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_the_same_twice() {
        let vault = Vault::generate();
        let sealed = vault.seal("1000.refresh");
        assert_ne!(sealed, vault.seal("1000.refresh"));
        assert!(!sealed.contains("refresh"));
        assert_eq!(vault.open(&sealed).expect("our own seal").expose_secret(), "1000.refresh");
    }

    #[test]
    fn a_derived_key_is_the_same_for_the_same_key_and_purpose_alone() {
        let (one, other) = (Vault::from_bytes(&[7; 32]), Vault::from_bytes(&[8; 32]));
        let derived = |vault: &Vault, purpose| *vault.derived_key(purpose).expose_secret();
        assert_eq!(derived(&one, "forms"), derived(&Vault::from_bytes(&[7; 32]), "forms"));
        assert_ne!(derived(&one, "forms"), derived(&one, "links"));
        assert_ne!(derived(&one, "forms"), derived(&other, "forms"));
        assert_ne!(derived(&one, "forms"), [7; 32]);
    }

    #[test]
    fn another_key_and_a_changed_text_are_told_apart() {
        let vault = Vault::generate();
        let sealed = vault.seal("x");
        assert_eq!(Vault::generate().open(&sealed).expect_err("another key"), VaultError::OtherKey(vault.key_id().to_owned()));
        let mut changed = sealed.clone();
        let last = changed.pop().expect("not empty");
        changed.push(if last == 'A' { 'E' } else { 'A' });
        for damaged in [changed.as_str(), "", "v1", "v1.zz", &sealed[..20], "v2.aabbccdd.AAAA"] {
            assert!(vault.open(damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn keys_are_read_in_any_base64_and_refused_with_a_remedy() {
        let key = [251u8; 32];
        let ids: Vec<_> = [STANDARD.encode(key), URL_SAFE_NO_PAD.encode(key), format!(" {}\n", URL_SAFE.encode(key))]
            .iter()
            .map(|text| Vault::from_base64(text).expect("a key").key_id().to_owned())
            .collect();
        assert!(ids.iter().all(|id| *id == ids[0]));
        for (text, why) in [("AAAA", "has 3 bytes"), ("not base64!", "is not base64")] {
            let refusal = Vault::from_base64(text).err().expect("no key").to_string();
            assert!(refusal.contains("openssl rand -base64 32") && refusal.ends_with(why), "{refusal}");
        }
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("secret.key");
        let made = Vault::beside_database(&path).expect("a key");
        let found = Vault::beside_database(&path).expect("the same key");
        assert!(made.is_new && !found.is_new);
        assert_eq!(made.vault.key_id(), found.vault.key_id());
        assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
