//! Secrets at rest: XChaCha20-Poly1305 with key ids, so that a key can be changed while the program runs.

/// Seals and opens secrets.
#[derive(Clone)]
pub struct Vault;
