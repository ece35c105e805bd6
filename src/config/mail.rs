//! Outbound mail: the server from one URL, the sender, and how many mails may leave in a minute and in an hour.

use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::load::Reader;

const URL_KEY: &str = "THROUGHLINE_SMTP_URL";
const FROM_KEY: &str = "THROUGHLINE_MAIL_FROM";
const URL_EXAMPLE: &str = "smtp://user:password@mail.example.com:587";

/// Everything about outbound mail. Without it no mail is sent, and none is queued.
#[derive(Clone, Debug)]
pub struct MailConfig {
    pub smtp: SmtpConfig,
    pub from: Sender,
    /// Mails in any minute, and in any hour.
    pub per_minute: i64,
    pub per_hour: i64,
    /// Only in `demo`: where the mails can be looked at.
    pub inbox_url: Option<String>,
}

/// How the mail server is reached.
#[derive(Clone, Debug)]
pub struct SmtpConfig {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<Login>,
    /// Certificates in PEM that are trusted beside those of the machine: a server of one's own.
    pub ca_file: Option<PathBuf>,
}

/// What protects the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte (`smtps://`).
    Tls,
    /// Begins in the clear and must be upgraded before anything else is said (`smtp://`).
    StartTls,
    /// None: on the loopback address only.
    Plain,
}

/// Who signs in at the mail server.
#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
}

/// Whom mails are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub name: Option<String>,
    pub address: String,
}

impl SmtpConfig {
    /// Whether the server runs on this machine: nothing on the network reads along.
    pub fn is_on_this_machine(&self) -> bool {
        is_loopback(&self.host)
    }

    /// As people and logs name it, without who signs in: `smtp://mail.example.com:587`.
    pub fn shown(&self) -> String {
        let scheme = if self.security == Security::Tls { "smtps" } else { "smtp" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{scheme}://{host}:{}", self.port)
    }
}

/// Reads it; None where no server is named.
pub(super) fn read(read: &mut Reader<'_>) -> Option<MailConfig> {
    let smtp = read.parsed(URL_KEY, None, URL_EXAMPLE, |text| smtp(text).map(Some));
    let from = read.parsed(FROM_KEY, None, "\"Example Desk <desk@example.com>\"", |text| sender(text).map(Some));
    let per_minute = read.parsed("THROUGHLINE_MAILS_PER_MINUTE", 30, "30", mails);
    let per_hour = read.parsed("THROUGHLINE_MAILS_PER_HOUR", 500, "500", mails);
    let (has_url, has_from) = (read.is_set(URL_KEY), read.is_set(FROM_KEY));
    if has_url && !has_from {
        read.mistake(format!(
            "{FROM_KEY} is not set, and {URL_KEY} is: mails need a sender; for example {FROM_KEY}=\"Example Desk <desk@example.com>\""
        ));
    }
    if has_from && !has_url {
        read.mistake(format!(
            "{URL_KEY} is not set, and {FROM_KEY} is: name the server that sends the mails; for example {URL_KEY}={URL_EXAMPLE}"
        ));
    }
    let inbox_url = read.parsed("THROUGHLINE_MAIL_INBOX_URL", None, "http://127.0.0.1:8091/inbox", |text| Ok(Some(text.to_owned())));
    Some(MailConfig { smtp: smtp?, from: from?, per_minute, per_hour, inbox_url })
}

/// The password must not turn up in what is wrong, so no value of the URL does.
fn smtp(text: &str) -> Result<SmtpConfig, String> {
    let url = Url::parse(text).map_err(|_| {
        "is not an address; a character such as / @ : # ? % in the password is written as %2F %40 %3A %23 %3F %25".to_owned()
    })?;
    let (default_port, implicit) = match url.scheme() {
        "smtp" => (587, false),
        "smtps" => (465, true),
        _ => return Err("begins with neither smtp:// (STARTTLS) nor smtps:// (TLS from the first byte)".into()),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err("has a / or # behind the server's name; in a password they are written as %2F and %23".into());
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no server")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let mut config = SmtpConfig {
        port: url.port().unwrap_or(default_port),
        security: if implicit { Security::Tls } else { Security::StartTls },
        login: login(&url)?,
        ca_file: None,
        host,
    };
    for (key, value) in url.query_pairs() {
        match (key.as_ref(), value.as_ref()) {
            ("tls", "none") if implicit => return Err("says smtps:// and tls=none, which exclude each other".into()),
            ("tls", "none") if is_loopback(&config.host) => config.security = Security::Plain,
            ("tls", "none") => return Err("says tls=none, which is allowed only for a server on the loopback address".into()),
            ("ca", path) if std::path::Path::new(path).is_file() => config.ca_file = Some(path.into()),
            ("ca", _) => return Err("names a file of certificates (ca=…) that is not there".into()),
            _ => return Err("has something behind ? that is neither tls=none nor ca=FILE".into()),
        }
    }
    Ok(config)
}

fn login(url: &Url) -> Result<Option<Login>, String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned);
    let broken = |_| "has a user or password whose %-codes are not UTF-8".to_owned();
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        ("", Some(_)) => Err("has a password and no user".into()),
        (_, None) => Err("has a user and no password".into()),
        (user, Some(password)) => {
            Ok(Some(Login { user: decoded(user).map_err(broken)?, password: decoded(password).map_err(broken)?.into() }))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn sender(text: &str) -> Result<Sender, String> {
    let problem = || "is not a mail address, with or without a name before it".to_owned();
    if text.chars().any(char::is_control) {
        return Err(problem());
    }
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"').trim(), address.trim()),
        None => ("", text.trim()),
    };
    if !email_address::EmailAddress::is_valid(address) || !address.is_ascii() {
        return Err(problem());
    }
    Ok(Sender { name: (!name.is_empty()).then(|| name.to_owned()), address: address.to_owned() })
}

fn mails(text: &str) -> Result<i64, String> {
    text.parse().ok().filter(|number| (1..=1_000_000).contains(number)).ok_or_else(|| "is not a number of mails, 1 to 1000000".into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use crate::config::{Config, Sources};

    use super::*;

    fn load(url: &str, from: &str) -> Result<Option<MailConfig>, String> {
        let sources = Sources::given([(URL_KEY, url), (FROM_KEY, from)]);
        Config::load(&sources).map(|config| config.mail).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn one_url_says_how_the_server_is_reached() {
        let mail = load("smtp://desk%40example.com:p%2Fss%23@mail.example.com", "Example Desk <desk@example.com>");
        let mail = mail.expect("it is right").expect("mail is on");
        let login = mail.smtp.login.as_ref().expect("a login");
        assert_eq!((login.user.as_str(), login.password.expose_secret()), ("desk@example.com", "p/ss#"));
        assert_eq!((mail.smtp.port, mail.smtp.security), (587, Security::StartTls));
        assert_eq!(mail.from, Sender { name: Some("Example Desk".into()), address: "desk@example.com".into() });
        assert_eq!(mail.smtp.shown(), "smtp://mail.example.com:587");
        assert!(!format!("{mail:?}").contains("p/ss"), "a password is never printed");

        let tls = load("smtps://mail.example.com", "desk@example.com").expect("it is right").expect("mail is on");
        assert_eq!((tls.smtp.port, tls.smtp.security, tls.from.name), (465, Security::Tls, None));
        let plain = load("smtp://127.0.0.1:1025?tls=none", "desk@example.com").expect("it is right").expect("mail is on");
        assert_eq!((plain.smtp.port, plain.smtp.security), (1025, Security::Plain));
        assert!(Config::load(&Sources::default()).expect("the defaults work").mail.is_none());
    }

    #[test]
    fn each_mistake_says_what_is_wrong_and_never_the_password() {
        for (url, words) in [
            ("mail.example.com", "is not an address"),
            ("http://mail.example.com", "neither smtp://"),
            ("smtp://user:hunter2/x@mail.example.com", "is not an address"),
            ("smtp://user:hunter2@mail.example.com/#x", "behind the server's name"),
            ("smtp://user@mail.example.com", "a user and no password"),
            ("smtp://mail.example.com?tls=none", "only for a server on the loopback"),
            ("smtps://127.0.0.1?tls=none", "exclude each other"),
            ("smtp://mail.example.com?ca=/nowhere.pem", "that is not there"),
            ("smtp://mail.example.com?pool=3", "neither tls=none nor ca=FILE"),
        ] {
            let told = load(url, "desk@example.com").expect_err(url);
            assert!(told.contains(words) && told.contains(URL_KEY) && told.contains(URL_EXAMPLE), "{url}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        for from in ["desk", "Desk desk@example.com", "a@example.com\r\nBcc: b@example.com", "Desk <>"] {
            assert!(load("smtp://mail.example.com", from).expect_err(from).contains("THROUGHLINE_MAIL_FROM is not a mail address"));
        }
        assert!(load("smtp://mail.example.com", "").expect_err("no sender").contains("THROUGHLINE_MAIL_FROM is not set"));
        assert!(load("", "desk@example.com").expect_err("no server").contains("THROUGHLINE_SMTP_URL is not set"));
    }
}
