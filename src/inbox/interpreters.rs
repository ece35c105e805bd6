//! What events mean here. An interpreter gets receipts inside a transaction and does whatever follows from them there, so that the
//! effects and the words on the receipts commit together. It must come to the same end in whatever order and however
//! often events come: it is asked again after a crash, and by people.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::model::{Receipt, ReceiptId, ReceiptState};
use super::stripe_events;
use crate::clock::UtcTime;
use crate::config::StripeConfig;
use crate::db::Tx;
use crate::error::Result;
use crate::integrations::stripe;
use crate::integrations::stripe::event::Event;
use crate::line::LineId;
use crate::orders::stripe::Told;
use crate::orders::{self, Applied};

/// What was made of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// It had its effect. JSON: what it did, with the subjects it did it to.
    Handled { caused: Value },
    /// Nobody here does anything about it.
    NotHandled,
    /// Something newer was known already: nothing was left to do. Says what, in a sentence.
    Superseded(String),
    /// It is not for us, or contradicts what we know. Says why, in a sentence.
    Refused(String),
}

/// Why an event is interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// It has come in.
    Arrival,
    /// A person asks for it again. Mails that follow from it go out only if they say so.
    Replay { with_mails: bool },
}

impl Occasion {
    /// Whether mails may follow from it.
    pub fn sends_mails(self) -> bool {
        !matches!(self, Self::Replay { with_mails: false })
    }
}

/// A receipt, and why it is interpreted.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub receipt: &'a Receipt,
    pub occasion: Occasion,
}

/// Interprets receipts of one provider: a meaning for each, in their order.
pub type Interpreter = fn(&mut Tx<'_>, UtcTime, &[Asked<'_>]) -> Result<Vec<Meaning>>;

/// Finds the one for a provider's events: [`of`], but in tests.
pub type Choice = fn(&str) -> Interpreter;

/// The one for a provider's events.
pub fn of(provider: &str) -> Interpreter {
    match provider {
        stripe::PROVIDER => of_stripe,
        _ => nobody,
    }
}

/// How receipts are read here: by whom, and which events of Stripe are for us.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub choice: Choice,
    pub stripe: &'a StripeConfig,
}

impl Reading<'_> {
    /// What receipts mean, in no order. Whether one is for us was decided when it came in; a replay decides it again, since a person
    /// may ask for what was refused, and the settings may have changed.
    pub fn meanings(&self, tx: &mut Tx<'_>, now: UtcTime, asked: &[Asked<'_>]) -> Result<Vec<(ReceiptId, Meaning)>> {
        let mut meanings = Vec::with_capacity(asked.len());
        let mut for_us: BTreeMap<&str, Vec<Asked<'_>>> = BTreeMap::new();
        for one in asked {
            match self.foreign(one) {
                Some(why) => meanings.push((one.receipt.id, Meaning::Refused(why))),
                None => for_us.entry(&one.receipt.provider).or_default().push(*one),
            }
        }
        for (provider, asked) in for_us {
            let told = (self.choice)(provider)(tx, now, &asked)?;
            meanings.extend(asked.iter().map(|one| one.receipt.id).zip(told));
        }
        Ok(meanings)
    }

    fn foreign(&self, asked: &Asked<'_>) -> Option<String> {
        let Asked { receipt, occasion } = asked;
        let is_again = *occasion != Occasion::Arrival && receipt.provider == stripe::PROVIDER;
        is_again.then(|| stripe_events::foreign(self.stripe, receipt.livemode, receipt.account.as_deref())).flatten()
    }
}

/// Orders follow from these. No mail follows from an order yet.
fn of_stripe(tx: &mut Tx<'_>, now: UtcTime, asked: &[Asked<'_>]) -> Result<Vec<Meaning>> {
    let read: Vec<(Option<Event>, LineId)> =
        asked.iter().map(|one| (one.receipt.body.as_deref().and_then(Event::parse), one.receipt.line())).collect();
    let told: Vec<Told<'_>> = read.iter().filter_map(|(event, line)| Some(Told { event: event.as_ref()?, line })).collect();
    let mut applied = orders::stripe::apply(tx, now, &told)?.into_iter();
    let meaning = |(event, _): &(Option<Event>, LineId)| match event.as_ref().and_then(|_| applied.next()) {
        Some(applied) => of_applied(applied),
        None => Meaning::Refused("It does not say when it happened, or what it said was removed.".into()),
    };
    Ok(read.iter().map(meaning).collect())
}

fn of_applied(applied: Applied) -> Meaning {
    match applied {
        Applied::Taken { object, order: Some(order) } => {
            Meaning::Handled { caused: json!([{ "subject": order.subject(), "what": object }]) }
        }
        Applied::Taken { object, order: None } => {
            let what = "kept; it belongs to no order yet";
            Meaning::Handled { caused: json!([{ "subject": orders::Object::subject(&object), "what": what }]) }
        }
        Applied::Known { object, order: Some(order) } => Meaning::Superseded(format!("Order {order} knows as much or more of {object}.")),
        Applied::Known { object, order: None } => Meaning::Superseded(format!("As much or more is known of {object}.")),
        Applied::NotRead => Meaning::NotHandled,
        Applied::Unreadable => Meaning::Refused(
            "Events of its type are read here, but what this one is about is missing, or of a shape that this version does not know. \
             Nothing of it was booked: look at its body."
                .into(),
        ),
    }
}

fn nobody(_: &mut Tx<'_>, _: UtcTime, asked: &[Asked<'_>]) -> Result<Vec<Meaning>> {
    Ok(vec![Meaning::NotHandled; asked.len()])
}

impl Meaning {
    /// The state it puts the receipt into.
    pub fn state(&self) -> ReceiptState {
        match self {
            Self::Handled { .. } => ReceiptState::Handled,
            Self::NotHandled => ReceiptState::NotHandled,
            Self::Superseded(_) => ReceiptState::Superseded,
            Self::Refused(_) => ReceiptState::Refused,
        }
    }

    /// Why, where that needs saying.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Superseded(why) | Self::Refused(why) => Some(why),
            Self::Handled { .. } | Self::NotHandled => None,
        }
    }

    /// What it did.
    pub fn caused(&self) -> Option<&Value> {
        if let Self::Handled { caused } = self { Some(caused) } else { None }
    }
}
