//! The stamp of a form: minted when the form is rendered, posted with it. It tells how long the form was open and marks one
//! sending of it, so that a double click is one lead. Carried by the form alone: it works in a frame, without a cookie.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::clock::UtcTime;
use crate::random;
use crate::vault::Vault;

/// A form that was open for longer is stale. Below the life of an idempotency key, which remembers the stamp.
pub const AGE_MAX: TimeDelta = TimeDelta::hours(12);

/// What stamps and challenges are signed with: derived from the encryption key, so that every process has the same.
pub struct StampKey(SecretBox<[u8; 32]>);

/// A stamp of ours, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Tells this stamp from all others.
    pub nonce: String,
    pub minted_at: UtcTime,
}

impl StampKey {
    /// The key of this installation.
    pub fn new(vault: &Vault) -> Self {
        Self(vault.derived_key("stamps of forms"))
    }

    /// A stamp for a form that is rendered now: when, which, and a signature over both and the form's id.
    pub fn mint(&self, form: &str, now: UtcTime) -> String {
        let minted_ms = now.and_utc().timestamp_millis();
        let nonce = URL_SAFE_NO_PAD.encode(random::bytes::<12>());
        let sign = self.sign(&["stamp", form, &minted_ms.to_string(), &nonce]);
        format!("{minted_ms}.{nonce}.{sign}")
    }

    /// Reads a stamp of this form; None where it is not ours, was changed or was minted for another form.
    pub fn read(&self, form: &str, text: &str) -> Option<Stamp> {
        let [minted_ms, nonce, sign] = parts(text)?;
        let expected = self.sign(&["stamp", form, minted_ms, nonce]);
        let is_ours = bool::from(expected.as_bytes().ct_eq(sign.as_bytes()));
        let minted_at = DateTime::from_timestamp_millis(minted_ms.parse().ok()?)?.naive_utc();
        is_ours.then(|| Stamp { nonce: nonce.to_owned(), minted_at })
    }

    /// A signature over texts none of which holds a line break.
    pub(super) fn sign(&self, texts: &[&str]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("HMAC takes keys of any length");
        mac.update(texts.join("\n").as_bytes());
        // 128 bits: nobody can try signatures but by asking us.
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..16])
    }
}

impl Stamp {
    /// How long the form was open. Another process may have minted it by a clock that is a little ahead.
    pub fn age(&self, now: UtcTime) -> TimeDelta {
        (now - self.minted_at).max(TimeDelta::zero())
    }
}

/// A text's parts between dots, where it has exactly so many.
pub(super) fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('.').collect::<Vec<_>>().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> UtcTime {
        DateTime::from_timestamp(second, 0).expect("a time").naive_utc()
    }

    #[test]
    fn a_stamp_tells_its_age_to_every_process_with_the_key() {
        let vault = Vault::generate();
        let text = StampKey::new(&vault).mint("quote", at(1_000));
        let stamp = StampKey::new(&vault).read("quote", &text).expect("our own");
        assert_eq!(stamp.age(at(1_007)), TimeDelta::seconds(7));
        assert_eq!(stamp.age(at(990)), TimeDelta::zero(), "a clock that is behind");
    }

    #[test]
    fn no_two_stamps_are_the_same() {
        let key = StampKey::new(&Vault::generate());
        assert_ne!(key.mint("quote", at(1)), key.mint("quote", at(1)));
    }

    #[test]
    fn a_stamp_of_another_form_or_key_and_a_changed_one_are_not_ours() {
        let key = StampKey::new(&Vault::generate());
        let text = key.mint("quote", at(1_000));
        assert_eq!(key.read("contact", &text), None);
        assert_eq!(StampKey::new(&Vault::generate()).read("quote", &text), None);
        let younger = text.replacen("1000000", "1000001", 1);
        assert_ne!(younger, text);
        for changed in [younger.as_str(), "", ".", "..", "1.2.3.4", &text[1..], &text[..text.len() - 1], "9223372036854775807.x.y"] {
            assert_eq!(key.read("quote", changed), None, "{changed}");
        }
    }
}
