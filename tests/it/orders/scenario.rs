//! Purchases as Stripe tells of them: the events of one order, from a few choices, with what must come out.

use proptest::prelude::*;
use serde_json::{Value, json};
use throughline::integrations::stripe::event::Event;
use throughline::orders::OrderState;

/// What happens in the course of one purchase.
#[derive(Clone, Debug)]
pub struct Purchase {
    /// Tells the objects of several purchases apart.
    pub number: u32,
    pub amount_minor: i64,
    pub ending: Ending,
    /// Cards that were declined before.
    pub declined: u8,
    /// Shares of the amount that go back, in percent, and whether the bank refuses in the end.
    pub refunds: Vec<(i64, bool)>,
    /// A dispute, and how it ends.
    pub dispute: Option<Option<&'static str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    PaidAtOnce,
    PaidLater,
    FailedLater,
    StillWaiting,
    Expired,
    PaidByInvoice,
}

/// What must come out.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub state: OrderState,
    pub paid_minor: i64,
    pub refunded_minor: i64,
}

impl Purchase {
    /// Any purchase.
    pub fn any(number: u32) -> impl Strategy<Value = Self> {
        use Ending::{Expired, FailedLater, PaidAtOnce, PaidByInvoice, PaidLater, StillWaiting};
        let ending = prop::sample::select(vec![PaidAtOnce, PaidAtOnce, PaidLater, FailedLater, StillWaiting, Expired, PaidByInvoice]);
        let dispute = prop::option::of(prop::option::of(prop::sample::select(vec!["won", "lost", "warning_closed"])));
        let refunds = prop::collection::vec((1..=40i64, any::<bool>()), 0..=2);
        (100..1_000_000i64, ending, 0..3u8, refunds, dispute).prop_map(move |(amount_minor, ending, declined, refunds, dispute)| Self {
            number,
            amount_minor,
            ending,
            declined,
            refunds,
            dispute,
        })
    }

    fn is_paid(&self) -> bool {
        matches!(self.ending, Ending::PaidAtOnce | Ending::PaidLater | Ending::PaidByInvoice)
    }

    /// What must come out of it.
    pub fn outcome(&self) -> Outcome {
        let paid_minor = if self.is_paid() { self.amount_minor } else { 0 };
        let kept = self.refunds.iter().filter(|(_, fails)| !fails).map(|(percent, _)| self.share(*percent)).sum::<i64>();
        let refunded_minor = if self.is_paid() { kept } else { 0 };
        let state = match self.ending {
            Ending::FailedLater => OrderState::Failed,
            Ending::StillWaiting => OrderState::Processing,
            Ending::Expired => OrderState::Expired,
            _ if refunded_minor == 0 => OrderState::Paid,
            _ if refunded_minor < paid_minor => OrderState::PartlyRefunded,
            _ => OrderState::Refunded,
        };
        Outcome { state, paid_minor, refunded_minor }
    }

    fn share(&self, percent: i64) -> i64 {
        (self.amount_minor * percent / 100).max(1)
    }

    /// Its events in the order in which they happen. `reference`: the checkout is ours.
    pub fn events(&self, reference: Option<&str>) -> Vec<Event> {
        let mut told = Telling { purchase: self, reference, at: 1_785_340_000, events: Vec::new() };
        told.pay();
        if self.is_paid() {
            told.refund();
            told.dispute();
        }
        told.events
    }
}

struct Telling<'a> {
    purchase: &'a Purchase,
    reference: Option<&'a str>,
    at: i64,
    events: Vec<Event>,
}

impl Telling<'_> {
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.purchase.number)
    }

    /// Several events share a second: that is how they come.
    fn tell(&mut self, kind: &str, object: Value) {
        let id = format!("evt_{}_{}", self.purchase.number, self.events.len());
        self.at += i64::from(self.events.len().is_multiple_of(3));
        let event = json!({ "id": id, "type": kind, "created": self.at, "livemode": false, "data": { "object": object } });
        self.events.push(Event::parse(event.to_string().as_bytes()).expect("an event"));
    }

    fn session(&mut self, kind: &str, status: &str, payment_status: &str) {
        let is_invoiced = self.purchase.ending == Ending::PaidByInvoice;
        let is_known = status == "complete" && !is_invoiced;
        let mut session = json!({
            "object": "checkout.session", "id": self.id("cs"), "status": status, "payment_status": payment_status, "created": 1_785_339_000,
            "amount_total": self.purchase.amount_minor, "currency": "eur", "customer_details": { "email": "ada@example.com", "name": "Ada" },
            "payment_intent": is_known.then(|| self.id("pi")), "invoice": is_invoiced.then(|| self.id("in")),
        });
        if let Some(reference) = self.reference {
            session["metadata"] = json!({ "throughline_order": reference });
        }
        self.tell(kind, session);
    }

    fn payment(&mut self, kind: &str, status: &str, received: i64) {
        let amount = self.purchase.amount_minor;
        let payment = json!({ "object": "payment_intent", "id": self.id("pi"), "status": status, "amount": amount, "amount_received": received, "currency": "eur" });
        self.tell(kind, payment);
    }

    fn pay(&mut self) {
        for _ in 0..self.purchase.declined {
            self.payment("payment_intent.payment_failed", "requires_payment_method", 0);
        }
        let amount = self.purchase.amount_minor;
        match self.purchase.ending {
            Ending::Expired => self.session("checkout.session.expired", "expired", "unpaid"),
            Ending::StillWaiting => self.session("checkout.session.completed", "complete", "unpaid"),
            Ending::PaidAtOnce => {
                self.payment("payment_intent.succeeded", "succeeded", amount);
                self.session("checkout.session.completed", "complete", "paid");
            }
            Ending::PaidLater => {
                self.session("checkout.session.completed", "complete", "unpaid");
                self.payment("payment_intent.succeeded", "succeeded", amount);
                self.session("checkout.session.async_payment_succeeded", "complete", "paid");
            }
            Ending::FailedLater => {
                self.session("checkout.session.completed", "complete", "unpaid");
                self.session("checkout.session.async_payment_failed", "complete", "unpaid");
            }
            Ending::PaidByInvoice => {
                let invoice = json!({ "object": "invoice", "id": self.id("in"), "status": "paid", "total": amount, "amount_paid": amount, "currency": "eur",
                    "created": 1_785_339_100, "parent": { "subscription_details": { "subscription": self.id("sub") } } });
                let settled = json!({ "object": "invoice_payment", "id": self.id("inpay"), "status": "paid", "invoice": self.id("in"), "amount_paid": amount,
                    "amount_requested": amount, "currency": "eur", "payment": { "type": "payment_intent", "payment_intent": self.id("pi") } });
                self.payment("payment_intent.succeeded", "succeeded", amount);
                self.tell("invoice.paid", invoice);
                self.tell("invoice_payment.paid", settled);
                self.session("checkout.session.completed", "complete", "paid");
            }
        }
    }

    fn refund(&mut self) {
        let mut sum = 0;
        let refunds = self.purchase.refunds.clone();
        for (place, (percent, _)) in refunds.iter().enumerate() {
            let amount = self.purchase.share(*percent);
            sum += amount;
            let made_at = self.at;
            let refund = self.refund_object(place, (amount, "succeeded", made_at));
            self.tell("refund.created", refund);
            let charge = json!({ "object": "charge", "id": self.id("ch"), "payment_intent": self.id("pi"), "amount": self.purchase.amount_minor,
                "amount_refunded": sum, "refunded": sum == self.purchase.amount_minor, "currency": "eur" });
            self.tell("charge.refunded", charge);
        }
        // Refused only after all were made: what the charge said last had counted them.
        self.at += 1;
        for (place, (percent, _)) in refunds.iter().enumerate().filter(|(_, (_, fails))| *fails) {
            let refund = self.refund_object(place, (self.purchase.share(*percent), "failed", 1_785_340_000));
            self.tell("refund.failed", refund);
        }
    }

    fn refund_object(&self, place: usize, (amount, status, made_at): (i64, &str, i64)) -> Value {
        json!({ "object": "refund", "id": format!("re_{}_{place}", self.purchase.number), "charge": self.id("ch"), "payment_intent": self.id("pi"),
            "amount": amount, "status": status, "currency": "eur", "created": made_at })
    }

    fn dispute(&mut self) {
        let Some(ending) = self.purchase.dispute else { return };
        let object = |status: &str| {
            json!({ "object": "dispute", "id": self.id("dp"), "charge": self.id("ch"), "payment_intent": self.id("pi"), "status": status,
                "amount": self.purchase.amount_minor, "currency": "eur" })
        };
        let (opened, closed) = (object("needs_response"), ending.map(object));
        self.tell("charge.dispute.created", opened);
        if let Some(closed) = closed {
            self.tell("charge.dispute.closed", closed);
        }
    }
}
