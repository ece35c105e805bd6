//! The checkout of an order: which session of Stripe it has, and where the customer comes back to.

use diesel::prelude::*;

use crate::clock::UtcTime;
use crate::db::schema::checkouts;
use crate::line::LineId;
use crate::money::Money;
use crate::orders::OrderId;

/// A row of `checkouts`.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = checkouts)]
pub struct Checkout {
    pub order_id: OrderId,
    /// Of the body it was asked for with.
    pub body_hash: String,
    /// Counts sessions: a new one is asked for under a new key, the same one always under the same.
    pub attempt: i64,
    pub session_id: Option<String>,
    pub url: Option<String>,
    pub expires_at: Option<UtcTime>,
    pub success_url: String,
    pub cancel_url: String,
    /// What Stripe said when no session came about.
    pub last_error: Option<String>,
}

/// A line of what is bought, with the price of that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLine {
    pub sku: String,
    pub name: String,
    pub quantity: i64,
    pub unit: Money,
    pub total: Money,
}

/// What somebody wants to buy, priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCheckout {
    pub lines: Vec<PricedLine>,
    pub total: Money,
    pub email: Option<String>,
    pub success_url: String,
    pub cancel_url: String,
    /// SHA-256 of the client's own `Idempotency-Key`.
    pub client_key_hash: Option<String>,
    pub body_hash: String,
}

/// An order whose checkout stands or is to be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Begun {
    pub line: LineId,
    pub reference: String,
    pub lines: Vec<PricedLine>,
    pub email: Option<String>,
    pub checkout: Checkout,
}

impl Begun {
    /// Stable for one session of one order: however often we ask for it, Stripe makes it once.
    pub fn idempotency_key(&self) -> String {
        format!("throughline:{}:{}", self.reference, self.checkout.attempt)
    }
}
