//! What a round of telling stands on: who sends, who is told besides the users, where answers go.

use chrono_tz::Tz;
use diesel::QueryResult;

use super::letters::Page;
use crate::clock::UtcTime;
use crate::config::Config;
use crate::db::Conn;
use crate::seller;

/// The seller, as mails need to know them.
#[derive(Clone, Debug)]
pub struct Sender {
    pub name: String,
    pub zone: Tz,
    /// The main language.
    pub language: String,
    /// Told at once of each lead, beside the users who asked for it.
    pub staff_addresses: Vec<String>,
    /// How people outside reach the seller: what an answer ends with.
    pub contact: Vec<String>,
    /// Whom an answer to an answer goes to.
    pub contact_address: Option<String>,
}

impl Sender {
    /// As the seller's settings say.
    pub fn read(conn: &mut Conn, config: &Config) -> QueryResult<Self> {
        let profile = seller::current(conn, config)?.profile;
        let language = profile.main_language().as_str().to_owned();
        let address = profile.postal_address.map(|lines| lines.lines().map(str::trim).collect::<Vec<_>>().join(", "));
        let contact = [profile.email.clone(), profile.phone.clone(), address, profile.privacy_url.clone()];
        Ok(Self {
            name: profile.name,
            zone: profile.zone,
            language,
            staff_addresses: profile.staff_emails,
            contact: contact.into_iter().flatten().collect(),
            contact_address: profile.email,
        })
    }
}

/// One round of telling.
pub(super) struct Desk<'a> {
    pub now: UtcTime,
    pub public_url: &'a str,
    pub sender: Sender,
    /// Of our own mails: nobody answers themselves.
    pub own_address: &'a str,
}

impl<'a> Desk<'a> {
    pub(super) fn open(conn: &mut Conn, now: UtcTime, config: &'a Config) -> QueryResult<Self> {
        Ok(Self {
            now,
            public_url: &config.public_url,
            sender: Sender::read(conn, config)?,
            own_address: config.mail.as_ref().map_or("", |mail| &mail.from.address),
        })
    }

    pub(super) fn page(&self) -> Page<'_> {
        Page { public_url: self.public_url, seller: &self.sender.name, zone: self.sender.zone, now: self.now }
    }
}
