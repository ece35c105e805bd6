//! What the page of the connection to Stripe shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::filter::ReceiptFilter;
use super::list_queries::ReceiptSummary;
use super::refused_pages;
use super::standing::Standing;
use crate::clock::UtcTime;
use crate::config::StripeMode;
use crate::integrations::stripe::PROVIDER;
use crate::integrations::stripe::signature::{Flaw, TOLERANCE_S};
use crate::integrations::stripe::snapshot::TYPES;
use crate::web::parts::{Fact, Pill};
use crate::web::{Shell, Times, format};

/// What the page is made of.
pub struct Seen {
    pub standing: Standing,
    pub first_and_last: Option<(ReceiptSummary, ReceiptSummary)>,
    /// Types of events there were.
    pub types: Vec<String>,
    /// None: there is no key to tell.
    pub mode: Option<StripeMode>,
    pub account: Option<String>,
    /// A secret does not look like one of Stripe's.
    pub foreign_secrets: bool,
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "connections/stripe.html")]
pub struct StripePage {
    pub shell: Shell,
    pub pill: Pill,
    /// Where Stripe is to post to.
    pub address: String,
    /// What to say first: tone, title, text.
    pub notices: Vec<(&'static str, &'static str, String)>,
    pub facts: Vec<Fact>,
    pub wanted: Vec<WantedType>,
    /// How many of them have come.
    pub come: usize,
    /// All of them, to be pasted.
    pub wanted_text: String,
    pub has_key: bool,
    pub may_operate: bool,
}

/// A type of event that something here follows from.
pub struct WantedType {
    pub name: &'static str,
    pub href: String,
    pub has_come: bool,
}

impl StripePage {
    /// Puts the page together.
    pub fn new(shell: Shell, seen: &Seen, address: String, may_operate: bool) -> Self {
        let times = shell.frame.times;
        let href = |name: &str| {
            let filter = ReceiptFilter { provider: Some(PROVIDER.into()), event_type: Some(name.into()), ..ReceiptFilter::default() };
            filter.href(None, "")
        };
        let wanted = |&name: &&'static str| WantedType { name, href: href(name), has_come: seen.types.iter().any(|come| come == name) };
        let wanted: Vec<WantedType> = TYPES.iter().map(wanted).collect();
        Self {
            pill: Pill::of(word(seen, times.now)),
            notices: notices(seen, times),
            facts: facts(seen, times),
            come: wanted.iter().filter(|wanted| wanted.has_come).count(),
            wanted,
            wanted_text: TYPES.join("\n"),
            has_key: seen.standing.has_key,
            address,
            may_operate,
            shell,
        }
    }
}

fn word(seen: &Seen, now: UtcTime) -> &'static str {
    let standing = &seen.standing;
    match (standing.is_used(), standing.refusal.is_some()) {
        (false, _) => "Not connected",
        (_, true) => "Sign-in refused",
        _ if standing.secrets == 0 || !standing.has_key || standing.is_deaf(now).is_some() => "Needs a look",
        _ if standing.last_webhook_at.is_none() => "Waiting",
        _ => "Connected",
    }
}

fn notices(seen: &Seen, times: Times) -> Vec<(&'static str, &'static str, String)> {
    let standing = &seen.standing;
    let mut notices = Vec::new();
    if standing.secrets == 0 {
        let text = "Webhooks are answered 503 until STRIPE_WEBHOOK_SECRET is set, and Stripe sends them again for three days.";
        notices.push(("bad", "No signing secret is set", text.to_owned()));
    } else if seen.foreign_secrets {
        let text = "Stripe's begin with whsec_. Copy the signing secret from the page of the endpoint at Stripe.";
        notices.push(("warn", "A signing secret does not look like one of Stripe's", text.to_owned()));
    }
    if !standing.has_key {
        let text = "Without STRIPE_SECRET_KEY lost webhooks are not made up for, and test mode is not told from live mode.";
        notices.push(("warn", "No key is set", text.to_owned()));
    }
    notices.extend(standing.refusal.as_ref().map(|why| ("bad", "Stripe refuses our key", format::ended(why))));
    if let Some(at) = standing.is_deaf(times.now) {
        let text = format!(
            "The last event was read by us {}, and no webhook told of it. Look at the endpoint on Stripe's side: it may be disabled, have \
             another address, or lack the types below. Nothing is lost meanwhile.",
            times.relative(at)
        );
        notices.push(("warn", "Events happen, and no webhook comes", text));
    }
    notices.extend(wrong_signatures(standing));
    if let Some((from, at)) = standing.feed.as_ref().and_then(|feed| Some((feed.gap_from?, feed.gap_found_at?))) {
        let text = format!(
            "Found {}: Stripe no longer had the event up to which we had read, of {}. What happened between then and 30 days before that \
             day, and came by no webhook, is lost here; look it up in Stripe's Dashboard.",
            times.stamp(at).text,
            times.exact(from).text
        );
        notices.push(("bad", "Events may be missing", text));
    }
    notices
}

/// How many there were, and the likely reason.
fn wrong_signatures(standing: &Standing) -> Option<(&'static str, &'static str, String)> {
    let (flaw, _) = standing.refused.first()?;
    let likely = match flaw {
        Flaw::NoMatch => {
            "Most did not fit a secret: after a secret was rolled at Stripe the new one has to be added here, and each endpoint, test and \
             live, has its own."
        }
        Flaw::TooOld => "Most fitted and were too old: this machine's clock is ahead. Check its time service (NTP).",
        Flaw::Missing => "Most were not signed at all: somebody else than Stripe posts to the address, or a proxy takes headers away.",
        Flaw::Malformed => "Most had a signature of another form: somebody else than Stripe posts to the address.",
    };
    let count = format::counted(standing.refused_total(), "webhook was", "webhooks were");
    Some(("warn", "Wrong signatures", format!("{count} refused in the last 24 hours. {likely}")))
}

fn facts(seen: &Seen, times: Times) -> Vec<Fact> {
    let standing = &seen.standing;
    let when = |at: UtcTime| format!("{} ({})", times.stamp(at).text, times.relative(at));
    let event = |label: &'static str, event: &ReceiptSummary| {
        Fact::text(label, format!("{}, {}", event.event_type, when(event.received_at))).at(format!("/inbox/{}", event.id))
    };
    let secrets = i64::try_from(standing.secrets).unwrap_or(i64::MAX);
    let mode = seen.mode.map_or("not known without a key", |mode| if mode == StripeMode::Live { "live" } else { "test: no money moves" });
    let mut facts = vec![
        Fact::text("Signing secrets", format!("{} set; never shown", format::number(secrets))),
        Fact::text("Key of the API", if standing.has_key { "set; never shown" } else { "not set" }),
        Fact::text("Mode", mode),
        Fact::text("Account", seen.account.clone().unwrap_or_else(|| "the key's own; events of connected accounts are refused".into())),
    ];
    match &seen.first_and_last {
        Some((first, last)) => facts.extend([event("First webhook", first), event("Last webhook", last)]),
        None => facts.push(Fact::text("First webhook", "none yet")),
    }
    if let Some((flaw, _)) = standing.refused.first() {
        let told = format!("{} in 24 hours, most: {}", format::number(standing.refused_total()), refused_pages::label(*flaw));
        facts.push(Fact::text("Wrong signatures", told).at("/inbox/refused"));
    }
    let read_at = standing.feed.as_ref().and_then(|feed| feed.read_at);
    facts.push(Fact::text("Events read by us", read_at.map_or_else(|| "not yet".into(), when)));
    facts.extend(standing.feed.as_ref().and_then(|feed| feed.cursor_at).map(|at| Fact::text("Read up to", when(at))));
    facts.push(Fact::text("A signature is good for", format::duration(chrono::TimeDelta::seconds(TOLERANCE_S))));
    facts
}
