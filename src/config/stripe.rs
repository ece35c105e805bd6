//! Stripe's settings: the secrets its webhooks are signed with, the key of its API, and whose events are taken.

use secrecy::{ExposeSecret, SecretString};

use super::load::{Reader, http_url};

const WEBHOOK_SECRET: &str = "STRIPE_WEBHOOK_SECRET";
const SECRET_KEY: &str = "STRIPE_SECRET_KEY";
/// Stripe's own have 38 characters and more.
const SECRET_MIN: usize = 16;

/// Stripe's part.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// One for each endpoint of ours at Stripe; while one is rolled, the old and the new. Empty: no webhook is taken.
    pub webhook_secrets: Vec<SecretString>,
    /// None: Stripe is never called.
    pub secret_key: Option<SecretString>,
    /// Without a trailing slash.
    pub api_url: String,
    /// The account whose events are ours where they name one: `acct_…`.
    pub account: Option<String>,
}

/// Whether money is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StripeMode {
    Live,
    Test,
}

impl StripeMode {
    /// `live`, `test`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl StripeConfig {
    /// What the key is for; None: there is none to tell.
    pub fn mode(&self) -> Option<StripeMode> {
        self.secret_key.as_ref().and_then(|key| mode_of(key.expose_secret()))
    }
}

/// Stripe's part of the settings.
pub(super) fn read(read: &mut Reader<'_>) -> StripeConfig {
    StripeConfig {
        webhook_secrets: webhook_secrets(read),
        secret_key: secret_key(read),
        api_url: read.parsed("STRIPE_API_URL", "https://api.stripe.com".into(), "https://api.stripe.com", http_url),
        account: read.parsed("STRIPE_ACCOUNT", None, "acct_1032D82eZvKYlo2C", account),
    }
}

fn webhook_secrets(read: &mut Reader<'_>) -> Vec<SecretString> {
    let text = read.text(WEBHOOK_SECRET).unwrap_or_default();
    let secrets: Vec<&str> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
    if secrets.iter().any(|secret| secret.len() < SECRET_MIN) {
        read.mistake(format!(
            "{WEBHOOK_SECRET} holds something too short to be a signing secret (at least {SECRET_MIN} characters); for example {WEBHOOK_SECRET}=whsec_…,whsec_…"
        ));
    }
    secrets.into_iter().map(SecretString::from).collect()
}

/// Its value is never repeated: whoever mixes two settings up has put a secret there all the same.
fn secret_key(read: &mut Reader<'_>) -> Option<SecretString> {
    let key = read.text(SECRET_KEY)?.trim().to_owned();
    if key.starts_with("pk_") {
        read.mistake(format!("{SECRET_KEY} is a publishable key, which may do nothing; for example {SECRET_KEY}=sk_test_… or rk_test_…"));
    } else if mode_of(&key).is_none() || key.chars().any(|c| !c.is_ascii_graphic()) {
        read.mistake(format!("{SECRET_KEY} is not a secret key of Stripe; for example {SECRET_KEY}=sk_test_… or rk_live_…"));
    }
    Some(key.into())
}

fn mode_of(key: &str) -> Option<StripeMode> {
    let rest = key.strip_prefix("sk_").or_else(|| key.strip_prefix("rk_"))?;
    match rest.split_once('_') {
        Some(("live", secret)) if !secret.is_empty() => Some(StripeMode::Live),
        Some(("test", secret)) if !secret.is_empty() => Some(StripeMode::Test),
        _ => None,
    }
}

fn account(text: &str) -> Result<Option<String>, String> {
    let fits = text.strip_prefix("acct_").is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric()));
    if fits { Ok(Some(text.to_owned())) } else { Err("is not the id of an account".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    fn load(settings: &[(&str, &str)]) -> Result<StripeConfig, String> {
        Config::load(&Sources::given(settings.iter().copied())).map(|config| config.stripe).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn several_secrets_are_taken_and_the_key_says_whether_money_is_real() {
        let stripe = load(&[(WEBHOOK_SECRET, " whsec_0123456789abcdef , whsec_fedcba9876543210,"), (SECRET_KEY, "rk_live_51abc")]);
        let stripe = stripe.expect("it is right");
        let secrets: Vec<_> = stripe.webhook_secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(secrets, ["whsec_0123456789abcdef", "whsec_fedcba9876543210"]);
        assert_eq!((stripe.mode(), stripe.api_url.as_str()), (Some(StripeMode::Live), "https://api.stripe.com"));
        assert_eq!(load(&[(SECRET_KEY, "sk_test_51abc")]).expect("a test key").mode(), Some(StripeMode::Test));
        let nothing = load(&[]).expect("nothing is set");
        assert!(nothing.webhook_secrets.is_empty() && nothing.mode().is_none());
        assert!(load(&[(WEBHOOK_SECRET, " , ")]).expect("nothing is set").webhook_secrets.is_empty(), "white space is no secret");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (key, value, words) in [
            (WEBHOOK_SECRET, "whsec_0123456789abcdef,hunter2", "too short"),
            (SECRET_KEY, "pk_test_hunter2", "a publishable key"),
            (SECRET_KEY, "whsec_hunter2", "not a secret key"),
            (SECRET_KEY, "sk_prod_hunter2", "not a secret key"),
            (SECRET_KEY, "sk_test_", "not a secret key"),
            ("STRIPE_ACCOUNT", "hunter", "is not the id of an account"),
            ("STRIPE_API_URL", "api.stripe.com", "is not a web address"),
        ] {
            let told = load(&[(key, value)]).expect_err(value);
            assert!(told.contains(key) && told.contains(words) && !told.contains("hunter2"), "{told}");
        }
    }
}
