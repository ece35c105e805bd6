//! The configuration: `Rocket.toml` and the environment, parsed once into types.

mod load;
mod mail;
mod setting;
mod stripe;
mod zoho;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use secrecy::SecretString;

pub use load::{Mistakes, Sources};
pub use mail::{Login, MailConfig, Security, Sender, SmtpConfig};
pub use setting::Setting;
pub use stripe::{StripeConfig, StripeMode};
pub use zoho::LEAD_FIELDS;

/// Everything that can be set. docs/configuration.md says what each key does.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`.
    pub database_url: String,
    /// Where we listen.
    pub address: IpAddr,
    pub port: u16,
    /// Where people and providers reach us, without a trailing slash: `https://desk.example.com`.
    pub public_url: String,
    pub encryption_key: Option<SecretString>,
    pub cron_secret: Option<SecretString>,
    pub health_token: Option<SecretString>,
    pub intake_limit: IntakeLimit,
    /// Programs that send it are the seller's own: their leads are not judged.
    pub intake_key: Option<SecretString>,
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of the seller's own web sites, as browsers write them: `https://www.example.com`.
    pub sites: Vec<String>,
    pub roles: Roles,
    /// The seller's zone until they have saved one (`seller::current`): the daily sweep and the times on the pages.
    pub zone: chrono_tz::Tz,
    /// ISO 3166 alpha-2: how a phone number without a country code is read.
    pub phone_region: Option<String>,
    pub zoho: ZohoConfig,
    pub stripe: StripeConfig,
    /// None: no mail is sent.
    pub mail: Option<MailConfig>,
    /// CRON expression with five fields for the daily sweep, read in `zone`.
    pub daily_sweep: String,
    pub retention: Retention,
    /// Only in `demo`: sample leads that carry this secret have an allowance of their own.
    pub sample_secret: Option<SecretString>,
}

/// How long finished jobs and held submissions are kept. (Personal values have their times in `db::personal_data`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Done or cancelled.
    pub done_jobs_days: u32,
    pub failed_jobs_days: u32,
    /// Suspicious submissions that nobody has looked at.
    pub quarantined_days: u32,
    /// Submissions marked as spam, from then on.
    pub spam_days: u32,
    /// What providers told us, without its content.
    pub receipts_days: u32,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    pub web: bool,
    pub worker: bool,
    pub scheduler: bool,
}

/// How many submissions one network may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntakeLimit {
    Off,
    PerMinute(u32),
}

/// Zoho's part.
#[derive(Clone, Debug)]
pub struct ZohoConfig {
    pub client_id: Option<String>,
    pub client_secret: Option<SecretString>,
    /// Default `https://accounts.zoho.com`; an override allows its host.
    pub accounts_url: String,
    /// Set: the only host that may answer API calls. None: the `api_domain` of the token answer, from the list.
    pub api_url: Option<String>,
    /// The callback address that an earlier system had. Ours follows from the public address; only `config check` compares them.
    pub redirect_uri: Option<String>,
    /// The CRM's unique field that holds our id.
    pub external_field: String,
    /// Credits the CRM's edition gives in any 24 hours.
    pub credits_per_day: i64,
    /// Calls the CRM's edition takes at once.
    pub calls_at_once: i64,
    /// CRM field -> lead field.
    pub field_mapping: BTreeMap<String, String>,
}

impl Roles {
    /// Everything in one process.
    pub const ALL: Self = Self { web: true, worker: true, scheduler: true };

    /// As it stands in `processes`: `web,worker,scheduler`.
    pub fn as_text(self) -> String {
        let named = [(self.web, "web"), (self.worker, "worker"), (self.scheduler, "scheduler")];
        named.iter().filter(|(is_on, _)| *is_on).map(|(_, name)| *name).collect::<Vec<_>>().join(",")
    }

    /// Reads `web,worker`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut roles = Self { web: false, worker: false, scheduler: false };
        for name in text.split(',').map(str::trim) {
            match name {
                "web" => roles.web = true,
                "worker" => roles.worker = true,
                "scheduler" => roles.scheduler = true,
                "all" => roles = Self::ALL,
                _ => return None,
            }
        }
        Some(roles)
    }
}
