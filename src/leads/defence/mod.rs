//! Defence against programs that fill in forms, without a third party and without a cookie: a stamp, a field nobody sees, a
//! proof of work that costs more where attacks come from, and what the text says. Nothing is refused for it: what looks
//! suspicious is stored and held for a person (`quarantine`), and answered as everything else is.

mod content;
mod phrases;
mod pressure;
mod repeats;
mod shapes;
mod stamp;
mod verdict;
mod work;

pub use pressure::{Room, around};
pub use verdict::{HELD_FROM, Reason, Verdict, reused};
pub use work::Work;

use chrono::TimeDelta;
use serde_json::{Map, Value};

use pressure::{BITS_BASE, Pressure};
use repeats::Repeats;
use stamp::{Stamp, StampKey};
use verdict::{Signals, Stamped, judge};

use super::model::NewLead;
use crate::clock::UtcTime;
use crate::vault::Vault;
use crate::web::ClientAddress;

/// The hidden field that carries the stamp.
pub const STAMP_FIELD: &str = "_stamp";
/// The hidden field that the script fills with its proof of work.
pub const WORK_FIELD: &str = "_work";
/// The field that people do not see. Programs fill in whatever sounds like a web site.
pub const HONEYPOT_FIELD: &str = "_website";

/// Judges submissions and stamps forms; one per process.
pub struct Defence {
    key: StampKey,
    pressure: Pressure,
    repeats: Repeats,
}

/// What a form carries besides its own fields: see `templates/leads/defence.html`.
#[derive(Clone, Debug)]
pub struct FormFields {
    /// Of the hidden field `_stamp`.
    pub stamp: String,
    /// Of the form's `data-challenge`.
    pub challenge: String,
}

/// A challenge for the script, and how many zero bits it takes.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Challenge {
    pub challenge: String,
    pub bits: u32,
}

/// The form something was sent with.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    /// `quote`, `store-lead`: without line breaks.
    pub id: &'a str,
    /// Ours always has a stamp; programs and forms of other sites may have none.
    pub always_stamped: bool,
}

/// The fields of the defence, taken out of a submission.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    stamp: String,
    work: String,
    honeypot: String,
}

impl Hidden {
    /// Takes them out: they are no part of the lead.
    pub fn take(fields: &mut Map<String, Value>) -> Self {
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) => text,
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        Self { stamp: text(STAMP_FIELD), work: text(WORK_FIELD), honeypot: text(HONEYPOT_FIELD) }
    }
}

/// What was found out about a submission.
#[derive(Clone, Debug)]
pub struct Judged {
    pub verdict: Verdict,
    /// It proves all the work that is asked of its network now.
    pub has_paid: bool,
    /// Of its stamp: tells two sendings of one opened form.
    pub stamp_nonce: Option<String>,
}

impl Defence {
    /// With the keys of this installation, and no memory of anybody.
    pub fn new(vault: &Vault) -> Self {
        Self { key: StampKey::new(vault), pressure: Pressure::default(), repeats: Repeats::default() }
    }

    /// What a form that is rendered now for this caller has to carry.
    pub fn fields(&self, form: &str, caller: &ClientAddress, now: UtcTime) -> FormFields {
        let stamp = self.key.mint(form, now);
        let challenge = self.challenge(form, &stamp, caller, now).map(|given| given.challenge).unwrap_or_default();
        FormFields { stamp, challenge }
    }

    /// The same for a form that comes back with its mistakes. Its stamp stays: nothing was stored under it, and who corrects a
    /// word need not wait as long as who fills in all of it.
    pub fn fields_again(&self, form: &str, stamp: &str, caller: &ClientAddress, now: UtcTime) -> FormFields {
        match self.challenge(form, stamp, caller, now) {
            Some(given) => FormFields { stamp: stamp.to_owned(), challenge: given.challenge },
            None => self.fields(form, caller, now),
        }
    }

    /// A fresh challenge for a form that has been open for a while; None where the stamp is not ours.
    pub fn challenge(&self, form: &str, stamp: &str, caller: &ClientAddress, now: UtcTime) -> Option<Challenge> {
        let stamp = self.key.read(form, stamp)?;
        let bits = self.pressure.bits(around(caller.ip), now);
        Some(Challenge { challenge: work::challenge(&self.key, form, &stamp, bits, now), bits })
    }

    /// Weighs everything that is known of a submission.
    pub fn judge(&self, form: Form<'_>, hidden: &Hidden, lead: &NewLead, from: (&ClientAddress, UtcTime)) -> Judged {
        let (caller, now) = from;
        let stamp = self.key.read(form.id, &hidden.stamp);
        let signals = Signals {
            honeypot: !hidden.honeypot.trim().is_empty(),
            stamp: stamped(form, hidden, stamp.as_ref(), now),
            work: stamp.as_ref().map_or(Work::Missing, |stamp| work::check(&self.key, form.id, stamp, &hidden.work, now)),
            bits_asked: self.pressure.bits(around(caller.ip), now),
            bits_base: BITS_BASE,
            is_alarm: self.pressure.is_alarm(now),
            contacts: self.repeats.count(&content::text_of(lead), &contact(lead), now),
            content: content::signs(lead),
        };
        Judged { verdict: judge(&signals), has_paid: signals.has_paid(), stamp_nonce: stamp.map(|stamp| stamp.nonce) }
    }

    /// Whether there is room for it. A suspicious one is counted against its network. A network that has sent too many is closed
    /// to whatever has not paid, also to what is not suspicious: else its answers would tell one from the other.
    pub fn room_for(&self, judged: &Judged, caller: &ClientAddress, now: UtcTime) -> Room {
        let network = around(caller.ip);
        match (judged.verdict.is_suspicious(), judged.has_paid) {
            (true, _) => self.pressure.note(network, now),
            (false, false) => self.pressure.is_full(network, now),
            (false, true) => Room::Free,
        }
    }
}

fn stamped(form: Form<'_>, hidden: &Hidden, stamp: Option<&Stamp>, now: UtcTime) -> Stamped {
    match stamp.map(|stamp| stamp.age(now)) {
        Some(age) => Stamped::Ours { open_s: age.num_seconds(), is_stale: age > stamp::AGE_MAX },
        None if !hidden.stamp.is_empty() => Stamped::Forged,
        None if form.always_stamped => Stamped::Missing,
        None => Stamped::NotAsked,
    }
}

fn contact(lead: &NewLead) -> String {
    lead.contact.email_key().or_else(|| lead.contact.phone.clone()).unwrap_or_default()
}

/// How long the script may keep a challenge before it asks for another.
pub const CHALLENGE_AGE_MAX: TimeDelta = work::AGE_MAX;
