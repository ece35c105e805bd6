//! The one-time code that lets the first person in: printed where only the machine's owner sees it, held in memory as a
//! hash, made only while there is no user.

use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random;

/// Letters and digits that cannot be mistaken for each other: 32 of them, five bits each.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// The hash of the code, while one is valid.
#[derive(Default)]
pub struct SetupCode(Mutex<Option<[u8; 32]>>);

impl SetupCode {
    /// Makes a code unless one is valid already; gives its text, which is kept nowhere.
    pub fn make(&self) -> Option<String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_some() {
            return None;
        }
        let code = code();
        *kept = Some(digest(&code));
        Some(code)
    }

    /// Whether this is the code; spaces, dashes and case do not matter.
    pub fn accepts(&self, typed: &str) -> bool {
        let kept = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.is_some_and(|hash| bool::from(hash.ct_eq(&digest(typed))))
    }

    /// Ends the code: someone is in.
    pub fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// 60 random bits in three groups: `7KQX-M2PA-RT4E`.
fn code() -> String {
    let letters: Vec<char> = random::bytes::<12>().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

fn digest(code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect();
    Sha256::digest(plain.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_opens_until_it_is_ended_however_it_is_typed() {
        let setup = SetupCode::default();
        assert!(!setup.accepts(""), "no code, no way in");
        let code = setup.make().expect("a code");
        assert_eq!(setup.make(), None);
        assert!(setup.accepts(&code.to_lowercase().replace('-', " ")) && !setup.accepts("AAAA-AAAA-AAAA"));
        setup.end();
        assert!(!setup.accepts(&code));
    }
}
