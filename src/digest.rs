//! SHA-256 in hex: what is stored of a secret or a key, so that a table gives none away, and what tells two texts apart.

use sha2::{Digest, Sha256};

/// 64 characters.
pub fn sha256_hex(content: impl AsRef<[u8]>) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}
