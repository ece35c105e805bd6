//! Sample events for `demo`: what a small shop hears from Stripe on a day, with the trouble that webhooks have.

use serde_json::{Value, json};

/// Something that happens at Stripe.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    pub event_type: &'static str,
    pub object: Value,
    pub arrival: Arrival,
}

/// How its webhook arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    Once,
    /// As Stripe does when an answer is lost.
    Twice,
    /// Changed on the way: refused.
    Tampered,
    /// Not at all: the event is found by reading those that Stripe keeps.
    Lost,
}

/// Who buys, in turn.
const NAMES: [&str; 12] = [
    "Ada Marchetti",
    "Bilal Haddad",
    "Chiara Lindqvist",
    "Dmytro Kovalenko",
    "Esi Mensah",
    "Farah Qureshi",
    "Goran Petrović",
    "Hana Suzuki",
    "Ingrid Solberg",
    "João Almeida",
    "Keiko Tanaka",
    "Layla Nasser",
];

/// Happenings without end.
pub fn endless() -> impl Iterator<Item = Happening> {
    (1..).map(happening)
}

fn happening(number: u64) -> Happening {
    let arrival = match number % 10 {
        3 => Arrival::Twice,
        5 => Arrival::Tampered,
        8 => Arrival::Lost,
        _ => Arrival::Once,
    };
    // Four in a row are about one purchase; every third has a part of its money sent back.
    let purchase = number.div_ceil(4);
    let amount = 4_900 + purchase % 7 * 1_350;
    // Buyers of one name one after the other would wait in Books, whose search does not find the first yet.
    let name = NAMES[usize::try_from(purchase).unwrap_or_default() % NAMES.len()];
    let (session, payment) = (format!("cs_test_{purchase:06}"), format!("pi_{purchase:06}"));
    let (event_type, object) = match number % 4 {
        1 => (
            "checkout.session.completed",
            json!({
                "id": session, "object": "checkout.session", "payment_intent": payment, "payment_status": "paid", "status": "complete",
                "amount_total": amount, "currency": "eur", "mode": "payment", "client_reference_id": null,
                "customer_details": { "email": format!("buyer{purchase}@sample.example"), "name": name },
            }),
        ),
        2 => (
            "payment_intent.succeeded",
            json!({ "id": payment, "object": "payment_intent", "amount": amount, "amount_received": amount, "currency": "eur", "status": "succeeded" }),
        ),
        3 if purchase.is_multiple_of(3) => (
            "charge.refunded",
            json!({
                "id": format!("ch_{purchase:06}"), "object": "charge", "payment_intent": payment, "amount": amount, "amount_refunded": 1_350,
                "currency": "eur", "refunded": false,
            }),
        ),
        _ => (
            "customer.created",
            json!({ "id": format!("cus_{number:06}"), "object": "customer", "email": format!("buyer{purchase}@sample.example") }),
        ),
    };
    Happening { event_type, object, arrival }
}
