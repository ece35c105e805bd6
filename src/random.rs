//! Randomness from the operating system, and the one place that asks for it.

use std::cell::Cell;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

thread_local! {
    /// Where a simulation has put the seed of this thread; empty everywhere else.
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From here on, what this thread draws follows from the seed alone, so that a simulation can be run again. Nothing in the
/// program calls it (tests/architecture.rs): whoever knows the seed knows every token.
pub fn seed_this_thread(seed: u64) {
    SEED.set(Some(seed));
}

/// The next of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn next_of_seed(seed: u64) -> u64 {
    let next = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    SEED.set(Some(next));
    let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Fills an array with random bytes.
///
/// # Panics
/// When the operating system has no randomness to give: nothing safe can be done then.
#[expect(clippy::disallowed_methods, reason = "this is the one place that draws randomness")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0u8; N];
    if SEED.get().is_some() {
        for (place, byte) in out.iter_mut().enumerate() {
            *byte = next_of_seed(SEED.get().unwrap_or_default()).to_be_bytes()[place % 8];
        }
        return out;
    }
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
