//! All that the sandbox remembers.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::Options;
use super::answer::SandboxRequest;
use super::books::Books;
use super::faults::Faults;
use super::leads::Leads;
use super::limits::Credits;
use super::mail::MailSink;
use super::stripe::Stripe;
use super::tokens::Tokens;
use crate::clock::UtcTime;

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
    pub books: Books,
    pub mails: MailSink,
    pub stripe: Stripe,
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
            books: Books::default(),
            mails: MailSink::default(),
            stripe: Stripe::default(),
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
