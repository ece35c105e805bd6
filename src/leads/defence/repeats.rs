//! The same text from one sender after another: what programs do and people do not. Remembers how often a text came with
//! another contact than before, by its hash, for a day, in bounded memory, by each process for itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::clock::UtcTime;

/// Shorter texts repeat by themselves: "Please call me", and what a shop's form suggests.
const LENGTH_MIN: usize = 60;
/// A longer text is told by its beginning: programs vary the end.
const LENGTH_MAX: usize = 400;
const TEXTS_MAX: usize = 20_000;
const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// Texts that came before; one per process.
#[derive(Default)]
pub struct Repeats(Mutex<HashMap<u64, Seen>>);

#[derive(Clone, Copy)]
struct Seen {
    last_contact: u64,
    contacts: u32,
    at: UtcTime,
}

impl Repeats {
    /// From how many contacts this text has come by now. The same person's second try is not another one.
    pub fn count(&self, text: &str, contact: &str, now: UtcTime) -> u32 {
        let Some(key) = fingerprint(text) else { return 1 };
        let contact = hash(contact);
        let mut texts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= TEXTS_MAX && !texts.contains_key(&key) {
            make_room(&mut texts, now);
        }
        let seen = texts.entry(key).or_insert(Seen { last_contact: contact, contacts: 1, at: now });
        if now - seen.at > REMEMBERED {
            *seen = Seen { last_contact: contact, contacts: 1, at: now };
        }
        if seen.last_contact != contact {
            *seen = Seen { last_contact: contact, contacts: seen.contacts.saturating_add(1), at: now };
        }
        seen.contacts
    }
}

/// Forgets what is old; where nothing is, everything that came once.
fn make_room(texts: &mut HashMap<u64, Seen>, now: UtcTime) {
    texts.retain(|_, seen| now - seen.at <= REMEMBERED);
    if texts.len() >= TEXTS_MAX {
        texts.retain(|_, seen| seen.contacts > 1);
    }
    if texts.len() >= TEXTS_MAX {
        texts.clear();
    }
}

/// Of the letters alone, in lower case: names in greetings apart, programs vary numbers, spaces and signs.
fn fingerprint(text: &str) -> Option<u64> {
    let letters: String = text.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).take(LENGTH_MAX).collect();
    (letters.chars().count() >= LENGTH_MIN).then(|| hash(&letters))
}

fn hash(text: &str) -> u64 {
    Sha256::digest(text.as_bytes()).first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "We can bring your shop to the top of every search engine there is, write to us today and pay next month!";

    fn at(hour: i64) -> UtcTime {
        chrono::DateTime::from_timestamp(1_000_000 + hour * 3600, 0).expect("a time").naive_utc()
    }

    #[test]
    fn one_text_with_many_contacts_is_counted_and_a_second_try_is_not() {
        let repeats = Repeats::default();
        assert_eq!(repeats.count(TEXT, "a@example.com", at(0)), 1);
        assert_eq!(repeats.count(TEXT, "a@example.com", at(0)), 1);
        assert_eq!(repeats.count(&TEXT.replace("today", "today!! 12"), "b@example.com", at(0)), 2);
        assert_eq!(repeats.count(TEXT, "c@example.com", at(25)), 1, "a day later");
    }

    #[test]
    fn short_texts_and_different_ones_are_not_repeats() {
        let repeats = Repeats::default();
        for (n, text) in ["Please call me.", "Please call me.", &format!("{TEXT} Regards"), TEXT].iter().enumerate() {
            assert_eq!(repeats.count(text, &format!("{n}@example.com"), at(0)), 1, "{text}");
        }
    }

    #[test]
    fn memory_has_an_end() {
        let repeats = Repeats::default();
        let word = |n: usize| n.to_string().bytes().map(|digit| char::from(digit + 49)).collect::<String>();
        for n in 0..TEXTS_MAX + 10 {
            repeats.count(&format!("{} {TEXT}", word(n)), "a@example.com", at(0));
        }
        assert!(repeats.0.lock().expect("no panic").len() <= TEXTS_MAX);
    }
}
