//! What the page of the connection to Zoho shows, as finished text.

use std::collections::BTreeMap;

use askama::Template;
use askama_web::WebTemplate;

use super::authorization;
use super::crm_fields::{CrmFields, Verdict};
use super::custody::RefreshTested;
use super::holds::HoldLine;
use super::model::{ConnectionState, Detail, RENEWED_BEFORE, Summary};
use super::views::{self, Told};
use crate::app::App;
use crate::clock::UtcTime;
use crate::integrations::zoho::data_centers;
use crate::integrations::zoho::scopes::{self, Scope};
use crate::outbox::pauses::Scope as HeldScope;
use crate::timeline::story::{self, ActRow, who};
use crate::web::parts::{Choice, Entry, Fact, Pill};
use crate::web::{Shell, Times, format};

/// What was read for the page.
pub struct Read {
    pub told: Told,
    pub detail: Option<Detail>,
    pub fields: Option<CrmFields>,
    /// What people did to it, newest first.
    pub acts: Vec<ActRow>,
    pub people: BTreeMap<String, String>,
}

/// One connection, whole.
#[derive(Template, WebTemplate)]
#[template(path = "connections/zoho.html")]
pub struct ZohoPage {
    pub shell: Shell,
    pub pill: Pill,
    pub state: String,
    /// `ok`, `warn` or `bad`.
    pub tone: &'static str,
    pub hold: Option<HoldLine>,
    pub last_error: Option<String>,
    pub facts: Vec<Fact>,
    /// Empty: there is no token.
    pub token: Vec<Fact>,
    pub unique: Option<UniqueField>,
    pub history: Vec<Entry>,
    pub connect: ConnectPart,
    pub may: May,
}

/// What the person who looks may do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct May {
    pub operate: bool,
    pub administer: bool,
    /// It is connected, or was until the provider refused it.
    pub disconnect: bool,
    pub use_it: bool,
}

/// The field of the CRM that holds our id.
pub struct UniqueField {
    pub pill: Pill,
    pub what: String,
    pub steps: Vec<String>,
    pub read: String,
}

/// The form that begins a sign-in at Zoho.
pub struct ConnectPart {
    /// `Connect Zoho CRM`, `Reconnect`.
    pub button: &'static str,
    /// The client that is used when none is typed in, in words; None: one must be typed in.
    pub client: Option<String>,
    pub form: ConnectFields,
    pub centers: Vec<Choice>,
    pub redirect_uri: String,
    pub scopes: Vec<Scope>,
}

/// What was typed in, with what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct ConnectFields {
    pub client_id: String,
    pub accounts_url: String,
    /// The field, and its mistake.
    pub mistake: Option<(&'static str, String)>,
}

impl ConnectFields {
    /// The mistake of a field; empty where it is fine.
    pub fn wrong(&self, field: &str) -> &str {
        self.mistake.as_ref().filter(|(name, _)| *name == field).map_or("", |(_, text)| text.as_str())
    }
}

impl ZohoPage {
    /// Puts the page together.
    pub fn new(shell: Shell, app: &App, read: &Read, (operate, administer): (bool, bool), form: ConnectFields) -> Self {
        let times = shell.frame.times;
        let summary = read.told.summary.as_ref();
        let hold = read.told.held.of(HeldScope::Connection, read.told.provider, times);
        let pill = Pill::of(views::word(&read.told, hold.is_some(), times.now));
        let is_live = summary.is_some_and(|summary| summary.state != ConnectionState::Disconnected);
        Self {
            tone: if pill.tone.is_empty() { "warn" } else { pill.tone },
            state: views::state(&read.told, times),
            hold,
            last_error: last_error(summary, times),
            facts: facts(read, times),
            token: summary.filter(|_| is_live).map(|summary| token(summary, times)).unwrap_or_default(),
            unique: summary.map(|_| unique(read.fields.as_ref(), &app.config.zoho.external_field, times)),
            history: read.acts.iter().map(|row| story::act(row, &read.people, times)).collect(),
            connect: connect_part(app, read, form),
            may: May {
                operate,
                administer,
                disconnect: administer && is_live,
                use_it: summary.is_some_and(|summary| summary.state == ConnectionState::Connected),
            },
            pill,
            shell,
        }
    }
}

fn last_error(summary: Option<&Summary>, times: Times) -> Option<String> {
    let (error, at) = (summary?.last_error.as_ref()?, summary?.last_error_at?);
    Some(format!("{} ({}): {error}", times.stamp(at).text, times.relative(at)))
}

fn facts(read: &Read, times: Times) -> Vec<Fact> {
    let (Some(summary), Some(detail)) = (&read.told.summary, &read.detail) else { return Vec::new() };
    let organisation = match (&detail.organisation_name, &detail.organisation_id) {
        (Some(name), Some(id)) if !name.is_empty() => format!("{name} (id {id})"),
        (_, Some(id)) => format!("id {id}"),
        _ => "not known: this grant may not ask; reconnect to find out".into(),
    };
    let since = format!(
        "{} ({}), by {}",
        times.stamp(summary.connected_at).text,
        times.relative(summary.connected_at),
        who(&summary.connected_by, &read.people)
    );
    let mut facts = vec![Fact::text("Organisation", organisation), Fact::text("Connected since", since)];
    facts.push(Fact::text("Permissions", permissions(detail)));
    facts.push(Fact::code("Client id", &detail.client_id));
    facts.push(Fact::code("Accounts server", &detail.accounts_url));
    facts.push(Fact::code("API", &detail.api_url));
    facts
}

fn permissions(detail: &Detail) -> String {
    let Some(told) = &detail.scopes else { return "Zoho does not tell them; they were tried out where that is possible".into() };
    let granted: Vec<String> = told.split(' ').map(str::to_owned).collect();
    match scopes::missing(&granted).as_slice() {
        [] => "all that are needed".into(),
        missing => format!("missing: {}", missing.iter().map(|scope| scope.name).collect::<Vec<_>>().join(", ")),
    }
}

fn token(summary: &Summary, times: Times) -> Vec<Fact> {
    let when = |at: UtcTime| format!("{} ({})", times.stamp(at).text, times.relative(at));
    let mut facts = Vec::new();
    facts.extend(summary.token_refreshed_at.map(|at| Fact::text("Given out", when(at))));
    match summary.token_expires_at {
        Some(at) if at > times.now => {
            facts.push(Fact::text("Ends", when(at)));
            let from = at - RENEWED_BEFORE;
            let renewal = if from > times.now { format!("by the first call after {}", when(from)) } else { "by the next call".to_owned() };
            facts.push(Fact::text("Next refresh", renewal));
        }
        Some(at) => {
            facts.push(Fact::text("Ended", when(at)));
            facts.push(Fact::text("Next refresh", "by the next call"));
        }
        None => facts.push(Fact::text("Token", "none; the next call asks for one")),
    }
    facts
}

fn unique(known: Option<&CrmFields>, name: &str, times: Times) -> UniqueField {
    let Some(known) = known else {
        let what = format!("The CRM's fields were not read since this version came in. Check whether leads have the unique field {name}.");
        return UniqueField { pill: Pill { tone: "", icon: "clock", label: "Not checked" }, what, steps: Vec::new(), read: String::new() };
    };
    let verdict = Verdict::of(&known.fields, name);
    let (pill, what) = match verdict {
        Verdict::Unique => (
            Pill { tone: "ok", icon: "check", label: "Found and unique" },
            format!(
                "Leads have the field {name}, and no two may have the same value. Each lead arrives exactly once, also when an answer of Zoho is lost."
            ),
        ),
        Verdict::NotUnique => (
            Pill { tone: "warn", icon: "triangle-alert", label: "Found, not unique" },
            format!(
                "Leads have the field {name}, but it allows duplicate values, so it cannot tell two leads apart. A lead whose answer from Zoho is lost is looked up before it is sent again, and may wait for a person."
            ),
        ),
        Verdict::Missing => (
            Pill { tone: "warn", icon: "triangle-alert", label: "Missing" },
            format!(
                "Leads have no field {name}. A lead whose answer from Zoho is lost is looked up before it is sent again, and may wait for a person."
            ),
        ),
    };
    let read = format!("Read from the CRM {} ({}).", times.stamp(known.read_at).text, times.relative(known.read_at));
    UniqueField { pill, what, steps: steps(verdict, name), read }
}

fn steps(verdict: Verdict, name: &str) -> Vec<String> {
    let fields = "In Zoho CRM, as an administrator, open Setup > Customization > Modules and Fields > Leads.".to_owned();
    match verdict {
        Verdict::Unique => Vec::new(),
        Verdict::NotUnique => vec![
            fields,
            format!("Open the properties of the field {name} and tick “Do not allow duplicate values”. Save."),
            "Check again here.".into(),
        ],
        Verdict::Missing => vec![
            fields,
            "Drag a “Single Line” field into the layout and tick “Do not allow duplicate values” in its properties. Save.".into(),
            format!(
                "Open Setup > Developer Hub > APIs and SDKs > API Names > Leads: its API name must read {name}. If it has another, correct it there, or set ZOHO_EXTERNAL_FIELD to it and start Throughline again."
            ),
            "Check again here.".into(),
        ],
    }
}

fn connect_part(app: &App, read: &Read, form: ConnectFields) -> ConnectPart {
    let configured = &app.config.zoho;
    let of_settings = configured.client_id.as_ref().filter(|_| configured.client_secret.is_some());
    let client = match (of_settings, &read.detail) {
        (Some(id), _) => Some(format!("the client {id} of the settings")),
        (None, Some(detail)) => Some(format!("the client {} that it is connected with", detail.client_id)),
        (None, None) => None,
    };
    let chosen = match (form.accounts_url.as_str(), &read.detail) {
        ("", Some(detail)) => detail.accounts_url.clone(),
        ("", None) => configured.accounts_url.clone(),
        (typed, _) => typed.to_owned(),
    };
    let choice = |url: String| Choice { label: url.trim_start_matches("https://").to_owned(), selected: url == chosen, value: url };
    ConnectPart {
        button: if read.told.summary.is_some() { "Reconnect" } else { "Connect Zoho CRM" },
        client,
        centers: data_centers::accounts_urls(&configured.accounts_url).into_iter().map(choice).collect(),
        redirect_uri: authorization::callback_url(&app.config),
        scopes: scopes::asked(),
        form,
    }
}

/// Asks whether to disconnect.
#[derive(Template, WebTemplate)]
#[template(path = "connections/disconnect.html")]
pub struct DisconnectPage {
    pub shell: Shell,
    pub organisation: String,
}

/// What the test of a refresh showed.
pub fn tested(tested: &RefreshTested, times: Times) -> String {
    let took = format::duration_ms(tested.took_ms);
    let until = tested.expires_at.map(|at| format!(" It ends {} ({}).", times.stamp(at).text, times.relative(at))).unwrap_or_default();
    format!("The grant works: Zoho gave a new access token within {took}.{until}")
}
