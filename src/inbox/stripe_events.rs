//! How an event of Stripe becomes a receipt, whichever way it came: pushed to us or read by us. Here it is decided whether it is
//! for us at all; what it means is not.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::model::{Incoming, Verdict};
use crate::clock::UtcTime;
use crate::config::{StripeConfig, StripeMode};
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::envelope::Envelope;
use crate::line::LineId;

/// The type under which something signed is kept that is no event.
pub const UNREADABLE: &str = "unreadable";

/// How an event came.
pub struct Delivery {
    pub body: Vec<u8>,
    /// JSON; see [`Incoming::headers`].
    pub headers: String,
    /// None: we asked for it.
    pub address: Option<String>,
    pub verdict: Verdict,
}

/// Makes it one that can be kept.
pub fn incoming(config: &StripeConfig, delivery: Delivery, now: UtcTime) -> Incoming {
    let event = Envelope::read(&delivery.body);
    let refusal = match &event {
        Some(event) => foreign(config, event.livemode, event.account.as_deref()),
        None => Some("It is signed and not an event: there is no JSON with an id and a type in it.".into()),
    };
    let event = event.unwrap_or_else(|| unreadable(&delivery.body));
    Incoming {
        provider: PROVIDER,
        event_id: event.id,
        event_type: event.event_type,
        object_id: event.object_id,
        verdict: delivery.verdict,
        livemode: event.livemode,
        account: event.account,
        api_version: event.api_version,
        happened_at: event.happened_at,
        headers: delivery.headers,
        body: delivery.body,
        address: delivery.address,
        line: LineId::mint(now),
        refusal,
    }
}

/// An event that we read, as text. Its fields are in another order than Stripe writes them: it came inside a list.
pub fn fetched(config: &StripeConfig, event: &Value, now: UtcTime) -> Incoming {
    let delivery = Delivery { body: event.to_string().into_bytes(), headers: "{}".into(), address: None, verdict: Verdict::Fetched };
    incoming(config, delivery, now)
}

/// Why an event is not for us. Without a key nobody can tell test from live.
pub fn foreign(config: &StripeConfig, livemode: Option<bool>, account: Option<&str>) -> Option<String> {
    let ours = config.mode();
    let theirs = livemode.map(|is_live| if is_live { StripeMode::Live } else { StripeMode::Test });
    if let (Some(ours), Some(theirs)) = (ours, theirs)
        && ours != theirs
    {
        return Some(format!(
            "It is of Stripe's {} mode, and STRIPE_SECRET_KEY is a key of {} mode: an endpoint there carries a secret that belongs \
             elsewhere.",
            theirs.as_str(),
            ours.as_str()
        ));
    }
    let account = account?;
    if config.account.as_deref() == Some(account) {
        return None;
    }
    Some(match &config.account {
        Some(ours) => format!("It is of the account {account}, and ours is {ours} (STRIPE_ACCOUNT)."),
        None => format!("It is of the connected account {account}, and STRIPE_ACCOUNT names none."),
    })
}

/// Known again by its content, since nothing in it could be read.
fn unreadable(body: &[u8]) -> Envelope {
    let digest: String = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    Envelope {
        id: format!("sha256:{digest}"),
        event_type: UNREADABLE.into(),
        happened_at: None,
        livemode: None,
        account: None,
        api_version: None,
        object_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};
    use serde_json::json;

    fn refusal(settings: &[(&str, &str)], event: &Value) -> Option<String> {
        let config = Config::load(&Sources::given(settings.iter().copied())).expect("a configuration");
        fetched(&config.stripe, event, UtcTime::default()).refusal
    }

    fn event(livemode: Value, account: Value) -> Value {
        json!({"id": "evt_1", "type": "charge.refunded", "livemode": livemode, "account": account})
    }

    #[test]
    fn another_mode_and_another_account_are_refused_in_words() {
        let test_key = [("STRIPE_SECRET_KEY", "sk_test_1")];
        let own = [("STRIPE_SECRET_KEY", "sk_live_1"), ("STRIPE_ACCOUNT", "acct_1")];
        assert_eq!(refusal(&test_key, &event(json!(false), Value::Null)), None);
        assert!(refusal(&test_key, &event(json!(true), Value::Null)).expect("refused").contains("live mode"));
        assert_eq!(refusal(&[], &event(json!(true), Value::Null)), None, "no key, no mode");
        assert_eq!(refusal(&test_key, &event(Value::Null, Value::Null)), None, "it does not say");
        assert_eq!(refusal(&own, &event(json!(true), json!("acct_1"))), None);
        assert!(refusal(&own, &event(json!(true), json!("acct_2"))).expect("refused").contains("acct_2, and ours is acct_1"));
        assert!(refusal(&test_key, &event(json!(false), json!("acct_2"))).expect("refused").contains("names none"));
    }

    #[test]
    fn what_cannot_be_read_is_known_again_by_its_content() {
        let config = Config::load(&Sources::default()).expect("a configuration").stripe;
        let of = |body: &[u8]| {
            let delivery = Delivery { body: body.to_vec(), headers: String::new(), address: None, verdict: Verdict::Verified };
            incoming(&config, delivery, UtcTime::default())
        };
        let (one, same, other) = (of(b"\xff"), of(b"\xff"), of(b"[]"));
        assert!(one.refusal.is_some() && one.event_type == UNREADABLE && one.event_id.len() == 71);
        assert!(one.event_id == same.event_id && one.event_id != other.event_id);
    }
}
