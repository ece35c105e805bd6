//! Reads the configuration: the environment first, then `Rocket.toml`. All mistakes are reported at once, each with the
//! key's name, what is wrong and an example; values of secrets are never printed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use figment::Figment;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Value};
use ipnet::IpNet;
use secrecy::SecretString;

use super::{Config, IntakeLimit, Retention, Roles, mail, stripe, zoho};

/// Names that the earlier systems used.
const ALIASES: [(&str, &str); 2] = [("THROUGHLINE_CRON_SECRET", "CRON_SECRET"), ("ZOHO_API_URL", "ZOHO_API_DOMAIN")];

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    env: BTreeMap<String, String>,
    file: Dict,
    /// Every key that was asked for so far, with its value.
    pub(super) asked: RefCell<BTreeMap<String, Option<String>>>,
}

/// Everything that is wrong with the configuration.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<String>);

impl Mistakes {
    /// One by one; each begins with the key it is about.
    pub fn list(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has {} mistake(s):", self.0.len())?;
        self.0.iter().try_for_each(|mistake| writeln!(f, "  - {mistake}"))
    }
}

impl std::error::Error for Mistakes {}

impl Sources {
    /// The process's environment and `Rocket.toml` in the working directory or at `ROCKET_CONFIG`.
    pub fn of_process() -> Result<Self, Mistakes> {
        let env: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?))).collect();
        let file = match env.get("ROCKET_CONFIG").filter(|path| !path.is_empty()) {
            Some(path) if !Path::new(path).exists() => {
                return Err(Mistakes(vec![format!("ROCKET_CONFIG names {path}, which is not there; correct it, or leave it out")]));
            }
            Some(path) => read_file(path)?,
            None => read_file("Rocket.toml")?,
        };
        Ok(Self { env, file, asked: RefCell::default() })
    }

    /// Given values only: for tests and for `demo`.
    pub fn given<'a>(env: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self { env: env.into_iter().map(|(key, value)| (key.into(), value.into())).collect(), ..Self::default() }
    }

    /// Sets a value as if it stood in the environment.
    pub fn set(&mut self, key: &str, value: &str) {
        self.env.insert(key.into(), value.into());
    }

    /// The value of a key: its own name, then the name it had earlier, then the file. Empty counts as not set.
    fn text(&self, key: &str) -> Option<String> {
        let alias = ALIASES.iter().find(|(name, _)| *name == key).and_then(|(_, alias)| self.env.get(*alias));
        let from_file = || {
            let (table, name) = match key.split_once('_') {
                Some(("ROCKET", name)) => (Some(&self.file), name),
                Some(("THROUGHLINE", name)) => (table(&self.file, "throughline"), name),
                Some(("ZOHO", name)) => (table(&self.file, "zoho"), name),
                Some(("STRIPE", name)) => (table(&self.file, "stripe"), name),
                _ => (table(&self.file, "throughline"), key),
            };
            table?.get(&name.to_lowercase()).and_then(as_text)
        };
        let value = self.env.get(key).or(alias).cloned().or_else(from_file).filter(|value| !value.trim().is_empty());
        self.asked.borrow_mut().insert(key.to_owned(), value.clone());
        value
    }
}

/// The table `[default]` of the file; empty where there is no such file.
fn read_file(path: &str) -> Result<Dict, Mistakes> {
    Figment::from(Toml::file(path).nested()).select("default").extract::<Dict>().map_err(|cause| {
        Mistakes(vec![format!("{path} cannot be read: {cause}. Correct the line named, or move the file away to run on defaults")])
    })
}

pub(super) fn table<'a>(dict: &'a Dict, name: &str) -> Option<&'a Dict> {
    dict.get(name).and_then(Value::as_dict)
}

fn as_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.to_i128().map(|n| n.to_string())).or_else(|| value.to_bool().map(|b| b.to_string()))
}

/// Reads typed values and collects what is wrong.
pub(super) struct Reader<'a> {
    sources: &'a Sources,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    /// Whether a key has a value, right or wrong.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.sources.text(key).is_some()
    }

    /// Reports what is wrong with several keys together.
    pub(super) fn mistake(&mut self, told: String) {
        self.mistakes.push(told);
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.sources.text(key)
    }

    /// What `Rocket.toml` says.
    pub(super) fn file(&self) -> &Dict {
        &self.sources.file
    }

    pub(super) fn parsed<T>(&mut self, key: &str, default: T, example: &str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let Some(text) = self.sources.text(key) else { return default };
        match parse(text.trim()) {
            Ok(value) => value,
            Err(problem) => {
                self.mistakes.push(format!("{key} {problem}; for example {key}={example}"));
                default
            }
        }
    }

    pub(super) fn secret(&mut self, key: &str, at_least: usize) -> Option<SecretString> {
        let text = self.sources.text(key)?;
        if text.len() < at_least {
            self.mistakes
                .push(format!("{key} is too short to be a secret (at least {at_least} characters); make one with `openssl rand -hex 24`"));
        }
        Some(text.into())
    }
}

impl Config {
    /// Parses everything; reports every mistake at once.
    pub fn load(sources: &Sources) -> Result<Self, Mistakes> {
        let mut read = Reader { sources, mistakes: Vec::new() };
        let address = read.parsed("ROCKET_ADDRESS", IpAddr::V4(Ipv4Addr::LOCALHOST), "127.0.0.1", from_str("is not an IP address"));
        let port = read.parsed("ROCKET_PORT", 8000, "8000", from_str("is not a port number"));
        let config = Self {
            database_url: read.parsed("DATABASE_URL", "sqlite:data/throughline.db".into(), "sqlite:data/throughline.db", database_url),
            address,
            port,
            public_url: public_url(&mut read, address, port),
            encryption_key: encryption_key(&mut read),
            cron_secret: read.secret("THROUGHLINE_CRON_SECRET", 8),
            health_token: read.secret("THROUGHLINE_HEALTH_TOKEN", 8),
            intake_limit: read.parsed("THROUGHLINE_INTAKE_LIMIT", IntakeLimit::PerMinute(60), "60/minute", intake_limit),
            intake_key: read.secret("THROUGHLINE_INTAKE_KEY", 16),
            trusted_proxies: read.parsed("THROUGHLINE_TRUSTED_PROXIES", Vec::new(), "10.0.0.0/8,::1/128", networks),
            sites: read.parsed("THROUGHLINE_SITES", Vec::new(), "https://www.example.com,https://shop.example.com", origins),
            roles: read.parsed("THROUGHLINE_ROLES", Roles::ALL, "web,worker,scheduler", |text| {
                Roles::parse(text).ok_or_else(|| "names an unknown role".into())
            }),
            zone: read.parsed("THROUGHLINE_ZONE", chrono_tz::UTC, "Asia/Dubai", from_str("is not a time zone of the tz database")),
            phone_region: read.parsed("THROUGHLINE_PHONE_REGION", None, "AE", region),
            daily_sweep: read.parsed("THROUGHLINE_DAILY_SWEEP", "0 9 * * *".into(), "\"0 9 * * *\"", cron),
            zoho: zoho::read(&mut read),
            stripe: stripe::read(&mut read),
            mail: mail::read(&mut read),
            retention: Retention {
                done_jobs_days: read.parsed("THROUGHLINE_KEEP_DONE_JOBS_DAYS", 90, "90", days),
                failed_jobs_days: read.parsed("THROUGHLINE_KEEP_FAILED_JOBS_DAYS", 365, "365", days),
                quarantined_days: read.parsed("THROUGHLINE_KEEP_QUARANTINED_DAYS", 30, "30", days),
                spam_days: read.parsed("THROUGHLINE_KEEP_SPAM_DAYS", 7, "7", days),
                receipts_days: read.parsed("THROUGHLINE_KEEP_RECEIPTS_DAYS", 400, "400", receipts_days),
            },
            sample_secret: read.secret("THROUGHLINE_SAMPLE_SECRET", 8),
        };
        if read.mistakes.is_empty() { Ok(config) } else { Err(Mistakes(read.mistakes)) }
    }
}

fn public_url(read: &mut Reader<'_>, address: IpAddr, port: u16) -> String {
    const KEY: &str = "THROUGHLINE_PUBLIC_URL";
    if read.sources.text(KEY).is_none() && !address.is_loopback() {
        read.mistakes.push(format!(
            "{KEY} is not set, and ROCKET_ADDRESS is {address}: links, cookies and sign-ins need the address people use; for example {KEY}=https://desk.example.com"
        ));
    }
    let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
    read.parsed(KEY, format!("http://{host}:{port}"), "https://desk.example.com", root_url)
}

fn encryption_key(read: &mut Reader<'_>) -> Option<SecretString> {
    let text = read.sources.text("THROUGHLINE_ENCRYPTION_KEY")?;
    if STANDARD.decode(text.trim()).map(|key| key.len()) != Ok(32) {
        read.mistakes.push("THROUGHLINE_ENCRYPTION_KEY is not base64 of 32 bytes; make one with `openssl rand -base64 32`".into());
    }
    Some(text.trim().into())
}

fn from_str<T: FromStr>(problem: &'static str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.parse().map_err(|_| problem.into())
}

fn database_url(text: &str) -> Result<String, String> {
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if known { Ok(text.into()) } else { Err("names neither SQLite nor PostgreSQL".into()) }
}

pub(super) fn http_url(text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|_| "is not a web address".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("is not a web address with http or https".into());
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("has parts that do not belong there (query, fragment or user)".into());
    }
    Ok(text.trim_end_matches('/').into())
}

/// Pages link to `/leads` and the like, so they cannot stand below another path.
fn root_url(text: &str) -> Result<String, String> {
    let url = http_url(text)?;
    let has_path = url::Url::parse(&url).is_ok_and(|url| url.path() != "/");
    if has_path { Err("has a path: give Throughline a host name of its own".into()) } else { Ok(url) }
}

fn intake_limit(text: &str) -> Result<IntakeLimit, String> {
    if text == "off" {
        return Ok(IntakeLimit::Off);
    }
    let number = text.strip_suffix("/minute").and_then(|number| number.trim().parse().ok()).filter(|number| *number > 0);
    number.map(IntakeLimit::PerMinute).ok_or_else(|| "is neither `off` nor a number a minute".into())
}

fn days(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|days| (1..=36_500).contains(days)).ok_or_else(|| "is not a number of days, 1 to 36500".into())
}

fn networks(text: &str) -> Result<Vec<IpNet>, String> {
    let parse = |part: &str| part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
    text.split(',').map(|part| parse(part.trim()).map_err(|_| format!("holds `{}`, which is not a network", part.trim()))).collect()
}

/// Sites as browsers write them in `Origin`. Patterns are not taken: each one is named.
fn origins(text: &str) -> Result<Vec<String>, String> {
    let origin = |part: &str| {
        let url = root_url(part).ok().and_then(|url| url::Url::parse(&url).ok())?;
        (!part.contains('*')).then(|| url.origin().ascii_serialization())
    };
    text.split(',')
        .map(|part| origin(part.trim()).ok_or_else(|| format!("holds `{}`, which is not the address of a site", part.trim())))
        .collect()
}

fn region(text: &str) -> Result<Option<String>, String> {
    let code = text.to_uppercase();
    if phonenumber::country::Id::from_str(&code).is_ok() { Ok(Some(code)) } else { Err("is not a country code of two letters".into()) }
}

/// Stripe sends an event again for three days and keeps it for thirty: a receipt that was removed sooner would be taken for new.
fn receipts_days(text: &str) -> Result<u32, String> {
    days(text).and_then(|days| if days >= 90 { Ok(days) } else { Err("is less than the 90 days for which events are kept whole".into()) })
}

fn cron(text: &str) -> Result<String, String> {
    text.parse::<croner::Cron>().map(|_| text.to_owned()).map_err(|_| "is not a cron expression of five fields".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_a_working_configuration_on_sqlite() {
        let config = Config::load(&Sources::default()).expect("the defaults work");
        assert_eq!(config.database_url, "sqlite:data/throughline.db");
        assert_eq!(config.public_url, "http://127.0.0.1:8000");
        assert_eq!(config.intake_limit, IntakeLimit::PerMinute(60));
        assert!(config.cron_secret.is_none());
    }

    #[test]
    fn every_mistake_is_named_with_its_key_and_an_example() {
        let sources = Sources::given([
            ("DATABASE_URL", "mysql://x"),
            ("ROCKET_ADDRESS", "0.0.0.0"),
            ("ROCKET_PORT", "99999"),
            ("THROUGHLINE_ENCRYPTION_KEY", "short"),
            ("THROUGHLINE_INTAKE_LIMIT", "many"),
            ("THROUGHLINE_TRUSTED_PROXIES", "10.0.0.0/8, nonsense"),
            ("THROUGHLINE_ZONE", "Mars/Olympus"),
            ("ZOHO_API_URL", "zoho"),
        ]);
        let text = Config::load(&sources).expect_err("nothing here is right").to_string();
        for key in [
            "DATABASE_URL",
            "ROCKET_PORT",
            "THROUGHLINE_PUBLIC_URL",
            "THROUGHLINE_ENCRYPTION_KEY",
            "THROUGHLINE_INTAKE_LIMIT",
            "THROUGHLINE_TRUSTED_PROXIES",
            "THROUGHLINE_ZONE",
            "ZOHO_API_URL",
        ] {
            assert!(text.contains(key), "{key} is not named in:\n{text}");
        }
        assert!(!text.contains("short;"), "a secret's value is never printed");
    }

    #[test]
    fn the_public_address_is_the_root_of_a_host() {
        let load = |url| Config::load(&Sources::given([("THROUGHLINE_PUBLIC_URL", url)]));
        assert_eq!(load("https://desk.example.com/").expect("a slash is no path").public_url, "https://desk.example.com");
        assert!(load("https://example.com/desk").expect_err("a path").to_string().contains("THROUGHLINE_PUBLIC_URL has a path"));
    }

    #[test]
    fn sites_are_origins_without_paths_or_patterns() {
        let load = |sites| Config::load(&Sources::given([("THROUGHLINE_SITES", sites)]));
        let sites = load("https://www.Example.com/, http://127.0.0.1:8080").expect("two sites").sites;
        assert_eq!(sites, ["https://www.example.com", "http://127.0.0.1:8080"]);
        for wrong in
            ["*", "https://*.example.com", "www.example.com", "https://example.com/shop", "https://a.example; script-src *", "null"]
        {
            assert!(load(wrong).expect_err(wrong).to_string().contains("THROUGHLINE_SITES"), "{wrong}");
        }
    }

    #[test]
    fn names_of_the_earlier_systems_are_understood() {
        let sources = Sources::given([("CRON_SECRET", "a-long-enough-secret"), ("ZOHO_API_DOMAIN", "https://www.zohoapis.eu/")]);
        let config = Config::load(&sources).expect("aliases are keys");
        assert!(config.cron_secret.is_some());
        assert_eq!(config.zoho.api_url.as_deref(), Some("https://www.zohoapis.eu"));
    }

    #[test]
    fn the_example_file_changes_nothing() {
        let file = read_file(concat!(env!("CARGO_MANIFEST_DIR"), "/Rocket.toml")).expect("it can be read");
        assert!(file.contains_key("port"), "it is there");
        let with = Config::load(&Sources { file, ..Sources::default() }).expect("the example is right");
        let without = Config::load(&Sources::default()).expect("the defaults work");
        assert_eq!(format!("{with:?}"), format!("{without:?}"));
    }
}
