//! SMTP, spoken by lettre over rustls. The steps are taken one by one, so that it is known how far a mail came when
//! something went wrong: that decides whether it may be sent again. Connections that are still good are used again.

use std::fs;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::message::Mail;
use super::{Accepted, Post, Stage, Trouble};
use crate::clock::Stopwatch;
use crate::config::{Security, SmtpConfig};

/// From the first byte of a connection until we have signed in.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The whole of one mail, connecting included.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(30);
/// Servers close idle connections after a few minutes at the earliest (RFC 5321 asks for five).
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Connections kept for the next mail.
const IDLE_COUNT_MAX: usize = 2;

/// Sends over the network.
pub struct Smtp {
    config: SmtpConfig,
    /// How we introduce ourselves.
    own_name: ClientId,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Stopwatch,
}

impl Smtp {
    /// Nothing is connected yet. `public_url` names this host to the server.
    pub fn new(config: &SmtpConfig, public_url: &str) -> Self {
        let host = url::Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let own_name = match host.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
            Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
            Err(_) => ClientId::Domain(host),
        };
        Self { config: config.clone(), own_name, idle: Mutex::default() }
    }

    async fn deliver(&self, mail: &Mail) -> Result<Accepted, Trouble> {
        let mut connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let sent = converse(&mut connection, mail).await;
        if sent.is_ok() {
            self.keep(connection);
        }
        sent
    }

    /// A connection that idles and still answers.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let mut connection = idle.connection;
            let answers = timeout(Duration::from_secs(5), connection.test_connected());
            if idle.since.elapsed() < IDLE_MAX && answers.await.unwrap_or(false) {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_COUNT_MAX {
            idle.push(Idle { connection, since: Stopwatch::start() });
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let late = |_| Trouble {
            stage: Stage::Connect,
            answer: None,
            cause: format!("{} did not answer within {} s", self.config.shown(), CONNECT_TIMEOUT.as_secs()),
        };
        timeout(CONNECT_TIMEOUT, self.open()).await.map_err(late)?
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let config = &self.config;
        let at_connect = |cause: SmtpError| trouble(Stage::Connect, &cause);
        let implicit = if config.security == Security::Tls { Some(self.tls()?) } else { None };
        let server = (config.host.as_str(), config.port);
        let connected = AsyncSmtpConnection::connect_tokio1(server, Some(CONNECT_TIMEOUT), &self.own_name, implicit, None);
        let mut connection = connected.await.map_err(at_connect)?;
        if config.security == Security::StartTls {
            if !connection.can_starttls() {
                return Err(Trouble {
                    stage: Stage::Connect,
                    answer: None,
                    cause: "it offers no encryption (STARTTLS), and without it nothing is sent; use smtps:// if it wants TLS from the first byte".into(),
                });
            }
            connection.starttls(self.tls()?, &self.own_name).await.map_err(at_connect)?;
        }
        if let Some(login) = &config.login {
            let credentials = Credentials::new(login.user.clone(), login.password.expose_secret().to_owned());
            let signed_in = connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await;
            signed_in.map_err(|cause| trouble(Stage::SignIn, &cause))?;
        }
        Ok(connection)
    }

    fn tls(&self) -> Result<TlsParameters, Trouble> {
        let unusable = |cause: String| Trouble { stage: Stage::Connect, answer: None, cause };
        let mut parameters = TlsParameters::builder(self.config.host.clone());
        if let Some(path) = &self.config.ca_file {
            let read = fs::read(path).map_err(|cause| unusable(format!("the file of certificates cannot be read: {cause}")))?;
            let certificate = Certificate::from_pem(&read);
            let certificate = certificate.map_err(|_| unusable("the file of certificates (ca=…) holds no certificate in PEM".into()))?;
            parameters = parameters.add_root_certificate(certificate);
        }
        parameters.build().map_err(|cause| unusable(format!("TLS cannot be set up: {}", reason(&cause))))
    }
}

impl Post for Smtp {
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Accepted, Trouble>> {
        async move {
            let late = |_| Trouble {
                // Connecting has ended by then: what was said after it may have been the content.
                stage: Stage::Sent,
                answer: None,
                cause: format!("no whole answer within {} s", TOTAL_TIMEOUT.as_secs()),
            };
            timeout(TOTAL_TIMEOUT, self.deliver(mail)).await.map_err(late)?
        }
        .boxed()
    }
}

/// Who it is from, to whom, and the content.
async fn converse(connection: &mut AsyncSmtpConnection, mail: &Mail) -> Result<Accepted, Trouble> {
    let at = |stage: Stage| move |cause: SmtpError| trouble(stage, &cause);
    let mut parameters = Vec::new();
    if mail.envelope.to().iter().any(|address| !address.user().is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Trouble {
                stage: Stage::Recipient,
                answer: Some((553, "the server takes only addresses in ASCII (it lacks SMTPUTF8)".into())),
                cause: String::new(),
            });
        }
        parameters.extend([MailParameter::SmtpUtfEight, MailParameter::Body(MailBodyParameter::EightBitMime)]);
    }
    connection.command(MailFrom::new(mail.envelope.from().cloned(), parameters)).await.map_err(at(Stage::Sender))?;
    for recipient in mail.envelope.to() {
        connection.command(Rcpt::new(recipient.clone(), Vec::new())).await.map_err(at(Stage::Recipient))?;
    }
    connection.command(Data).await.map_err(at(Stage::Content))?;
    let answer = connection.message(&mail.bytes).await.map_err(at(Stage::Sent))?;
    let words = one_answer(&answer.message().collect::<Vec<_>>().join(" "));
    Ok(Accepted { answer: format!("{} {words}", answer.code()) })
}

fn trouble(stage: Stage, cause: &SmtpError) -> Trouble {
    match cause.status() {
        Some(code) => {
            let code = code.to_string().parse().unwrap_or_default();
            Trouble { stage, answer: Some((code, one_answer(&reason(cause)))), cause: String::new() }
        }
        None => Trouble { stage, answer: None, cause: reason(cause) },
    }
}

/// The innermost cause in words.
fn reason(cause: &SmtpError) -> String {
    let mut words = cause.to_string();
    let mut next = std::error::Error::source(cause);
    while let Some(inner) = next {
        words = inner.to_string();
        next = inner.source();
    }
    super::one_line(&words)
}

/// A server may say a page; a sentence of it is enough.
fn one_answer(words: &str) -> String {
    super::one_line(words).chars().take(300).collect()
}
