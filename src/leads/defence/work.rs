//! Proof of work: a browser's script finds a number whose hash begins with enough zero bits. Nothing for one person, something
//! for whoever sends thousands. A challenge belongs to one stamp, form and minute; the stamp, which counts once, makes it
//! single-use. static/form.js solves it.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::stamp::{Stamp, StampKey, parts};
use crate::clock::UtcTime;

/// A challenge older than this is asked for again: work cannot be done ahead and saved up.
pub const AGE_MAX: TimeDelta = TimeDelta::minutes(15);

/// What came of a form's proof of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// None came: the browser runs no script, or the sender is a program.
    Missing,
    /// It proves nothing: no challenge of ours for this form and stamp, or the hash has too few zeros.
    Wrong,
    /// It was right once: its challenge is too old.
    Stale,
    Done {
        bits: u32,
    },
}

/// A challenge for a stamp: `minute.bits.signature`. To solve it, find a number `n` so that SHA-256 of `challenge.n` begins
/// with so many zero bits.
pub fn challenge(key: &StampKey, form: &str, stamp: &Stamp, bits: u32, now: UtcTime) -> String {
    let (minute, bits) = (minute_of(now).to_string(), bits.to_string());
    let sign = key.sign(&["work", form, &stamp.nonce, &minute, &bits]);
    format!("{minute}.{bits}.{sign}")
}

/// Checks what was posted: the challenge, a dot and the number.
pub fn check(key: &StampKey, form: &str, stamp: &Stamp, posted: &str, now: UtcTime) -> Work {
    if posted.is_empty() {
        return Work::Missing;
    }
    let Some([minute, bits, sign, _number]) = parts(posted) else { return Work::Wrong };
    let expected = key.sign(&["work", form, &stamp.nonce, minute, bits]);
    let is_ours = bool::from(expected.as_bytes().ct_eq(sign.as_bytes()));
    let (Ok(minute), Ok(bits)) = (minute.parse::<i64>(), bits.parse::<u32>()) else { return Work::Wrong };
    if !is_ours || zero_bits(posted) < bits {
        return Work::Wrong;
    }
    if minute_of(now) - minute > AGE_MAX.num_minutes() { Work::Stale } else { Work::Done { bits } }
}

fn minute_of(at: UtcTime) -> i64 {
    at.and_utc().timestamp().div_euclid(60)
}

fn zero_bits(text: &str) -> u32 {
    let hash = Sha256::digest(text.as_bytes());
    let zero_bytes = hash.iter().take_while(|byte| **byte == 0).count();
    let rest = hash.get(zero_bytes).map_or(0, |byte| byte.leading_zeros());
    u32::try_from(zero_bytes * 8).unwrap_or_default() + rest
}

/// Solves a challenge as the script does.
#[cfg(test)]
pub fn solve(challenge: &str) -> String {
    let bits: u32 = challenge.split('.').nth(1).and_then(|bits| bits.parse().ok()).expect("a challenge");
    (0_u64..).map(|n| format!("{challenge}.{n}")).find(|text| zero_bits(text) >= bits).expect("there is always one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::Vault;

    fn at(minute: i64) -> UtcTime {
        chrono::DateTime::from_timestamp(minute * 60, 0).expect("a time").naive_utc()
    }

    fn given(form: &str) -> (StampKey, Stamp) {
        let key = StampKey::new(&Vault::generate());
        let stamp = key.read(form, &key.mint(form, at(0))).expect("our own");
        (key, stamp)
    }

    #[test]
    fn a_solved_challenge_counts_for_fifteen_minutes() {
        let (key, stamp) = given("quote");
        let solved = solve(&challenge(&key, "quote", &stamp, 10, at(100)));
        assert_eq!(check(&key, "quote", &stamp, &solved, at(115)), Work::Done { bits: 10 });
        assert_eq!(check(&key, "quote", &stamp, &solved, at(116)), Work::Stale);
        assert_eq!(check(&key, "quote", &stamp, "", at(100)), Work::Missing);
    }

    #[test]
    fn work_for_another_stamp_or_form_and_work_not_done_is_wrong() {
        let (key, stamp) = given("quote");
        let challenge = challenge(&key, "quote", &stamp, 16, at(100));
        let solved = solve(&challenge);
        let other = key.read("quote", &key.mint("quote", at(0))).expect("our own");
        assert_eq!(check(&key, "quote", &other, &solved, at(100)), Work::Wrong);
        assert_eq!(check(&key, "contact", &stamp, &solved, at(100)), Work::Wrong);
        let cheaper = solved.replacen(".16.", ".1.", 1);
        let unsolved = (0_u64..).map(|n| format!("{challenge}.{n}")).find(|text| zero_bits(text) < 16).expect("most are");
        for wrong in [cheaper.as_str(), &unsolved, &challenge, "x", "...", "1.2.3.4", &format!("{challenge}.1.2")] {
            assert_eq!(check(&key, "quote", &stamp, wrong, at(100)), Work::Wrong, "{wrong}");
        }
    }
}
