//! All that the sandbox remembers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::TimeDelta;

use super::Options;
use super::answer::SandboxRequest;
use super::faults::Faults;
use super::leads::Leads;
use super::limits::Credits;
use super::mail::MailSink;
use crate::clock::UtcTime;
use crate::random;

/// The refresh token that is accepted at first.
const FIRST_REFRESH_TOKEN: &str = "sandbox";
/// An access token lives for an hour.
pub(super) const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// Zoho's CRM page: so many tokens of one grant are valid at a time, the oldest is dropped without a word.
const TOKENS_MAX: usize = 15;
/// Zoho gives so many access tokens per grant …
const REFRESHES_MAX: usize = 10;
/// … in so long.
const REFRESH_WINDOW: TimeDelta = TimeDelta::minutes(10);

/// The state behind a sandbox.
pub(super) struct World {
    pub options: Options,
    /// How far `/__clock` has moved the sandbox's clock ahead of the mount's.
    pub clock_offset: TimeDelta,
    pub tokens: Tokens,
    pub leads: Leads,
    pub notes: Vec<Note>,
    pub credits: Credits,
    pub faults: Faults,
    pub mails: MailSink,
    /// None: nobody can reach the mail server over a network.
    pub smtp_port: Option<u16>,
    /// Calls by `METHOD /path`.
    pub calls: BTreeMap<String, u64>,
    /// The most calls that were under way at once.
    pub in_flight_max: usize,
}

/// A note on a lead.
pub(super) struct Note {
    pub id: String,
    pub parent_id: String,
    pub title: String,
    pub content: String,
    pub created_at: UtcTime,
}

impl World {
    pub(super) fn new(options: Options) -> Self {
        let leads = Leads::new(options.external_field.clone());
        Self {
            options,
            clock_offset: TimeDelta::zero(),
            tokens: Tokens::default(),
            leads,
            notes: Vec::new(),
            credits: Credits::default(),
            faults: Faults::default(),
            mails: MailSink::default(),
            smtp_port: None,
            calls: BTreeMap::new(),
            in_flight_max: 0,
        }
    }

    pub(super) fn count(&mut self, request: &SandboxRequest) {
        *self.calls.entry(request.call()).or_default() += 1;
        self.in_flight_max = self.in_flight_max.max(request.in_flight);
    }
}

/// Grants and the access tokens they gave.
#[derive(Default)]
pub(super) struct Tokens {
    /// How often the grant was revoked; each time another refresh token takes its place.
    revocations: u32,
    /// Access token -> when it ends.
    live: HashMap<String, UtcTime>,
    order: VecDeque<String>,
    refreshes: VecDeque<UtcTime>,
}

/// What came of asking for an access token.
pub(super) enum Issued {
    Token(String),
    UnknownGrant,
    Throttled,
}

impl Tokens {
    /// The refresh token that is accepted now.
    pub(super) fn grant(&self) -> String {
        match self.revocations {
            0 => FIRST_REFRESH_TOKEN.to_owned(),
            n => format!("{FIRST_REFRESH_TOKEN}-{}", n + 1),
        }
    }

    /// Gives out an access token.
    pub(super) fn issue(&mut self, refresh_token: &str, now: UtcTime) -> Issued {
        if refresh_token != self.grant() {
            return Issued::UnknownGrant;
        }
        while self.refreshes.front().is_some_and(|at| *at + REFRESH_WINDOW <= now) {
            self.refreshes.pop_front();
        }
        if self.refreshes.len() >= REFRESHES_MAX {
            return Issued::Throttled;
        }
        self.refreshes.push_back(now);
        let token = format!("1000.{}.{}", random::token(), random::token());
        self.live.insert(token.clone(), now + TOKEN_LIFETIME);
        self.order.push_back(token.clone());
        if self.order.len() > TOKENS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.live.remove(&oldest);
        }
        Issued::Token(token)
    }

    /// Whether an access token is valid now.
    pub(super) fn is_live(&self, token: &str, now: UtcTime) -> bool {
        self.live.get(token).is_some_and(|ends_at| *ends_at > now)
    }

    /// Ends every access token.
    pub(super) fn revoke_access(&mut self) {
        self.live.clear();
        self.order.clear();
    }

    /// Ends the grant and answers its successor.
    pub(super) fn revoke_grant(&mut self) -> String {
        self.revoke_access();
        self.refreshes.clear();
        self.revocations += 1;
        self.grant()
    }
}
