//! Stand-ins for the providers with their real rules, for `demo` and for tests; `serve` has none of it. The sandbox is a
//! state machine without I/O, mounted twice: in process as a [`Transport`](crate::http::Transport), and over loopback HTTP.
//! It keeps its own ledger of what it accepted: the witness that nothing was lost or doubled (docs/sandbox.md).

mod accounts;
mod answer;
mod books;
mod consent;
mod control;
mod coql;
mod crm;
mod faults;
mod fields;
mod in_process;
mod inbox;
mod leads;
mod limits;
mod mail;
mod parent;
pub mod samples;
mod server;
mod smtp;
pub mod stripe;
mod tokens;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use serde_json::Value;

pub use self::answer::{Delivery, SandboxAnswer, SandboxRequest};
pub use self::books::{BOOKS_ORGANISATION, BooksPlan};
pub use self::in_process::InProcess;
pub use self::limits::Edition;
pub use self::mail::SunkMail;
pub use self::server::{Mount, serve};
use self::world::World;
use crate::clock::UtcTime;
use crate::http::Method;
use crate::mail::Trouble;

/// How a sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    pub edition: Edition,
    /// The unique field of the module Leads; None: the CRM has none.
    pub external_field: Option<String>,
    /// Its own address, answered as `api_domain`.
    pub base_url: String,
    /// So long after it was written a record is found by a query (inferred: Zoho says only that search follows).
    pub search_lag: TimeDelta,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            edition: Edition::Enterprise,
            external_field: Some("External_Lead_Id".into()),
            base_url: "http://sandbox.test".into(),
            search_lag: TimeDelta::seconds(60),
        }
    }
}

/// The stand-in. Clones share its world.
#[derive(Clone)]
pub struct Sandbox {
    world: Arc<Mutex<World>>,
    in_flight: Arc<AtomicUsize>,
    heavy_in_flight: Arc<AtomicUsize>,
}

/// A call under way; counts towards the limit of calls at once until it is dropped.
pub struct InFlight {
    /// How many are under way, this one included.
    pub calls: usize,
    /// How many of them are heavy ones, which have a limit of their own.
    pub heavy_calls: usize,
    counters: Vec<Arc<AtomicUsize>>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        for counter in &self.counters {
            counter.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Sandbox {
    /// An empty world.
    pub fn new(options: Options) -> Self {
        Self { world: Arc::new(Mutex::new(World::new(options))), in_flight: Arc::default(), heavy_in_flight: Arc::default() }
    }

    /// Counts a call to this path as under way; a mount holds this until the caller has its answer.
    pub fn enter(&self, path: &str) -> InFlight {
        let mut counters = vec![Arc::clone(&self.in_flight)];
        if limits::is_heavy(path) {
            counters.push(Arc::clone(&self.heavy_in_flight));
        }
        let counted: Vec<_> = counters.iter().map(|counter| counter.fetch_add(1, Ordering::SeqCst) + 1).collect();
        InFlight { calls: counted[0], heavy_calls: counted.get(1).copied().unwrap_or_default(), counters }
    }

    /// Answers a request at this time of the mount's clock.
    pub fn handle(&self, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
        let mut world = self.world();
        let now = now + world.clock_offset;
        if request.path.starts_with("/__") {
            return control::answer(&mut world, request, now);
        }
        if let Some(rest) = request.path.strip_prefix("/inbox") {
            return inbox::answer(&world, rest, now);
        }
        world.count(request);
        let fault = world.faults.for_call(request);
        if let Some(answer) = fault.as_ref().and_then(|fault| fault.instead(&request.path)) {
            return answer;
        }
        let answer = route(&mut world, request, now);
        match fault {
            Some(fault) => fault.distort(answer),
            None => answer,
        }
    }

    /// Scripts a fault, in the form that `POST /__faults` takes.
    ///
    /// # Panics
    /// When the fault is not one: a mistake in the test that scripts it.
    pub fn script(&self, fault: Value) {
        let request = SandboxRequest::new(Method::Post, "/__faults", fault.to_string().into_bytes());
        let answer = control::answer(&mut self.world(), &request, UtcTime::default());
        assert!(answer.status < 300, "not a fault: {}", String::from_utf8_lossy(&answer.body));
    }

    /// Forgets all scripted faults.
    pub fn clear_faults(&self) {
        self.world().faults.clear();
    }

    /// The ledger of leads: one element for each record that exists.
    pub fn leads(&self) -> Vec<Value> {
        self.world().leads.ledger()
    }

    /// What Books took: contacts, invoices, payments, credit notes, refunds.
    pub fn books(&self) -> Value {
        self.world().books.ledger()
    }

    /// Somebody deletes a contact in Books; false: Books refuses it.
    pub fn delete_books_contact(&self, id: &str) -> bool {
        self.world().books.delete_contact(id)
    }

    /// Somebody takes everything of a contact out of the books, and the contact after it; false: there is none.
    pub fn void_books_contact(&self, id: &str) -> bool {
        self.world().books.void_contact(id)
    }

    /// Somebody adds a customer in Books by hand, long ago. Answers its id.
    pub fn add_books_contact(&self, name: &str, mail: &str) -> String {
        self.world().books.add_contact(name, mail, crate::clock::UtcTime::default())
    }

    /// Somebody merges a contact of Books into another; false: Books refuses it.
    pub fn merge_books_contact(&self, id: &str, into: &str) -> bool {
        self.world().books.merge_contact(id, into)
    }

    /// The plan of the organisations in Books from now on.
    pub fn set_books_plan(&self, plan: BooksPlan) {
        self.world().books.set_plan(plan);
    }

    /// Somebody has set a tax in Books that is put on top of each document, or has taken it away again.
    pub fn surcharge_books(&self, is_on: bool) {
        self.world().books.surcharge = is_on;
    }

    /// The self client's grant allows so much from now on, by spaces.
    pub fn narrow_self_client(&self, scopes: &str) {
        self.world().tokens.narrow_self_client(scopes);
    }

    /// How often a call such as `POST /oauth/v2/token` arrived.
    pub fn calls(&self, call: &str) -> u64 {
        self.world().calls.get(call).copied().unwrap_or_default()
    }

    /// Revokes the refresh token in use and every access token it gave; answers the one that is accepted from now on.
    pub fn revoke_refresh_token(&self) -> String {
        self.world().tokens.revoke_grant()
    }

    /// Forgets every access token, so that the next call is refused with 401.
    pub fn revoke_access_tokens(&self) {
        self.world().tokens.revoke_access();
    }

    /// The mails that were taken, newest first.
    pub fn mails(&self) -> Vec<SunkMail> {
        self.world().mails.all()
    }

    /// Scripts a fault of the mail server, in the form that `POST /__mail/faults` takes.
    ///
    /// # Panics
    /// When the fault is not one: a mistake in the test that scripts it.
    pub fn script_mail(&self, fault: Value) {
        let scripted = self.world().mails.script(fault);
        assert!(scripted.is_ok(), "{scripted:?}");
    }

    /// Takes a mail as the mail server that stands in.
    pub(crate) fn take_mail(&self, from: &str, to: &[String], bytes: &[u8], now: UtcTime) -> Result<String, Trouble> {
        let mut world = self.world();
        let now = now + world.clock_offset;
        world.mails.take(from, to, bytes, now)
    }

    /// Something happens at Stripe: an event of this type about this object. Answers the webhook that tells of it.
    pub fn happen_at_stripe(&self, event_type: &str, object: &Value, now: UtcTime) -> stripe::Webhook {
        let mut world = self.world();
        let now = now + world.clock_offset;
        world.stripe.happen(event_type, object, now)
    }

    /// Every checkout session that was ever made there, oldest first.
    pub fn checkout_sessions(&self) -> Vec<Value> {
        self.world().stripe.sessions()
    }

    /// A person on the page of a session: what they fill in, or nothing where they only look. Answers the status and where it leads.
    pub fn pay(&self, session_id: &str, fields: &[(&str, &str)], now: UtcTime) -> (u16, Option<String>) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let method = if fields.is_empty() { Method::Get } else { Method::Post };
        let answer = self.handle(&SandboxRequest::new(method, &format!("/pay/{session_id}"), body.into_bytes()), now);
        (answer.status, answer.headers.into_iter().find(|(name, _)| *name == "location").map(|(_, to)| to))
    }

    /// The webhooks that Stripe has to send: each is answered once. Banks and clocks have done their part by then.
    pub fn take_stripe_webhooks(&self, now: UtcTime) -> Vec<stripe::Webhook> {
        let mut world = self.world();
        let now = now + world.clock_offset;
        world.stripe.take_webhooks(now)
    }

    /// Stripe takes no key of ours any more, or takes it again.
    pub fn refuse_stripe_keys(&self, refuses: bool) {
        self.world().stripe.refuse_keys(refuses);
    }

    /// Says under which address it is reached, once that is known.
    pub fn set_base_url(&self, url: &str) {
        url.clone_into(&mut self.world().options.base_url);
    }

    /// Says on which port of the loopback address its mail server listens, once that is known.
    pub(crate) fn set_smtp_port(&self, port: u16) {
        self.world().smtp_port = Some(port);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn route(world: &mut World, request: &SandboxRequest, now: UtcTime) -> SandboxAnswer {
    match request.path.strip_prefix("/crm/v8/") {
        Some(path) => crm::answer(world, request, path, now),
        None if request.path.starts_with("/oauth/v2/") => accounts::answer(world, request, now),
        None if request.path.starts_with("/books/v3/") => books::answer(world, request, &request.path["/books/v3/".len()..], now),
        None if request.path.starts_with("/v1/") => stripe::answer(world, request, now),
        None if request.path.starts_with("/pay/") => stripe::pay_page::answer(&mut world.stripe, request, now),
        None => SandboxAnswer::error(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"),
    }
}

#[cfg(test)]
mod tests;
