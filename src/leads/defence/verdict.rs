//! From what is known of a submission to whether it is held back, with the reasons in words. Pure: no clock, no memory, no
//! database. No single weak sign is enough; the points below say how much each weighs, and why.

use serde::{Deserialize, Serialize};

use super::work::Work;

/// Held back from here on.
pub const HELD_FROM: u32 = 50;

/// One sign, and how much it weighs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub points: u32,
    /// A sentence for staff.
    pub words: String,
}

impl Reason {
    /// A sign.
    pub fn new(points: u32, words: impl Into<String>) -> Self {
        Self { points, words: words.into() }
    }
}

/// All signs together; none: nothing speaks against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// The weight of all signs.
    pub fn score(&self) -> u32 {
        self.reasons.iter().map(|reason| reason.points).sum()
    }

    /// Whether it is held back for a person to look at.
    pub fn is_suspicious(&self) -> bool {
        self.score() >= HELD_FROM
    }
}

/// What came of a form's stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamped {
    /// None came, and none is expected: a program of the seller's, or a form on another site without our script.
    NotAsked,
    /// None came with a form of ours, which always has one.
    Missing,
    /// Not ours, changed, or another form's.
    Forged,
    Ours {
        open_s: i64,
        is_stale: bool,
    },
}

/// What is known of a submission.
#[derive(Clone, Debug)]
pub struct Signals {
    /// The field that people do not see was filled in.
    pub honeypot: bool,
    pub stamp: Stamped,
    /// Of a form with a stamp.
    pub work: Work,
    /// Zero bits that its network is asked for now, and those of a network nobody attacks from.
    pub bits_asked: u32,
    pub bits_base: u32,
    /// Suspicious submissions come in crowds, from wherever.
    pub is_alarm: bool,
    /// From how many contacts the text has come.
    pub contacts: u32,
    /// What the text itself says (see `content`).
    pub content: Vec<Reason>,
}

/// With the proof of a script nobody waits for the person: even a short form takes a moment.
const OPEN_MIN_S: i64 = 2;
/// Without one the form must have been open for longer: the slower path, which costs patience instead of work.
const OPEN_MIN_UNPROVEN_S: i64 = 6;

/// Weighs the signs.
pub fn judge(signals: &Signals) -> Verdict {
    let mut reasons = Vec::new();
    if signals.honeypot {
        reasons.push(Reason::new(60, "A field that people cannot see was filled in."));
    }
    match signals.stamp {
        // Programs of the seller's have none: alone it weighs little.
        Stamped::NotAsked => reasons.push(Reason::new(5, "It carries no stamp of a form.")),
        Stamped::Missing => reasons.push(Reason::new(55, "It carries no stamp, which our own form always has.")),
        Stamped::Forged => reasons.push(Reason::new(60, "Its stamp is not ours or belongs to another form.")),
        Stamped::Ours { open_s, is_stale } => reasons.extend(of_a_form(signals, open_s, is_stale)),
    }
    reasons.extend(of_the_network(signals));
    reasons.extend(of_an_attack(signals));
    reasons.extend(of_repeats(signals.contacts));
    reasons.extend(signals.content.iter().cloned());
    Verdict { reasons }
}

/// The stamp was sent before, with other content.
pub fn reused() -> Reason {
    Reason::new(50, "The same opened form was sent before, with other content.")
}

fn of_a_form(signals: &Signals, open_s: i64, is_stale: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let is_proven = matches!(signals.work, Work::Done { .. });
    let shortest_s = if is_proven { OPEN_MIN_S } else { OPEN_MIN_UNPROVEN_S };
    if open_s < shortest_s {
        // Nobody types a name and an address within a second.
        let points = if open_s < 1 { 50 } else { 35 };
        reasons.push(Reason::new(points, format!("The form was sent {open_s} s after it was opened.")));
    }
    if is_stale {
        reasons.push(Reason::new(30, "The form had been open for more than 12 hours."));
    }
    reasons.extend(match signals.work {
        // A browser without script is no crime.
        Work::Missing => Some(Reason::new(15, "No proof of work came with it: the browser runs no script, or it was a program.")),
        Work::Wrong => Some(Reason::new(45, "Its proof of work is wrong.")),
        Work::Stale => Some(Reason::new(20, "Its proof of work is out of date.")),
        Work::Done { bits } if bits < signals.bits_asked => Some(Reason::new(10, "Its proof of work is weaker than asked for by now.")),
        Work::Done { .. } => None,
    });
    reasons
}

impl Signals {
    /// It proves all the work that is asked of its network now.
    pub fn has_paid(&self) -> bool {
        matches!(self.work, Work::Done { bits } if bits >= self.bits_asked)
    }
}

/// Suspicious submissions came from around it lately. Who does the work that is asked for then has paid.
fn of_the_network(signals: &Signals) -> Option<Reason> {
    let raised = signals.bits_asked.saturating_sub(signals.bits_base);
    (raised > 0 && !signals.has_paid())
        .then(|| Reason::new((5 * raised).min(30), "Suspicious submissions came from the same network lately."))
}

/// An attack changes nothing for who proves some work, and alone holds nobody.
fn of_an_attack(signals: &Signals) -> Option<Reason> {
    let is_proven = matches!(signals.work, Work::Done { .. });
    (signals.is_alarm && !is_proven).then(|| Reason::new(15, "The forms were under attack, and it proved no work."))
}

/// Below the threshold by itself: a site may suggest a text to everyone. A hundred a day without a stamp are held.
fn of_repeats(contacts: u32) -> Option<Reason> {
    let points = match contacts {
        0..=2 => return None,
        3..=9 => 25,
        10..=99 => 40,
        _ => 45,
    };
    Some(Reason::new(points, format!("The same text came from {contacts} contacts within a day.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form of ours, filled in by a person with script.
    fn good() -> Signals {
        Signals {
            honeypot: false,
            stamp: Stamped::Ours { open_s: 40, is_stale: false },
            work: Work::Done { bits: 14 },
            bits_asked: 14,
            bits_base: 14,
            is_alarm: false,
            contacts: 1,
            content: Vec::new(),
        }
    }

    #[test]
    fn a_person_with_script_has_nothing_against_them() {
        assert_eq!(judge(&good()), Verdict::default());
    }

    #[test]
    fn what_weighs_on_each_is_not_enough_and_two_weak_signs_are_not_either() {
        let without_script = Signals { work: Work::Missing, ..good() };
        let in_a_bad_network = Signals { bits_asked: 16, is_alarm: true, work: Work::Missing, ..good() };
        let overnight = Signals { stamp: Stamped::Ours { open_s: 90_000, is_stale: true }, ..good() };
        let program = Signals { stamp: Stamped::NotAsked, work: Work::Missing, ..good() };
        let under_attack = Signals { is_alarm: true, ..program.clone() };
        let template = Signals { contacts: 500, ..program.clone() };
        for passed in [without_script, in_a_bad_network, overnight, program, under_attack] {
            assert!(!judge(&passed).is_suspicious(), "{passed:?}: {:?}", judge(&passed));
        }
        assert!(judge(&template).is_suspicious(), "hundreds with one text and nothing that speaks for them");
    }

    #[test]
    fn what_only_programs_do_is_held_with_its_reason() {
        let cases = [
            (Signals { honeypot: true, ..good() }, "cannot see"),
            (Signals { stamp: Stamped::Missing, ..good() }, "no stamp"),
            (Signals { stamp: Stamped::Forged, ..good() }, "not ours"),
            (Signals { stamp: Stamped::Ours { open_s: 0, is_stale: false }, ..good() }, "0 s after"),
            (Signals { stamp: Stamped::Ours { open_s: 3, is_stale: false }, work: Work::Missing, ..good() }, "3 s after"),
            (Signals { stamp: Stamped::Ours { open_s: 1, is_stale: false }, work: Work::Wrong, ..good() }, "is wrong"),
            (
                Signals { bits_asked: 20, stamp: Stamped::Ours { open_s: 30, is_stale: true }, work: Work::Missing, ..good() },
                "same network",
            ),
        ];
        for (signals, words) in cases {
            let verdict = judge(&signals);
            assert!(verdict.is_suspicious() && verdict.reasons.iter().any(|reason| reason.words.contains(words)), "{words}: {verdict:?}");
        }
    }

    #[test]
    fn who_pays_the_raised_price_passes_in_a_network_that_attacks() {
        assert_eq!(judge(&Signals { bits_asked: 18, work: Work::Done { bits: 18 }, ..good() }), Verdict::default());
        assert!(!judge(&Signals { bits_asked: 18, ..good() }).is_suspicious(), "nor is one held whose page was opened before the attack");
    }
}
