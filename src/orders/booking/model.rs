//! The steps by which an order comes into the books. Key and amount are fixed when a step is asked for, so that each repeat is about the
//! same thing.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::booking_steps;
use crate::db::{id_type, text_enum};
use crate::money::{Currency, Money};
use crate::orders::OrderId;

id_type! {
    /// A row of `booking_steps`.
    pub struct StepId;
}

text_enum! {
    /// What a step makes.
    pub enum StepKind {
        Customer => "customer",
        Invoice => "invoice",
        Payment => "payment",
        CreditNote => "credit_note",
        /// What is paid out of a credit note.
        Refund => "refund",
    }
}

/// A step, as its row holds it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = booking_steps)]
pub struct Step {
    pub id: StepId,
    pub order_id: OrderId,
    pub kind: StepKind,
    /// 0, and from 1 on for each refund.
    pub number: i64,
    pub key: String,
    pub amount_minor: i64,
    pub currency: String,
    pub organisation_id: Option<String>,
    pub zoho_id: Option<String>,
    pub account_id: Option<String>,
    pub asked_at: UtcTime,
    pub done_at: Option<UtcTime>,
}

impl Step {
    /// Its amount; None: in a currency that is none any more.
    pub fn amount(&self) -> Option<Money> {
        Currency::from_code(&self.currency).map(|currency| Money::new(self.amount_minor, currency))
    }
}

/// A step to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStep {
    pub kind: StepKind,
    pub number: i64,
    pub key: String,
    pub amount_minor: i64,
}
