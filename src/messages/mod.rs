//! Mails to people: written down in the transaction of what causes them, sent by a job over the connection `mail`, tested by
//! hand. Knows how a mail leaves and what a lost answer means; what a mail says is its feature's business.

pub mod model;
pub mod queries;
mod send_job;
mod test_mail;

pub use model::{MailId, NewMail, Purpose};
pub use queries::post;
pub use test_mail::{Tested, letter as test_letter, send_test};

use diesel::QueryResult;

use crate::app::App;
use crate::config::Config;
use crate::connections;
use crate::db::Conn;
use crate::error::Result;
use crate::integrations::smtp::PROVIDER;
use crate::outbox::RegistryBuilder;
use crate::outbox::limits::{Limits, Window};

/// Mails under way at once: more would look like a flood to the server.
const AT_ONCE: i64 = 4;

/// The kinds of jobs.
pub fn jobs(kinds: &mut RegistryBuilder) {
    kinds.add::<send_job::SendMail>().add::<send_job::SendReply>();
}

/// How many mails may leave, as the settings say.
pub fn limits(registry: &mut RegistryBuilder, config: &Config) {
    if let Some(limits) = allowed(config) {
        registry.limit(PROVIDER, limits);
    }
}

/// What the settings allow; None where no mail is sent.
pub fn allowed(config: &Config) -> Option<Limits> {
    let mail = config.mail.as_ref()?;
    let windows = vec![Window { seconds: 60, calls: mail.per_minute }, Window { seconds: 3_600, calls: mail.per_hour }];
    Some(Limits { at_once: AT_ONCE, windows })
}

/// Whether mails are sent here at all, whichever process asks.
pub fn are_sent(conn: &mut Conn) -> QueryResult<bool> {
    connections::is_configured(conn, PROVIDER)
}

/// Why mails wait for a person; None: they do not.
pub fn trouble(conn: &mut Conn) -> QueryResult<Option<String>> {
    connections::refusal(conn, PROVIDER)
}

/// At start: the connection `mail` is as the settings of this process say. A server that refused us before is tried again.
pub async fn announce(app: &App) -> Result<()> {
    let server = app.config.mail.as_ref().map(|mail| mail.smtp.shown());
    connections::keep_configured(app, PROVIDER, server.as_deref(), "THROUGHLINE_SMTP_URL is not set").await
}
