//! What an event means here. An interpreter gets the receipt inside a transaction and does whatever follows from it there, so
//! that the effects and the word on the receipt commit together. It must come to the same end in whatever order and however
//! often events come: it is asked again after a crash, and by people.

use serde_json::{Value, json};

use super::model::{Receipt, ReceiptState};
use super::stripe_events;
use crate::clock::UtcTime;
use crate::config::StripeConfig;
use crate::db::Tx;
use crate::error::Result;
use crate::integrations::stripe;
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

/// Interprets one receipt.
pub type Interpreter = fn(&mut Tx<'_>, UtcTime, &Receipt, Occasion) -> Result<Meaning>;

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
    /// What a receipt means. Whether it is for us was decided when it came in; a replay decides it again, since a person may ask
    /// for what was refused, and the settings may have changed.
    pub fn meaning(&self, tx: &mut Tx<'_>, now: UtcTime, receipt: &Receipt, occasion: Occasion) -> Result<Meaning> {
        let is_again = occasion != Occasion::Arrival && receipt.provider == stripe::PROVIDER;
        match is_again.then(|| stripe_events::foreign(self.stripe, receipt.livemode, receipt.account.as_deref())).flatten() {
            Some(why) => Ok(Meaning::Refused(why)),
            None => (self.choice)(&receipt.provider)(tx, now, receipt, occasion),
        }
    }
}

/// Orders follow from these. No mail follows from an order yet.
fn of_stripe(tx: &mut Tx<'_>, now: UtcTime, receipt: &Receipt, _occasion: Occasion) -> Result<Meaning> {
    let Some(event) = receipt.body.as_deref().and_then(stripe::event::Event::parse) else {
        return Ok(Meaning::Refused("It does not say when it happened, or what it said was removed.".into()));
    };
    Ok(match orders::stripe::apply(tx, now, &event, &receipt.line())? {
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
    })
}

fn nobody(_: &mut Tx<'_>, _: UtcTime, _: &Receipt, _: Occasion) -> Result<Meaning> {
    Ok(Meaning::NotHandled)
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
