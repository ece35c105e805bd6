//! What the page of one receipt shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::Value;

use super::actions;
use super::filter::ReceiptFilter;
use super::model::{Receipt, ReceiptState};
use crate::http::hide_secrets;
use crate::outbox::JobRow;
use crate::outbox::waiting::provider_name;
use crate::timeline::story::Story;
use crate::web::parts::{Entry, Fact, Pill, pretty, subject_href, subject_label};
use crate::web::{Shell, Times, format};

/// What is known of one receipt.
pub struct Found {
    pub receipt: Receipt,
    pub job: Option<JobRow>,
    pub story: Story,
}

/// One receipt: what it said and what became of it.
#[derive(Template, WebTemplate)]
#[template(path = "inbox/show.html")]
pub struct ReceiptShow {
    pub shell: Shell,
    pub id: i64,
    pub event_type: String,
    pub pill: Pill,
    pub state_href: String,
    /// Title and text of what is to be said first; empty where nothing is.
    pub notice: (&'static str, &'static str, String),
    pub caused: Vec<Caused>,
    pub facts: Vec<Fact>,
    pub headers: Vec<Fact>,
    pub body: String,
    /// Why the body is not there; empty where it is.
    pub no_body: &'static str,
    pub entries: Vec<Entry>,
    /// Why it cannot be replayed; empty where it can.
    pub no_replay: String,
    pub may_operate: bool,
}

/// Something that was done because of it.
pub struct Caused {
    pub what: String,
    pub label: String,
    pub href: Option<String>,
}

impl ReceiptShow {
    /// Puts the page together.
    pub fn new(shell: Shell, found: &Found, may_operate: bool) -> Self {
        let (times, receipt) = (shell.frame.times, &found.receipt);
        let filter = ReceiptFilter::default().in_state(Some(receipt.state));
        Self {
            id: receipt.id.0,
            event_type: receipt.event_type.clone(),
            pill: Pill::of(receipt.state.label()),
            state_href: filter.href(None, ""),
            notice: notice(receipt),
            caused: receipt.caused.as_deref().map(caused).unwrap_or_default(),
            facts: facts(found, times),
            headers: headers(receipt.headers.as_deref()),
            body: receipt.body.as_deref().map(readable).unwrap_or_default(),
            no_body: if receipt.body.is_some() { "" } else { "What it said was removed, as it is after 90 days." },
            entries: found.story.entries(times),
            no_replay: actions::refuse_replay(receipt).unwrap_or_default(),
            may_operate,
            shell,
        }
    }
}

/// Tone, title, text.
fn notice(receipt: &Receipt) -> (&'static str, &'static str, String) {
    let reason = receipt.reason.as_deref().map(format::ended).unwrap_or_default();
    match receipt.state {
        ReceiptState::Failed => ("bad", "It could not be interpreted", format!("{reason} Mend the cause, then replay it.")),
        ReceiptState::Refused => ("warn", "It is genuine, and was not interpreted", reason),
        ReceiptState::Superseded => ("info", "Nothing was left to do", reason),
        ReceiptState::NotHandled => {
            ("info", "Nobody does anything about this type", "It is kept, so that it can be replayed once somebody does.".into())
        }
        ReceiptState::Received | ReceiptState::Handled => ("", "", String::new()),
    }
}

/// From `[{"subject": "order:12", "what": "Paid"}]`; anything else is shown as it is.
pub fn caused(json: &str) -> Vec<Caused> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let one = |value: &Value| {
        let subject = value["subject"].as_str().unwrap_or_default();
        let what = value["what"].as_str().map_or_else(|| value.to_string(), str::to_owned);
        Caused { what, label: subject_label(subject), href: subject_href(subject) }
    };
    match &value {
        Value::Array(all) => all.iter().map(one).collect(),
        Value::Null => Vec::new(),
        single => vec![one(single)],
    }
}

fn facts(found: &Found, times: Times) -> Vec<Fact> {
    let receipt = &found.receipt;
    let when = |at| format!("{} ({})", times.stamp_s(at).text, times.relative(at));
    let about = ReceiptFilter { about: receipt.object_id.clone(), ..ReceiptFilter::default() };
    let mut facts = vec![
        Fact::text("System", provider_name(&receipt.provider)),
        Fact::code("Event", &receipt.event_id),
        Fact::text("Received", when(receipt.received_at)),
    ];
    facts.extend(receipt.happened_at.map(|at| Fact::text("Happened", when(at))));
    facts.extend(receipt.object_id.as_ref().map(|object| Fact::code("About", object).at(about.href(None, ""))));
    facts.push(Fact::text("How known", receipt.verdict.label()));
    facts.extend(receipt.livemode.map(|is_live| Fact::text("Mode", if is_live { "live" } else { "test" })));
    facts.extend(receipt.account.as_ref().map(|account| Fact::code("Account", account)));
    facts.extend(receipt.api_version.as_ref().map(|version| Fact::code("API version", version)));
    facts.extend(receipt.address.as_ref().map(|address| Fact::code("Sent from", address)));
    if let Some(at) = receipt.seen_again_at {
        facts.push(Fact::text("Came again", format!("{}, last {}", format::counted(receipt.duplicates, "time", "times"), when(at))));
    }
    facts.extend(receipt.settled_at.map(|at| Fact::text("Settled", when(at))));
    facts.extend(
        found
            .job
            .as_ref()
            .map(|job| Fact::text("Job", format!("#{}: {}", job.id.0, job.shown_state())).at(format!("/outbox/{}", job.id.0))),
    );
    facts.push(Fact::code("Line", &receipt.line_id).at(format!("/lines/{}", receipt.line_id)));
    facts.push(Fact::text("Size", format::bytes(usize::try_from(receipt.size_bytes).unwrap_or_default())));
    facts
}

/// The headers that were kept.
pub fn headers(json: Option<&str>) -> Vec<Fact> {
    let kept: Value = json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let name = |name: &str| match name {
        "accept" => "Accept",
        "content-type" => "Content-Type",
        "stripe-signature" => "Stripe-Signature",
        _ => "User-Agent",
    };
    let all = kept.as_object().into_iter().flatten();
    all.filter_map(|(key, value)| Some(Fact::code(name(key), value.as_str()?))).collect()
}

/// A body for reading: JSON with line breaks, without what would let anyone act (a payment's `client_secret`); bytes that are no
/// text as far as they are.
pub fn readable(body: &[u8]) -> String {
    hide_secrets(&pretty(&String::from_utf8_lossy(body)))
}
