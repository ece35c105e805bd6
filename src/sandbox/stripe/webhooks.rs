//! Webhooks as Stripe sends them, and as others might: changed on the way, recorded and sent again later, signed with another
//! secret. Whoever wants them in another order, or several times, posts them so.

use chrono::TimeDelta;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::WEBHOOK_SECRET;
use crate::clock::UtcTime;
use crate::integrations::stripe::signature::sign;

/// A webhook, ready to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub event_id: String,
    /// JSON with line breaks, as Stripe writes it.
    pub body: Vec<u8>,
    /// The header `Stripe-Signature`.
    pub signature: String,
}

impl Webhook {
    /// The one that tells of an event, sent at this time.
    pub fn of(event: Value, at: UtcTime) -> Self {
        let body = serde_json::to_vec_pretty(&event).unwrap_or_default();
        let signature = Self::signed(&body, at);
        Self { event_id: event["id"].as_str().unwrap_or_default().to_owned(), body, signature }
    }

    /// For whoever fetches it to post it.
    pub(super) fn told(&self) -> Value {
        json!({ "id": self.event_id, "body": String::from_utf8_lossy(&self.body), "signature": self.signature })
    }

    /// The same event, changed before it is signed: of live mode, of another account.
    #[must_use]
    pub fn altered(&self, at: UtcTime, alter: impl FnOnce(&mut Value)) -> Self {
        let mut event = serde_json::from_slice(&self.body).unwrap_or_default();
        alter(&mut event);
        Self::of(event, at)
    }

    /// A repeat: each is signed anew.
    #[must_use]
    pub fn again(&self, at: UtcTime) -> Self {
        Self { signature: Self::signed(&self.body, at), ..self.clone() }
    }

    /// Changed on the way: the signature is that of what was sent.
    #[must_use]
    pub fn tampered(&self) -> Self {
        let body = String::from_utf8_lossy(&self.body).replacen("\"livemode\": false", "\"livemode\": true", 1);
        Self { body: body.into_bytes(), ..self.clone() }
    }

    /// Recorded, and sent so long after it was signed.
    #[must_use]
    pub fn delayed(&self, now: UtcTime, age: TimeDelta) -> Self {
        self.again(now - age)
    }

    /// Signed with the secret of another endpoint.
    #[must_use]
    pub fn of_another_endpoint(&self, at: UtcTime) -> Self {
        let signature = sign(&SecretString::from("whsec_of_another_endpoint"), &self.body, at);
        Self { signature, ..self.clone() }
    }

    fn signed(body: &[u8], at: UtcTime) -> String {
        sign(&SecretString::from(WEBHOOK_SECRET), body, at)
    }
}
