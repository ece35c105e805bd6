//! What is set, and what will not work because of it. Shared by the report and by `throughline config check`. Secrets are never
//! read here but for whether they are there.

use std::borrow::Cow;

use secrecy::ExposeSecret;
use serde::Serialize;

use super::check::State;
use crate::config::{Config, IntakeLimit, MailConfig, Roles, Security, StripeMode};
use crate::connections::callback_url;
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
    found.extend(mail(config));
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
        // Where it belongs, it is no trouble: nobody but this machine can send it.
        let is_demo = names_this_machine(&config.public_url) && config.address.is_loopback();
        found.push(Finding::new(if is_demo { Weight::Note } else { Weight::Warning }, "THROUGHLINE_SAMPLE_SECRET", text));
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
    let ours = callback_url(config);
    if let Some(other) = zoho.redirect_uri.as_deref().map(str::trim).filter(|other| other.trim_end_matches('/') != ours) {
        let text = format!(
            "is {other}, which is not our callback: Zoho leads people back to {ours}, which follows from THROUGHLINE_PUBLIC_URL. Add it \
             to the client's “Authorized Redirect URIs” in Zoho's API console, and take this setting away."
        );
        found.push(Finding::new(Weight::Warning, "ZOHO_REDIRECT_URI", text));
    }
    found
}

fn mail(config: &Config) -> Vec<Finding> {
    const KEY: &str = "THROUGHLINE_SMTP_URL";
    let Some(mail) = &config.mail else {
        let text = "is not set: nobody is told of new leads by mail, and who writes gets no answer by mail.";
        return vec![Finding::new(Weight::Note, KEY, text)];
    };
    let mut found = Vec::new();
    // IANA's registry of ports, and RFC 8314: 465 is TLS from the first byte, 587 and 25 begin in the clear.
    let by_port = match (mail.smtp.security, mail.smtp.port) {
        (Security::StartTls, 465) => Some("begins in the clear on port 465, where servers expect TLS from the first byte: write smtps://."),
        (Security::Tls, 587 | 25) => {
            Some("begins with TLS on a port where servers begin in the clear: write smtp://, which then demands TLS.")
        }
        _ => None,
    };
    found.extend(by_port.map(|text| Finding::new(Weight::Warning, KEY, text)));
    if mail.smtp.login.is_none() && !mail.smtp.is_on_this_machine() {
        let text = "names no user: mails leave only if that server takes them from this machine without a sign-in.";
        found.push(Finding::new(Weight::Note, KEY, text));
    }
    if names_this_machine(&config.public_url) {
        // A server on this machine may be one to try things out with, as demo has it.
        if !mail.smtp.is_on_this_machine() {
            let text = "names this machine, and mails leave it: their links lead nobody else anywhere. Set the address people use.";
            found.push(Finding::new(Weight::Warning, "THROUGHLINE_PUBLIC_URL", text));
        }
    } else {
        found.extend(sender(config, mail));
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

/// Nothing is wrong with a sender of another domain, but its owner must have allowed this server to send for it.
fn sender(config: &Config, mail: &MailConfig) -> Option<Finding> {
    let host = url::Url::parse(&config.public_url).ok()?.host_str()?.to_lowercase();
    let domain = mail.from.address.rsplit_once('@')?.1.to_lowercase();
    let is_below = |name: &str, of: &str| name == of || name.strip_suffix(of).is_some_and(|rest| rest.ends_with('.'));
    (!is_below(&host, &domain) && !is_below(&domain, &host)).then(|| {
        let text = format!(
            "is of {domain}, and the pages are at {host}: fine if the SPF and DKIM records of {domain} name the mail server; else mails end as spam."
        );
        Finding::new(Weight::Note, "THROUGHLINE_MAIL_FROM", text)
    })
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
    fn a_callback_of_an_earlier_system_is_told_with_what_to_register() {
        let public = ("THROUGHLINE_PUBLIC_URL", "https://desk.example.com");
        let proxy = ("THROUGHLINE_TRUSTED_PROXIES", "127.0.0.1");
        let texts = |uri| {
            let config = Config::load(&Sources::given([public, proxy, ("ZOHO_REDIRECT_URI", uri)])).expect("a configuration");
            let found = findings(&config).into_iter().filter(|finding| finding.setting == "ZOHO_REDIRECT_URI");
            found.map(|finding| finding.text).collect::<Vec<_>>()
        };
        assert_eq!(texts("https://desk.example.com/connections/zoho/callback"), Vec::<String>::new());
        insta::assert_snapshot!(texts("https://old.example.com/api/zoho/callback").join("\n"), @"is https://old.example.com/api/zoho/callback, which is not our callback: Zoho leads people back to https://desk.example.com/connections/zoho/callback, which follows from THROUGHLINE_PUBLIC_URL. Add it to the client's “Authorized Redirect URIs” in Zoho's API console, and take this setting away.");
    }

    #[test]
    fn mail_is_judged_by_what_the_settings_say_and_no_further() {
        let of = |settings: &[(&str, &str)]| {
            let config = Config::load(&Sources::given(settings.iter().copied())).expect("a configuration");
            let keys = ["THROUGHLINE_SMTP_URL", "THROUGHLINE_MAIL_FROM", "THROUGHLINE_PUBLIC_URL"];
            let found = findings(&config).into_iter().filter(|finding| keys.contains(&finding.setting.as_ref()));
            found.map(|finding| format!("{:?} {} {}", finding.weight, finding.setting, finding.text)).collect::<Vec<_>>().join("\n")
        };
        let public = ("THROUGHLINE_PUBLIC_URL", "https://desk.example.com");
        let url = |url: &'static str| ("THROUGHLINE_SMTP_URL", url);
        let from = |from: &'static str| ("THROUGHLINE_MAIL_FROM", from);
        let login = "smtp://u:p@mail.example.com";
        for sender in ["Desk <desk@example.com>", "a@desk.example.com", "a@mail.desk.example.com"] {
            assert_eq!(of(&[public, url(login), from(sender)]), "", "{sender}");
        }
        assert_eq!(of(&[public, url("smtp://localhost:25"), from("a@example.com")]), "", "a relay on this machine asks for no user");
        insta::assert_snapshot!([
            of(&[public]),
            of(&[public, url("smtp://u:p@mail.example.com:465"), from("a@example.com")]),
            of(&[public, url("smtps://u:p@mail.example.com:587"), from("a@example.com")]),
            of(&[public, url("smtp://mail.example.com"), from("a@example.com")]),
            of(&[public, url(login), from("a@badexample.com")]),
            of(&[url(login), from("a@example.com")]),
        ].join("\n"), @r"
        Note THROUGHLINE_SMTP_URL is not set: nobody is told of new leads by mail, and who writes gets no answer by mail.
        Warning THROUGHLINE_SMTP_URL begins in the clear on port 465, where servers expect TLS from the first byte: write smtps://.
        Warning THROUGHLINE_SMTP_URL begins with TLS on a port where servers begin in the clear: write smtp://, which then demands TLS.
        Note THROUGHLINE_SMTP_URL names no user: mails leave only if that server takes them from this machine without a sign-in.
        Note THROUGHLINE_MAIL_FROM is of badexample.com, and the pages are at desk.example.com: fine if the SPF and DKIM records of badexample.com name the mail server; else mails end as spam.
        Warning THROUGHLINE_PUBLIC_URL names this machine, and mails leave it: their links lead nobody else anywhere. Set the address people use.
        Note THROUGHLINE_PUBLIC_URL only this machine can use it. Set the address people use before it goes into service.
        ");
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
