//! Passwords: Argon2id, at most two at once (each takes 19 MiB and a core for a moment), rules that help and no others.

use std::sync::{Arc, LazyLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use rocket::tokio::sync::Semaphore;
use rocket::tokio::task::spawn_blocking;

use crate::{Error, Result, random};

/// Characters a password needs.
const LENGTH_MIN: usize = 12;
/// More is not a password but an attack on the hash.
const LENGTH_MAX_BYTES: usize = 1_024;

/// Long enough, yet among the first an attacker tries.
const COMMON: &[&str] = &[
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "123456789012",
    "1234567890123",
    "12345678901234",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "qwertyqwerty",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "administrator",
    "administrator1",
    "adminadminadmin",
    "letmeinletmein",
    "welcome12345",
    "iloveyouiloveyou",
    "changemechangeme",
    "abcdefghijkl",
    "abcd1234abcd",
    "throughline1",
    "throughline12",
    "throughlinethroughline",
    "correcthorsebatterystaple",
    "correct horse battery staple",
];

/// Says what is wrong with a new password, or nothing.
pub fn check(password: &str, email: &str) -> Option<&'static str> {
    let folded = password.to_lowercase();
    if password.chars().count() < LENGTH_MIN {
        return Some("Use at least 12 characters. A few words in a row are easy to remember.");
    }
    if password.len() > LENGTH_MAX_BYTES {
        return Some("Use at most 1,024 bytes.");
    }
    let is_repetition = folded.chars().all(|c| folded.starts_with(c));
    if is_repetition || COMMON.contains(&folded.as_str()) || folded == email.trim().to_lowercase() {
        return Some("This password is among the first that attackers try. Choose another.");
    }
    None
}

/// Hashes and checks passwords, two at a time in this process. Clones share the two places.
#[derive(Clone)]
pub struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(2)))
    }
}

/// Compared against when there is no such user, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_now(&random::token()).unwrap_or_default());

impl Passwords {
    /// The PHC string to keep.
    pub async fn hash(&self, password: String) -> Result<String> {
        self.run(move || hash_now(&password)).await?
    }

    /// Whether the password is the one behind the hash; without a hash it takes as long and says no.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool> {
        self.run(move || {
            let is_known = hash.is_some();
            let hash = hash.unwrap_or_else(|| NOBODY.clone());
            let parsed = PasswordHash::new(&hash).map_err(|cause| Error::Internal(anyhow::anyhow!("reading a password hash: {cause}")))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok() && is_known)
        })
        .await?
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let place = Arc::clone(&self.0).try_acquire_owned();
        let place = place.map_err(|_| Error::Unavailable("too many people are signing in at this moment; try again in a second".into()))?;
        // The place is freed when the hashing ends, also if the caller has gone by then.
        let done = spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        done.await.map_err(|cause| Error::Internal(anyhow::Error::new(cause).context("hashing a password")))
    }
}

fn hash_now(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &random::bytes::<16>());
    hash.map(|hash| hash.to_string()).map_err(|cause| Error::Internal(anyhow::anyhow!("hashing a password: {cause}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_length_and_the_obvious_ones_are_refused() {
        assert!(check("short", "a@example.com").is_some());
        assert!(check("aaaaaaaaaaaaaaa", "a@example.com").is_some());
        assert!(check("PasswordPassword", "a@example.com").is_some());
        assert!(check("someone@example.com", "Someone@example.com").is_some());
        assert!(check("three small words", "a@example.com").is_none());
        assert!(check("twelve chars", "a@example.com").is_none());
    }

    #[rocket::async_test]
    async fn the_right_password_opens_and_nobody_has_none() {
        let passwords = Passwords::default();
        let hash = passwords.hash("three small words".into()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify("three small words".into(), Some(hash.clone())).await.expect("verified"));
        assert!(!passwords.verify("three small word".into(), Some(hash)).await.expect("verified"));
        assert!(!passwords.verify("three small words".into(), None).await.expect("verified"));
    }

    #[rocket::async_test]
    async fn a_third_at_once_is_sent_away() {
        let passwords = Passwords::default();
        let _two = (passwords.0.clone().try_acquire_owned(), passwords.0.clone().try_acquire_owned());
        assert!(matches!(passwords.hash("three small words".into()).await, Err(Error::Unavailable(_))));
    }
}
