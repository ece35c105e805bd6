//! What is set, and what will not work because of it. Shared by the report and by `throughline config check`. Secrets are never
//! read here but for whether they are there.

use std::borrow::Cow;

use secrecy::ExposeSecret;
use serde::Serialize;

use super::check::State;
use crate::config::{Config, IntakeLimit, Roles, StripeMode};
use crate::db::Engine;
use crate::integrations::zoho::data_centers;
use crate::web::site::names_this_machine;

/// The command that tells all of it.
pub const COMMAND: &str = "throughline config check";

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Something is left out on purpose, perhaps.
    Note,
    Warning,
    /// It will not work.
    Failure,
}

impl Weight {
    /// As a check has it.
    pub fn state(self) -> State {
        match self {
            Self::Note => State::Pass,
            Self::Warning => State::Warn,
            Self::Failure => State::Fail,
        }
    }
}

/// One thing about the settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub weight: Weight,
    /// The key it is about.
    pub setting: Cow<'static, str>,
    /// What follows from it, and what to do.
    pub text: String,
}

impl Finding {
    /// Puts one together.
    pub fn new(weight: Weight, setting: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { weight, setting: setting.into(), text: text.into() }
    }
}

/// Everything there is to say, the worst first.
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(address(config));
    found.extend(proxies(config));
    found.extend(engine(config));
    found.extend(secrets(config));
    found.extend(zoho(config));
    found.extend(stripe(config));
    found.extend(local(config));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.weight));
    found
}

fn address(config: &Config) -> Option<Finding> {
    const KEY: &str = "THROUGHLINE_PUBLIC_URL";
    match (names_this_machine(&config.public_url), config.public_url.starts_with("https://"), config.address.is_loopback()) {
        (true, _, false) => Some(Finding::new(
            Weight::Warning,
            KEY,
            "names this machine, yet others may reach it: their forms are refused. Set the address people use.",
        )),
        (true, _, true) => {
            Some(Finding::new(Weight::Note, KEY, "only this machine can use it. Set the address people use before it goes into service."))
        }
        (false, false, _) => Some(Finding::new(
            Weight::Warning,
            KEY,
            "is http: passwords and leads travel in the clear. Put a proxy with TLS in front (deploy/), and set the https address.",
        )),
        (false, true, _) => None,
    }
}

fn proxies(config: &Config) -> Option<Finding> {
    const KEY: &str = "THROUGHLINE_TRUSTED_PROXIES";
    if config.trusted_proxies.iter().any(|network| network.prefix_len() == 0) {
        return Some(Finding::new(
            Weight::Failure,
            KEY,
            "trusts the whole internet: anyone may choose the address that limits count by. Name your proxy's own.",
        ));
    }
    let has_proxy = config.public_url.starts_with("https://");
    (has_proxy && config.trusted_proxies.is_empty()).then(|| {
        let text = "is not set, and something ends TLS in front: all visitors share its allowance (THROUGHLINE_INTAKE_LIMIT). Name that proxy's address.";
        Finding::new(Weight::Warning, KEY, text)
    })
}

fn engine(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if Engine::of_url(&config.database_url) == Engine::Sqlite {
        if config.roles != Roles::ALL {
            found.push(Finding::new(
                Weight::Failure,
                "THROUGHLINE_ROLES",
                "splits the work, which takes PostgreSQL: serve refuses to start.",
            ));
        }
    } else if config.encryption_key.is_none() {
        let text = "is not set, and PostgreSQL needs it: serve refuses to start. Make one with `openssl rand -base64 32`, and keep a copy.";
        found.push(Finding::new(Weight::Failure, "THROUGHLINE_ENCRYPTION_KEY", text));
    }
    found
}

fn secrets(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if config.cron_secret.is_none() {
        found.push(Finding::new(
            Weight::Note,
            "THROUGHLINE_CRON_SECRET",
            "is not set: programs cannot start work or connect Zoho; people can.",
        ));
    }
    if config.health_token.is_none() {
        let text = "is not set: monitors learn the state alone, and /metrics asks for a sign-in.";
        found.push(Finding::new(Weight::Note, "THROUGHLINE_HEALTH_TOKEN", text));
    }
    if config.sample_secret.is_some() {
        let text = "is for demo alone: whoever sends it is not counted by the intake limit. Take it away.";
        found.push(Finding::new(Weight::Warning, "THROUGHLINE_SAMPLE_SECRET", text));
    }
    found
}

fn zoho(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let zoho = &config.zoho;
    if zoho.client_id.is_some() != zoho.client_secret.is_some() {
        let (missing, other) = if zoho.client_id.is_none() { ("ZOHO_CLIENT_ID", "secret") } else { ("ZOHO_CLIENT_SECRET", "id") };
        found.push(Finding::new(
            Weight::Warning,
            missing,
            format!("is not set, though the client's {other} is: connecting asks for both."),
        ));
    } else if zoho.client_id.is_none() {
        found.push(Finding::new(Weight::Note, "ZOHO_CLIENT_ID", "is not set, nor is the secret: give both when you connect Zoho."));
    }
    if data_centers::by_accounts_url(&zoho.accounts_url).is_none() && zoho.api_url.is_none() {
        let text = "is none of Zoho's accounts servers: connecting works only where its answers name it again. Set ZOHO_API_URL as well.";
        found.push(Finding::new(Weight::Warning, "ZOHO_ACCOUNTS_URL", text));
    }
    found
}

fn stripe(config: &Config) -> Vec<Finding> {
    const SECRET: &str = "STRIPE_WEBHOOK_SECRET";
    const KEY: &str = "STRIPE_SECRET_KEY";
    let (stripe, mut found) = (&config.stripe, Vec::new());
    match (stripe.webhook_secrets.is_empty(), stripe.secret_key.is_none()) {
        (true, true) => found.push(Finding::new(Weight::Note, KEY, "is not set, nor is a signing secret: Stripe is not used.")),
        (true, false) => {
            found.push(Finding::new(
                Weight::Failure,
                SECRET,
                "is not set, though the key is: webhooks are answered 503. Copy it from the endpoint.",
            ));
        }
        (false, true) => {
            let text = "is not set, though a signing secret is: lost webhooks are not made up for, and test events count as live ones.";
            found.push(Finding::new(Weight::Warning, KEY, text));
        }
        (false, false) => {}
    }
    if stripe.webhook_secrets.iter().any(|secret| !secret.expose_secret().starts_with("whsec_")) {
        found.push(Finding::new(Weight::Warning, SECRET, "holds something that is not one of Stripe's: those begin with whsec_."));
    }
    if stripe.mode() == Some(StripeMode::Test) && !names_this_machine(&config.public_url) {
        found.push(Finding::new(Weight::Note, KEY, "is a key of test mode: no money moves, and events of live mode are refused."));
    }
    found
}

fn local(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    if config.intake_limit == IntakeLimit::Off && !names_this_machine(&config.public_url) {
        found.push(Finding::new(Weight::Warning, "THROUGHLINE_INTAKE_LIMIT", "is off: one script can fill the database."));
    }
    if config.zone == chrono_tz::UTC {
        found.push(Finding::new(Weight::Note, "THROUGHLINE_ZONE", "is UTC: times on pages and the daily sweep go by it."));
    }
    if config.phone_region.is_none() {
        found.push(Finding::new(Weight::Note, "THROUGHLINE_PHONE_REGION", "is not set: numbers without a country code are kept as typed."));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn told(settings: &[(&str, &str)]) -> Vec<(Weight, Cow<'static, str>)> {
        let config = Config::load(&Sources::given(settings.iter().copied())).expect("a configuration");
        findings(&config)
            .into_iter()
            .map(|finding| (finding.weight, finding.setting))
            .filter(|(weight, _)| *weight > Weight::Note)
            .collect()
    }

    #[test]
    fn a_first_start_on_this_machine_has_nothing_to_warn_of() {
        assert_eq!(told(&[]), []);
    }

    #[test]
    fn an_installation_in_service_has_nothing_to_warn_of() {
        let settings = [
            ("THROUGHLINE_PUBLIC_URL", "https://desk.example.com"),
            ("THROUGHLINE_TRUSTED_PROXIES", "127.0.0.1"),
            ("ZOHO_CLIENT_ID", "1000.X"),
            ("ZOHO_CLIENT_SECRET", "secret"),
        ];
        assert_eq!(told(&settings), []);
    }

    #[test]
    fn what_will_not_work_comes_first() {
        let settings = [
            ("DATABASE_URL", "postgres://db.example/x"),
            ("THROUGHLINE_PUBLIC_URL", "http://desk.example.com"),
            ("THROUGHLINE_TRUSTED_PROXIES", "0.0.0.0/0"),
            ("THROUGHLINE_INTAKE_LIMIT", "off"),
            ("THROUGHLINE_SAMPLE_SECRET", "sample-secret"),
            ("ZOHO_CLIENT_ID", "1000.X"),
            ("ZOHO_ACCOUNTS_URL", "https://accounts.example.com"),
            ("STRIPE_WEBHOOK_SECRET", "0123456789abcdef"),
        ];
        let expected = [
            (Weight::Failure, "THROUGHLINE_TRUSTED_PROXIES"),
            (Weight::Failure, "THROUGHLINE_ENCRYPTION_KEY"),
            (Weight::Warning, "THROUGHLINE_PUBLIC_URL"),
            (Weight::Warning, "THROUGHLINE_SAMPLE_SECRET"),
            (Weight::Warning, "ZOHO_CLIENT_SECRET"),
            (Weight::Warning, "ZOHO_ACCOUNTS_URL"),
            (Weight::Warning, "STRIPE_SECRET_KEY"),
            (Weight::Warning, "STRIPE_WEBHOOK_SECRET"),
            (Weight::Warning, "THROUGHLINE_INTAKE_LIMIT"),
        ];
        assert_eq!(told(&settings), expected.map(|(weight, setting)| (weight, setting.into())));
        assert_eq!(told(&[("STRIPE_SECRET_KEY", "sk_test_1")]), [(Weight::Failure, "STRIPE_WEBHOOK_SECRET".into())]);
        assert_eq!(told(&[("THROUGHLINE_ROLES", "web")]), [(Weight::Failure, "THROUGHLINE_ROLES".into())]);
    }
}
