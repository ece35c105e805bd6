//! What the lead pages show, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::Value;

use super::filter::LeadFilter;
use super::list_queries::{Found, LeadSummary};
use super::model::{Item, Lead, LeadStatus, Utterance};
use super::quarantine::queries::Suspicion;
use super::quarantine::views::in_words;
use super::statistics::COUNT_MAX;
use crate::db::keyset::Place;
use crate::outbox::JobRow;
use crate::outbox::waiting::Reasons;
use crate::people::{self, Contact, Rule};
use crate::saved_filters::FilterStrip;
use crate::timeline::story::Story;
use crate::web::parts::{ActLink, Choice, Entry, Exports, Fact, Pager, Pill, Tab, pretty};
use crate::web::{Field, Shell, Stamp, Times, format};

/// The list of leads.
#[derive(Template, WebTemplate)]
#[template(path = "leads/list.html")]
pub struct LeadList {
    pub shell: Shell,
    pub tabs: Vec<Tab>,
    pub sources: Vec<Choice>,
    pub status: &'static str,
    pub text: String,
    pub rows: Vec<LeadRow>,
    pub pager: Pager,
    /// What the list is narrowed to, in words; empty where it is not.
    pub narrowed: String,
    /// Why an empty list is good news; empty where it is none.
    pub all_good: String,
    /// How far a search has looked; empty without one.
    pub searched: String,
    /// Goes on with the search among older leads.
    pub search_on: Option<String>,
    pub saved: FilterStrip,
    pub exports: Exports,
    pub may_operate: bool,
    /// What can be done to all that fit; empty where nothing can.
    pub acts: Vec<ActLink>,
}

/// A row of the list.
pub struct LeadRow {
    pub id: i64,
    pub name: String,
    pub about: String,
    pub contact: String,
    pub source: String,
    pub pill: Pill,
    pub problem: String,
    pub received: Stamp,
}

/// What the list is made of.
pub struct Listing {
    pub filter: LeadFilter,
    pub found: Found,
    pub counts: Vec<(LeadStatus, i64)>,
    pub sources: Vec<String>,
    pub saved: FilterStrip,
}

/// The word for a status.
pub fn label(status: LeadStatus) -> &'static str {
    match status {
        LeadStatus::Pending => "Pending",
        LeadStatus::Processing => "Sending",
        LeadStatus::Sent => "Sent",
        LeadStatus::Retry => "Retrying",
        LeadStatus::Failed => "Failed",
        LeadStatus::Uncertain => "Needs a look",
        LeadStatus::Cancelled => "Cancelled",
        LeadStatus::Quarantined => "Quarantined",
        LeadStatus::Spam => "Spam",
    }
}

impl LeadRow {
    fn new(lead: &LeadSummary, times: Times) -> Self {
        Self {
            id: lead.id.0,
            name: lead.name.clone(),
            about: lead.company.clone().unwrap_or_default(),
            contact: lead.email.clone().or_else(|| lead.phone.clone()).unwrap_or_default(),
            source: lead.source.clone(),
            pill: Pill::of(label(lead.status)),
            problem: if lead.status == LeadStatus::Sent { String::new() } else { lead.last_error.clone().unwrap_or_default() },
            received: times.stamp(lead.received_at),
        }
    }
}

impl LeadList {
    /// Puts the page together.
    pub fn new(shell: Shell, listing: &Listing, place: Place, may_operate: bool) -> Self {
        let (times, filter, found) = (shell.frame.times, &listing.filter, &listing.found);
        let link = |place: Option<Place>| place.map(|place| filter.href(Some(place), ""));
        // A search only goes back in time; its way forward is its beginning.
        let back_to_start = (filter.text.is_some() && place != Place::Newest).then_some(Place::Newest);
        Self {
            tabs: tabs(listing),
            sources: choices(listing),
            status: filter.status.map_or("", LeadStatus::as_str),
            text: filter.text.clone().unwrap_or_default(),
            rows: found.page.rows.iter().map(|lead| LeadRow::new(lead, times)).collect(),
            pager: Pager { newer: link(found.page.newer.or(back_to_start)), older: link(found.page.older) },
            narrowed: narrowed(filter),
            all_good: all_good(listing),
            searched: found.searched.as_ref().map(|done| searched(done.on.is_some(), &times.stamp(done.back_to))).unwrap_or_default(),
            saved: listing.saved.clone(),
            exports: Exports::of(&filter.href(None, "")),
            acts: if may_operate { acts(filter) } else { Vec::new() },
            may_operate,
            search_on: link(found.searched.as_ref().and_then(|searched| searched.on)),
            shell,
        }
    }
}

/// Leads that are on their way or have arrived need no sending again.
fn acts(filter: &LeadFilter) -> Vec<ActLink> {
    let status = filter.status.unwrap_or(LeadStatus::Failed);
    let label = match status {
        LeadStatus::Failed => "Send all failed ones again…",
        LeadStatus::Retry | LeadStatus::Cancelled => "Send all of these again…",
        _ => return Vec::new(),
    };
    let of_these = LeadFilter { status: Some(status), ..filter.clone() }.href(None, "");
    let query = of_these.split_once('?').map(|(_, query)| query).unwrap_or_default();
    vec![ActLink { label, href: format!("/operations/preview?subject=leads&act=retry&{query}"), icon: "rotate-ccw" }]
}

fn searched(is_cut: bool, back_to: &Stamp) -> String {
    if is_cut { format!("Searched 20,000 leads, back to {}.", back_to.text) } else { "Searched to the oldest lead.".into() }
}

fn tabs(listing: &Listing) -> Vec<Tab> {
    let to = |status| LeadFilter { status, ..listing.filter.clone() }.href(None, "");
    let all = Tab { label: "All", href: to(None), count: String::new(), tone: "", current: listing.filter.status.is_none() };
    let of = |(status, count): &(LeadStatus, i64)| Tab {
        label: label(*status),
        href: if *status == LeadStatus::Quarantined { "/quarantine".into() } else { to(Some(*status)) },
        count: format::capped(*count, COUNT_MAX),
        tone: match status {
            LeadStatus::Failed if *count > 0 => "bad",
            LeadStatus::Retry | LeadStatus::Uncertain | LeadStatus::Quarantined if *count > 0 => "warn",
            _ => "",
        },
        current: listing.filter.status == Some(*status),
    };
    std::iter::once(all).chain(listing.counts.iter().map(of)).collect()
}

fn choices(listing: &Listing) -> Vec<Choice> {
    let chosen = listing.filter.source.as_deref().unwrap_or_default();
    listing.sources.iter().map(|name| Choice { value: name.clone(), label: name.clone(), selected: name == chosen }).collect()
}

fn narrowed(filter: &LeadFilter) -> String {
    let parts = filter.in_words();
    if parts.is_empty() { String::new() } else { format!("No lead {}.", parts.join(" and ")) }
}

/// Nothing failed, nothing waits for a person: that is said as what it is.
fn all_good(listing: &Listing) -> String {
    let filter = &listing.filter;
    let is_trouble = matches!(filter.status, Some(LeadStatus::Failed | LeadStatus::Uncertain | LeadStatus::Retry));
    let sent = listing.counts.iter().find(|(status, _)| *status == LeadStatus::Sent).map_or(0, |(_, count)| *count);
    if !is_trouble || filter.source.is_some() || filter.text.is_some() {
        return String::new();
    }
    format!("Nothing is in trouble here. Zoho CRM has {} of the leads.", format::capped(sent, COUNT_MAX))
}

/// A lead with everything known about it.
#[derive(Template, WebTemplate)]
#[template(path = "leads/show.html")]
pub struct LeadShow {
    pub shell: Shell,
    pub id: i64,
    pub name: String,
    pub pill: Pill,
    pub status_href: String,
    pub received: Stamp,
    pub source: String,
    /// Why it failed or waits; empty where neither.
    pub error: String,
    pub waiting: String,
    pub facts: Vec<Fact>,
    pub delivery: Vec<Fact>,
    pub message: String,
    pub items: Vec<Item>,
    pub transcript: Vec<Utterance>,
    pub extra: String,
    pub response: String,
    pub entries: Vec<Entry>,
    pub may_operate: bool,
    pub is_on_its_way: bool,
    pub job: Option<i64>,
    pub form: CorrectionForm,
    /// In quarantine, or marked as spam: nothing is sent, nothing can be corrected.
    pub is_held: bool,
    /// Why it is or was held, heaviest first; empty for one that never was.
    pub suspicion: Vec<String>,
}

/// The edit form, with a message a field.
#[derive(Clone, Debug, Default)]
pub struct CorrectionForm {
    pub name: Field,
    pub email: Field,
    pub phone: Field,
    pub company: Field,
    pub message: Field,
    /// Opened because something in it is wrong.
    pub is_open: bool,
}

/// One field of the form, as the template prints it.
pub struct FormPart<'a> {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: &'static str,
    pub dir: &'static str,
    pub is_long: bool,
    pub field: &'a Field,
}

impl CorrectionForm {
    /// The fields in the order of the page.
    pub fn parts(&self) -> [FormPart<'_>; 5] {
        let part = |name, label, field| FormPart { name, label, kind: "text", dir: "auto", is_long: false, field };
        [
            part("name", "Name", &self.name),
            part("company", "Company", &self.company),
            FormPart { kind: "email", ..part("email", "Mail address", &self.email) },
            FormPart { kind: "tel", dir: "ltr", ..part("phone", "Phone", &self.phone) },
            FormPart { is_long: true, ..part("message", "Message", &self.message) },
        ]
    }
}

impl From<&Lead> for CorrectionForm {
    fn from(lead: &Lead) -> Self {
        let field = |text: &Option<String>| Field::of(text.clone().unwrap_or_default());
        Self {
            name: field(&Some(lead.name.clone())),
            email: field(&lead.email),
            phone: field(&lead.phone),
            company: field(&lead.company),
            message: field(&lead.message),
            is_open: false,
        }
    }
}

/// What the page of a lead is made of.
pub struct LeadStory {
    pub lead: Lead,
    pub story: Story,
    pub job: Option<JobRow>,
    pub reasons: Reasons,
    /// Why it is or was held.
    pub suspicion: Option<Suspicion>,
    /// Whose it is, and by which rule.
    pub whose: Option<(Contact, Rule)>,
}

impl LeadShow {
    /// Puts the page together.
    pub fn new(shell: Shell, found: &LeadStory, form: CorrectionForm, may_operate: bool) -> Self {
        let (times, lead) = (shell.frame.times, &found.lead);
        let on_its_way = matches!(lead.status, LeadStatus::Pending | LeadStatus::Processing | LeadStatus::Retry);
        let waits = on_its_way || lead.status == LeadStatus::Uncertain;
        let why = found.job.as_ref().filter(|_| waits).and_then(|job| found.reasons.explain(job));
        Self {
            id: lead.id.0,
            name: lead.name.clone(),
            pill: Pill::of(label(lead.status)),
            status_href: status_href(lead.status),
            received: times.stamp(lead.received_at),
            source: lead.source.clone(),
            error: if lead.status == LeadStatus::Sent { String::new() } else { lead.last_error.clone().unwrap_or_default() },
            waiting: why.map(|why| why.in_words(times)).unwrap_or_default(),
            facts: facts(found),
            delivery: delivery(found, times),
            message: lead.message.clone().unwrap_or_default(),
            items: serde_json::from_str(&lead.items).unwrap_or_default(),
            transcript: lead.transcript.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            extra: if lead.extra.len() > 2 { pretty(&lead.extra) } else { String::new() },
            response: lead.provider_response.as_deref().map(pretty).unwrap_or_default(),
            entries: found.story.entries(times),
            may_operate,
            is_on_its_way: on_its_way,
            job: found.job.as_ref().map(|job| job.id.0),
            form,
            is_held: lead.status.is_held(),
            suspicion: found.suspicion.as_ref().map(in_words).unwrap_or_default(),
            shell,
        }
    }
}

fn status_href(status: LeadStatus) -> String {
    match status {
        LeadStatus::Quarantined => "/quarantine".into(),
        LeadStatus::Spam => "/quarantine?status=spam".into(),
        status => LeadFilter { status: Some(status), ..LeadFilter::default() }.href(None, ""),
    }
}

fn facts(found: &LeadStory) -> Vec<Fact> {
    let lead = &found.lead;
    let mut facts = vec![Fact::text("Name", &lead.name)];
    facts.extend(found.whose.as_ref().map(people::whose_fact));
    let optional = [
        lead.company.as_ref().map(|company| Fact::text("Company", company)),
        lead.email.as_ref().map(|email| Fact::text("Mail address", email)),
        lead.phone.as_ref().map(|phone| Fact::code("Phone", phone)),
        lead.phone_e164.as_ref().filter(|number| Some(*number) != lead.phone.as_ref()).map(|number| Fact::code("Read as", number)),
        lead.page_url.as_ref().map(|page| Fact::code("Sent from", page)),
        lead.conversation_id.as_ref().map(|id| Fact::code("Conversation", id)),
        lead.consent_given
            .map(|given| Fact::text("Consent", consent(given, lead.consent_wording.as_deref(), lead.consent_version.as_deref()))),
    ];
    facts.extend(optional.into_iter().flatten());
    if let Ok(Value::Object(utm)) = serde_json::from_str(&lead.utm) {
        let text = utm.iter().map(|(name, value)| format!("{name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
        let text = text.collect::<Vec<_>>().join(", ");
        facts.extend((!text.is_empty()).then(|| Fact::text("Campaign", text)));
    }
    facts
}

fn consent(given: bool, wording: Option<&str>, version: Option<&str>) -> String {
    let answer = if given { "given" } else { "not given" };
    let version = version.map(|version| format!(", version {version}")).unwrap_or_default();
    wording.map_or_else(|| format!("{answer}{version}"), |wording| format!("{answer}{version}: “{wording}”"))
}

fn delivery(found: &LeadStory, times: Times) -> Vec<Fact> {
    let lead = &found.lead;
    let mut facts = vec![Fact::text("State", label(lead.status)), Fact::text("Failed tries", format::number(lead.retry_count))];
    facts.extend(lead.processed_at.map(|at| Fact::text("Settled", times.exact(at).text)));
    facts.extend(lead.zoho_lead_id.as_ref().map(|id| Fact::code("Zoho record", id)));
    facts.extend(found.job.as_ref().map(|job| Fact::text("Job", format!("#{}", job.id.0)).at(format!("/outbox/{}", job.id.0))));
    facts.push(Fact::code("Line", &lead.line_id).at(format!("/lines/{}", lead.line_id)));
    facts
}
