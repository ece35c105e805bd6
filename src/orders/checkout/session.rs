//! Has Stripe open a session for an order, and reads what it answers. Amounts are sent as Stripe counts them.

use chrono::DateTime;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::model::Begun;
use crate::clock::UtcTime;
use crate::integrations::stripe::amounts::{NotChargeable, charged};
use crate::integrations::stripe::snapshot::ORDER_KEY;

/// A page of Stripe's on which a customer pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: String,
    pub url: String,
    pub expires_at: UtcTime,
}

/// The body of `POST /v1/checkout/sessions`: a form, since Stripe refuses JSON. `payment_method_types` is left out: from the
/// version of 2026-09-30 on it is refused, and Stripe offers what the account has switched on.
pub fn form(begun: &Begun) -> Result<String, NotChargeable> {
    let mut form = Serializer::new(String::new());
    form.append_pair("mode", "payment")
        .append_pair("client_reference_id", &begun.reference)
        .append_pair(&format!("metadata[{ORDER_KEY}]"), &begun.reference)
        // Events about the payment carry no metadata of the session.
        .append_pair(&format!("payment_intent_data[metadata][{ORDER_KEY}]"), &begun.reference)
        .append_pair("success_url", &begun.checkout.success_url)
        .append_pair("cancel_url", &begun.checkout.cancel_url);
    if let Some(email) = &begun.email {
        form.append_pair("customer_email", email);
    }
    for (place, line) in begun.lines.iter().enumerate() {
        let key = |name: &str| format!("line_items[{place}]{name}");
        form.append_pair(&key("[quantity]"), &line.quantity.to_string())
            .append_pair(&key("[price_data][currency]"), &line.unit.currency.code().to_ascii_lowercase())
            .append_pair(&key("[price_data][unit_amount]"), &charged(line.unit)?.to_string())
            .append_pair(&key("[price_data][product_data][name]"), &line.name)
            .append_pair(&key("[price_data][product_data][metadata][sku]"), &line.sku);
    }
    Ok(form.finish())
}

/// How a session stands at Stripe (`status` of the object).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageState {
    Open,
    /// The customer has done their part: it is paid, or a bank's money is on its way.
    Complete,
    Expired,
}

/// How a session stands; None: Stripe says something we do not know.
pub fn state(body: &Value) -> Option<PageState> {
    match body["status"].as_str()? {
        "open" => Some(PageState::Open),
        "complete" => Some(PageState::Complete),
        "expired" => Some(PageState::Expired),
        _ => None,
    }
}

/// Reads an open session.
pub fn read(body: &Value) -> Option<Session> {
    Some(Session {
        id: body["id"].as_str()?.to_owned(),
        // Null once it is completed or has run out.
        url: body["url"].as_str()?.to_owned(),
        expires_at: DateTime::from_timestamp(body["expires_at"].as_i64()?, 0)?.naive_utc(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::LineId;
    use crate::money::{Currency, Money};
    use crate::orders::OrderId;
    use crate::orders::checkout::model::{Checkout, PricedLine};

    fn money(amount_minor: i64, code: &str) -> Money {
        Money::new(amount_minor, Currency::from_code(code).expect("a currency"))
    }

    #[test]
    fn a_session_is_asked_for_with_our_order_in_both_places() {
        let unit = money(900, "EUR");
        let line = PricedLine { sku: "G65".into(), name: "Grinder & cup".into(), quantity: 2, unit, total: money(1_800, "EUR") };
        let checkout = Checkout {
            order_id: OrderId(1),
            body_hash: String::new(),
            attempt: 2,
            session_id: None,
            url: None,
            expires_at: None,
            success_url: "https://x.example/thanks".into(),
            cancel_url: "https://x.example/".into(),
            last_error: None,
        };
        let begun = Begun { line: LineId::from_stored(String::new()), reference: "o-1".into(), lines: vec![line], email: None, checkout };
        assert_eq!(begun.idempotency_key(), "throughline:o-1:2");
        let form = form(&begun).expect("chargeable");
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        for (name, value) in [
            ("metadata[throughline_order]", "o-1"),
            ("payment_intent_data[metadata][throughline_order]", "o-1"),
            ("line_items[0][price_data][unit_amount]", "900"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][product_data][name]", "Grinder & cup"),
            ("line_items[0][quantity]", "2"),
        ] {
            assert!(pairs.contains(&(name.to_owned(), value.to_owned())), "{name}: {pairs:?}");
        }
        assert!(pairs.iter().all(|(name, _)| !name.contains("payment_method_types")));
    }
}
