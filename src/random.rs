//! Randomness from the operating system, and the one place that asks for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Fills an array with random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws randomness")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0u8; N];
    getrandom::fill(&mut out).expect("the operating system gives randomness");
    out
}

/// A token no one can guess: 256 bits, URL-safe, 43 characters.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<32>())
}

/// A positive 63-bit number, for lease tokens.
pub fn positive_i64() -> i64 {
    i64::from_be_bytes(bytes::<8>()) & i64::MAX
}

/// A number in `0.0..1.0`, for jitter.
pub fn fraction() -> f64 {
    // 53 bits: as many as a double holds exactly.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let numerator = (u64::from_be_bytes(bytes::<8>()) >> 11) as f64;
    numerator / 9_007_199_254_740_992.0
}
