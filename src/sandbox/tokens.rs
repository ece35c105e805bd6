//! Grants, the codes they begin with, and the access tokens they give.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::TimeDelta;

use crate::clock::UtcTime;
use crate::random;

/// The refresh token that is accepted at first, without anybody's consent: a self client's.
const FIRST_REFRESH_TOKEN: &str = "sandbox";
/// An access token lives for an hour.
pub(super) const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// A code lives for two minutes at Zoho; here it is one, so that nobody relies on more.
const CODE_LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// Zoho's CRM page: so many tokens are valid at a time, the oldest is dropped without a word.
const TOKENS_MAX: usize = 15;
/// Zoho gives so many access tokens per grant …
const REFRESHES_MAX: usize = 10;
/// … in so long.
const REFRESH_WINDOW: TimeDelta = TimeDelta::minutes(10);
/// What the self client's grant allows.
const SELF_CLIENT_SCOPES: &str = "ZohoCRM.modules.ALL ZohoCRM.settings.fields.READ ZohoCRM.coql.READ ZohoCRM.org.READ \
     ZohoBooks.settings.READ ZohoBooks.contacts.ALL ZohoBooks.invoices.ALL ZohoBooks.customerpayments.ALL ZohoBooks.creditnotes.ALL";

/// An organisation of the sandbox. They share their records: only their names and ids differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Organisation {
    pub id: &'static str,
    pub name: &'static str,
}

/// Those that a person may sign in to; the self client's grant is for the first.
pub(super) const ORGANISATIONS: [Organisation; 2] =
    [Organisation { id: "5725767000000020001", name: "Sample Seller" }, Organisation { id: "5725767000000020002", name: "Another Seller" }];

/// What somebody agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub organisation: Organisation,
    /// By spaces.
    pub scopes: String,
}

impl Grant {
    fn of_self_client(scopes: Option<&String>) -> Self {
        Self { organisation: ORGANISATIONS[0], scopes: scopes.map_or(SELF_CLIENT_SCOPES, String::as_str).into() }
    }

    /// Whether it allows what a call needs: `ZohoCRM.modules.leads`, `ZohoCRM.org`, …
    pub(super) fn allows(&self, needed: &str) -> bool {
        self.scopes.split(' ').any(|scope| scope.strip_prefix(needed).is_some_and(|rest| rest.starts_with('.')) || is_over(scope, needed))
    }
}

/// `ZohoCRM.modules.ALL` is over `ZohoCRM.modules.leads`.
fn is_over(scope: &str, needed: &str) -> bool {
    scope.strip_suffix(".ALL").is_some_and(|whole| needed.strip_prefix(whole).is_some_and(|rest| rest.starts_with('.')))
}

/// A code on its way through somebody's browser.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub grant: Grant,
    pub client_id: String,
    pub redirect_uri: String,
    /// Asked for with offline access: it is worth a refresh token.
    pub is_lasting: bool,
    pub given_at: UtcTime,
}

/// An access token.
struct Access {
    ends_at: UtcTime,
    grant: Grant,
    /// The refresh token it came from; empty where there is none.
    from: String,
}

/// Everything that was given out.
#[derive(Default)]
pub(super) struct Tokens {
    /// How often the self client's grant was revoked; each time another refresh token takes its place.
    revocations: u32,
    /// What it allows; None: all that is needed.
    self_client_scopes: Option<String>,
    /// Refresh token -> what a person agreed to.
    consented: BTreeMap<String, Grant>,
    codes: HashMap<String, Code>,
    live: HashMap<String, Access>,
    order: VecDeque<String>,
    /// Refresh token -> when it gave access tokens.
    refreshes: HashMap<String, VecDeque<UtcTime>>,
}

/// What came of asking for an access token.
pub(super) enum Issued {
    Token(String, Grant),
    UnknownGrant,
    Throttled,
}

impl Tokens {
    /// The self client's refresh token that is accepted now.
    pub(super) fn grant(&self) -> String {
        match self.revocations {
            0 => FIRST_REFRESH_TOKEN.to_owned(),
            n => format!("{FIRST_REFRESH_TOKEN}-{}", n + 1),
        }
    }

    /// The self client's next tokens allow only this, by spaces.
    pub(super) fn narrow_self_client(&mut self, scopes: &str) {
        self.self_client_scopes = Some(scopes.to_owned());
        self.revoke_access();
    }

    /// Gives out a code, once somebody has agreed.
    pub(super) fn give_code(&mut self, code: Code) -> String {
        let text = random_token();
        self.codes.insert(text.clone(), code);
        text
    }

    /// Takes a code, whoever brings it: it works once, and not for long. None: there is no such code any more.
    pub(super) fn take_code(&mut self, text: &str, now: UtcTime) -> Option<Code> {
        self.codes.remove(text).filter(|code| code.given_at + CODE_LIFETIME > now)
    }

    /// Gives out an access token for what was agreed to, and a refresh token where it is to last.
    pub(super) fn exchange(&mut self, code: Code, now: UtcTime) -> (String, Option<String>) {
        let refresh_token = code.is_lasting.then(random_token);
        if let Some(token) = &refresh_token {
            self.consented.insert(token.clone(), code.grant.clone());
        }
        let from = refresh_token.clone().unwrap_or_default();
        (self.give_access(code.grant, from, now), refresh_token)
    }

    /// Gives out an access token for a refresh token.
    pub(super) fn issue(&mut self, refresh_token: &str, now: UtcTime) -> Issued {
        let consented = self.consented.get(refresh_token).cloned();
        let Some(grant) =
            consented.or_else(|| (refresh_token == self.grant()).then(|| Grant::of_self_client(self.self_client_scopes.as_ref())))
        else {
            return Issued::UnknownGrant;
        };
        let refreshes = self.refreshes.entry(refresh_token.to_owned()).or_default();
        while refreshes.front().is_some_and(|at| *at + REFRESH_WINDOW <= now) {
            refreshes.pop_front();
        }
        if refreshes.len() >= REFRESHES_MAX {
            return Issued::Throttled;
        }
        refreshes.push_back(now);
        Issued::Token(self.give_access(grant.clone(), refresh_token.to_owned(), now), grant)
    }

    fn give_access(&mut self, grant: Grant, from: String, now: UtcTime) -> String {
        let token = random_token();
        self.live.insert(token.clone(), Access { ends_at: now + TOKEN_LIFETIME, grant, from });
        self.order.push_back(token.clone());
        if self.order.len() > TOKENS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.live.remove(&oldest);
        }
        token
    }

    /// What an access token may do now; None: it is not valid.
    pub(super) fn of_access(&self, token: &str, now: UtcTime) -> Option<&Grant> {
        self.live.get(token).filter(|access| access.ends_at > now).map(|access| &access.grant)
    }

    /// Ends every access token.
    pub(super) fn revoke_access(&mut self) {
        self.live.clear();
        self.order.clear();
    }

    /// Ends every grant and answers the self client's next refresh token.
    pub(super) fn revoke_grant(&mut self) -> String {
        self.revoke_access();
        self.refreshes.clear();
        self.consented.clear();
        self.revocations += 1;
        self.grant()
    }

    /// Ends the one grant of this refresh token, with the access tokens it gave; false: there is none.
    pub(super) fn revoke(&mut self, refresh_token: &str) -> bool {
        if refresh_token == self.grant() {
            self.revocations += 1;
        } else if self.consented.remove(refresh_token).is_none() {
            return false;
        }
        self.live.retain(|_, access| access.from != refresh_token);
        true
    }

    /// The refresh tokens that people's consent gave and nobody has revoked.
    pub(super) fn consented(&self) -> usize {
        self.consented.len()
    }
}

fn random_token() -> String {
    format!("1000.{}.{}", random::token(), random::token())
}
