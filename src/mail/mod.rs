//! Outbound mail: what a mail says ([`Letter`]), the message that carries it ([`Mail`]), and the way to the server
//! ([`Mailer`]). No database and no retries in here: who is written to and what becomes of a failure is decided elsewhere.

mod letter;
mod message;
mod smtp;

pub use letter::{Action, Direction, Letter, Section};
pub use message::{Mail, MailParts, Party, Why, isolated, one_line};
pub use smtp::Smtp;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use email_address::{EmailAddress, Options};

use crate::config::Config;

/// The longest mail address (RFC 5321, erratum 1690).
pub const ADDRESS_MAX: usize = 254;

/// Whether a person's mail can be sent there: an address alone, with a domain of the public internet.
pub fn is_address(text: &str) -> bool {
    let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
    text.len() <= ADDRESS_MAX && EmailAddress::parse_with_options(text, options).is_ok()
}

/// The server took the mail; its answer, such as `250 2.0.0 Ok: queued as 4F2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub answer: String,
}

/// How far a mail came before something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No connection, no TLS, no greeting.
    Connect,
    SignIn,
    /// The server was told whom the mail is from.
    Sender,
    Recipient,
    /// The content was announced: no byte of it has left.
    Content,
    /// The content was sent: whether it was taken is in the answer alone.
    Sent,
}

/// Why a mail was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub stage: Stage,
    /// The server's answer: its code and its own words. None: there was none.
    pub answer: Option<(u16, String)>,
    /// What went wrong where there is no answer.
    pub cause: String,
}

/// Takes a mail to a server: SMTP in production, the sandbox in process in tests.
pub trait Post: Send + Sync + 'static {
    /// One mail, at most 30 s.
    fn send<'a>(&'a self, mail: &'a Mail) -> BoxFuture<'a, Result<Accepted, Trouble>>;
}

/// The way mails leave. Clones share their connections.
#[derive(Clone)]
pub struct Mailer(Option<Arc<dyn Post>>);

impl Mailer {
    /// By SMTP as the settings say; off where they name no server.
    pub fn of(config: &Config) -> Self {
        Self(config.mail.as_ref().map(|mail| Arc::new(Smtp::new(&mail.smtp, &config.public_url)) as Arc<dyn Post>))
    }

    /// By another way.
    pub fn by(post: Arc<dyn Post>) -> Self {
        Self(Some(post))
    }

    /// Sends one mail.
    pub async fn send(&self, mail: &Mail) -> Result<Accepted, Trouble> {
        match &self.0 {
            Some(post) => post.send(mail).await,
            None => Err(Trouble {
                stage: Stage::Connect,
                answer: None,
                cause: "this process has no mail server: THROUGHLINE_SMTP_URL is not set".into(),
            }),
        }
    }
}
