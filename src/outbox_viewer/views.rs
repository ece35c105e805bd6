//! What the outbox pages show, as finished text.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use crate::connections::holds::{Held, HoldLine};
use crate::integrations::FailureClass;
use crate::outbox::progress::Reported;
use crate::outbox::waiting::{Reasons, provider_name};
use crate::outbox::{JobId, JobRow, JobState, Lane, Registry};
use crate::saved_filters::FilterStrip;
use crate::timeline::story::{self, ActRow, AttemptRow};
use crate::web::parts::{ActLink, Choice, Entry, Exports, Fact, Pager, Pill, Select, Tab, href, pretty, subject_href, subject_label};
use crate::web::{ListForm, Shell, Stamp, Times, format};

use super::bulk;
use super::list_queries::{Count, JobPage, Shown};
use super::selection::{Age, Selection, class_label};

/// The list of jobs.
#[derive(Template, WebTemplate)]
#[template(path = "outbox/list.html")]
pub struct JobList {
    pub shell: Shell,
    pub holds: Vec<HoldLine>,
    /// What can be put on hold from here.
    pub pausable: Vec<Choice>,
    pub own_zone: &'static str,
    pub may_operate: bool,
    pub tabs: Vec<Tab>,
    pub selects: Vec<Select>,
    pub text: String,
    pub is_narrowed: bool,
    pub shown: &'static str,
    pub rows: Vec<JobLine>,
    pub pager: Pager,
    /// What the list is narrowed to, in words; empty where it is not.
    pub narrowed: String,
    /// Why an empty list is good news; empty where it is none.
    pub all_good: String,
    /// How far a page that is short has looked; empty where it has seen all there is.
    pub looked: String,
    pub saved: FilterStrip,
    pub exports: Exports,
    /// What can be done to all that fit.
    pub acts: Vec<ActLink>,
}

/// A row of the list.
pub struct JobLine {
    pub id: i64,
    pub kind: String,
    pub subject: String,
    pub pill: Pill,
    /// What went wrong last; empty where nothing did, or it does not matter any more.
    pub problem: String,
    /// Why it waits and until when; empty where it does not.
    pub waiting: String,
    pub attempts: String,
    pub updated: Stamp,
}

impl JobLine {
    fn new(row: &JobRow, reasons: &Reasons, times: Times) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind.clone(),
            subject: subject_label(&row.subject),
            pill: Pill::of(row.shown_state()),
            problem: row.last_error.clone().filter(|_| !matches!(row.state, JobState::Succeeded | JobState::Running)).unwrap_or_default(),
            waiting: reasons.explain(row).map(|waiting| waiting.in_words(times)).unwrap_or_default(),
            attempts: format!("{} of {}", row.attempts, row.attempts_max),
            updated: times.stamp(row.updated_at),
        }
    }
}

/// What the list is made of.
pub struct Listing {
    pub selection: Selection,
    pub page: JobPage,
    pub counts: Vec<Count>,
    pub kinds: Vec<String>,
    pub reasons: Reasons,
    pub held: Held,
    pub saved: FilterStrip,
}

impl JobList {
    /// Puts the page together.
    pub fn new(shell: Shell, listing: &Listing, registry: &Registry, may_operate: bool) -> Self {
        let times = shell.frame.times;
        let (selection, page) = (&listing.selection, &listing.page);
        let link = |key: &'static str, id: Option<JobId>| id.map(|id| selection.href("/outbox", &[(key, &id.to_string())]));
        // A walk only goes back in time; its way forward is its beginning.
        let to_start = (selection.needs_looks() && shell.frame.here.contains("before=")).then(|| selection.href("/outbox", &[]));
        Self {
            holds: listing.held.lines(times),
            pausable: pausable(registry),
            own_zone: times.zone.name(),
            may_operate,
            tabs: tabs(listing),
            selects: selects(listing, registry),
            is_narrowed: !selection.is_everything(),
            text: selection.text.clone().unwrap_or_default(),
            shown: selection.list.shown.map_or("", Shown::as_str),
            rows: page.rows.iter().map(|row| JobLine::new(row, &listing.reasons, times)).collect(),
            pager: Pager { newer: link("after", page.newer).or(to_start), older: link("before", page.older) },
            looked: page.looked_to.map(|id| looked(selection, id)).unwrap_or_default(),
            narrowed: narrowed(selection, page.looked_to.is_some()),
            all_good: all_good(listing),
            saved: listing.saved.clone(),
            exports: Exports::of(&selection.href("/outbox", &[])),
            acts: if may_operate { bulk::links(selection) } else { Vec::new() },
            shell,
        }
    }
}

fn selects(listing: &Listing, registry: &Registry) -> Vec<Select> {
    let selection = &listing.selection;
    let kinds = listing.kinds.iter().map(|name| (name.as_str(), name.as_str()));
    let kinds = Choice::among(kinds, selection.list.kind.as_deref().unwrap_or_default());
    let lanes = Choice::among(Lane::ALL.iter().map(|lane| (lane.as_str(), lane.as_str())), selection.lane.map_or("", Lane::as_str));
    let connections = registry.connections().into_iter().map(|name| (name, provider_name(name)));
    let connections = Choice::among(connections, selection.connection.as_deref().unwrap_or_default());
    let classes = FailureClass::ALL.iter().map(|class| (class.as_str(), class_label(*class)));
    let classes = Choice::among(classes, selection.class.map_or("", FailureClass::as_str));
    let ages = Choice::among(Age::ALL.into_iter().map(|age| (age.as_str(), age.label())), selection.age.map_or("", Age::as_str));
    vec![
        Select { name: "kind", label: "Kind", all: "All kinds", choices: kinds },
        Select { name: "lane", label: "Lane", all: "All lanes", choices: lanes },
        Select { name: "connection", label: "System", all: "All systems", choices: connections },
        Select { name: "class", label: "Sort of error", all: "Any error or none", choices: classes },
        Select { name: "age", label: "Last change", all: "Changed at any time", choices: ages },
    ]
}

fn looked(selection: &Selection, id: JobId) -> String {
    let which = if selection.needs_looks() { "jobs" } else { "pending jobs" };
    format!("Looked through the {which} as far as #{id}.")
}

/// Every kind and every lane.
fn pausable(registry: &Registry) -> Vec<Choice> {
    let choice = |what: String, label: String| Choice { value: what, label, selected: false };
    let kinds = registry.kinds().into_iter().map(|(kind, _)| choice(format!("kind:{kind}"), format!("Kind {kind}")));
    let lanes = Lane::ALL.iter().map(|lane| choice(format!("lane:{}", lane.as_str()), format!("Lane {}", lane.as_str())));
    kinds.chain(lanes).collect()
}

/// The list for programs.
pub fn list_to_json(listing: &Listing, form: ListForm) -> Value {
    let jobs: Vec<Value> = listing.page.rows.iter().map(|row| to_json(row, &listing.reasons)).collect();
    let next = listing.page.older.map(|id| listing.selection.href("/outbox", &[("before", &id.to_string()), ("format", form.in_next())]));
    json!({ "jobs": jobs, "next": next })
}

/// A job for programs, with why it waits and until when.
pub fn to_json(row: &JobRow, reasons: &Reasons) -> Value {
    json!({
        "id": row.id,
        "kind": row.kind,
        "lane": row.lane,
        "state": row.state,
        "shown_state": row.shown_state(),
        "subject": row.subject,
        "line_id": row.line_id,
        "attempts": row.attempts,
        "attempts_max": row.attempts_max,
        "connection": row.connection,
        "last_class": row.last_class,
        "last_error": row.last_error,
        "waiting": reasons.explain(row),
        "created_at": row.created_at.and_utc(),
        "run_at": row.run_at.and_utc(),
        "finished_at": row.finished_at.map(|at| at.and_utc()),
        "updated_at": row.updated_at.and_utc(),
    })
}

fn tabs(listing: &Listing) -> Vec<Tab> {
    let to = |shown| listing.selection.in_state(shown).href("/outbox", &[]);
    let current = listing.selection.list.shown;
    let all = Tab { label: "All", href: to(None), count: String::new(), tone: "", current: current.is_none() };
    let of = |shown: Shown| {
        let (count, is_floor) =
            listing.counts.iter().find(|count| count.shown == shown).map_or((0, false), |count| (count.total, count.is_floor));
        Tab {
            label: shown.label(),
            href: to(Some(shown)),
            count: if is_floor { format!("{}+", format::number(count)) } else { format::number(count) },
            tone: match shown {
                Shown::Failed if count > 0 => "bad",
                Shown::Retrying | Shown::Uncertain if count > 0 => "warn",
                _ => "",
            },
            current: current == Some(shown),
        }
    };
    std::iter::once(all).chain(Shown::ALL.map(of)).collect()
}

fn narrowed(selection: &Selection, is_cut: bool) -> String {
    let kind = selection.list.kind.as_deref().unwrap_or_default();
    match (selection.list.shown, kind) {
        _ if is_cut && selection.needs_looks() => "None among the jobs looked through; go on to older ones.".into(),
        _ if is_cut => "None among the newest pending jobs; go on to older ones.".into(),
        _ if selection.needs_looks() => format!("There is no job with {}.", selection.in_words().join(", ")),
        (None, "") => String::new(),
        (Some(shown), "") => format!("No job has the state {} now.", shown.label()),
        (None, kind) => format!("There is no job of the kind {kind}."),
        (Some(shown), kind) => format!("No job of the kind {kind} has the state {} now.", shown.label()),
    }
}

/// Nothing failed, nothing waits for a person: that is said as what it is.
fn all_good(listing: &Listing) -> String {
    let is_trouble = matches!(listing.selection.list.shown, Some(Shown::Failed | Shown::Uncertain | Shown::Retrying));
    let done = listing.counts.iter().find(|count| count.shown == Shown::Done);
    let is_by_state = !listing.selection.needs_looks() && listing.selection.list.kind.is_none();
    match done {
        Some(done) if is_trouble && is_by_state && listing.page.looked_to.is_none() => {
            let more = if done.is_floor { "+" } else { "" };
            format!("Nothing is in trouble here. {}{more} jobs are done.", format::number(done.total))
        }
        _ => String::new(),
    }
}

/// A job with its attempts.
#[derive(Template, WebTemplate)]
#[template(path = "outbox/show.html")]
pub struct JobShow {
    pub shell: Shell,
    pub id: i64,
    pub kind: String,
    pub pill: Pill,
    pub state_href: String,
    pub subject: String,
    pub subject_href: Option<String>,
    /// What went wrong, worst first; empty where nothing did.
    pub error: String,
    /// What to do about it.
    pub advice: &'static str,
    /// Why it waits; empty where it does not.
    pub waiting: String,
    /// How far a running job has come, by its own word.
    pub progress: Option<ProgressBar>,
    pub attempts_used: String,
    pub entries: Vec<Entry>,
    pub payload: String,
    pub note: String,
    pub facts: Vec<Fact>,
    pub can: Can,
}

/// How far a long job has come.
pub struct ProgressBar {
    pub text: String,
    pub done: i64,
    /// None where the job does not know.
    pub total: Option<i64>,
    pub message: String,
    pub at: Stamp,
}

impl ProgressBar {
    fn new(said: &Reported, times: Times) -> Self {
        let done = format::number(said.done);
        let text = said.total.map_or_else(|| done.clone(), |total| format!("{done} of {}", format::number(total)));
        let message = said.message.clone().unwrap_or_default();
        Self { text, done: said.done, total: said.total, message, at: times.stamp_s(said.updated_at) }
    }
}

/// Which buttons the page offers.
#[derive(Clone, Copy, Default)]
pub struct Can {
    pub retry: bool,
    pub cancel: bool,
    pub complete: bool,
}

/// What the page of a job is made of.
pub struct JobStory {
    pub row: JobRow,
    pub attempts: Vec<AttemptRow>,
    pub acts: Vec<ActRow>,
    pub people: std::collections::BTreeMap<String, String>,
    pub reasons: Reasons,
    pub progress: Option<Reported>,
}

impl JobShow {
    /// Puts the page together.
    pub fn new(shell: Shell, job: &JobStory, may_operate: bool) -> Self {
        let (times, row) = (shell.frame.times, &job.row);
        let waiting = job.reasons.explain(row);
        Self {
            id: row.id.0,
            kind: row.kind.clone(),
            pill: Pill::of(row.shown_state()),
            state_href: href("/outbox", &[("state", &row.shown_state().to_lowercase())]),
            subject: subject_label(&row.subject),
            subject_href: subject_href(&row.subject),
            error: if matches!(row.state, JobState::Succeeded) { String::new() } else { row.last_error.clone().unwrap_or_default() },
            advice: advice(row.state, job.reasons.looks_up(row)),
            waiting: waiting.map(|waiting| waiting.in_words(times)).unwrap_or_default(),
            progress: job.progress.as_ref().filter(|_| row.state == JobState::Running).map(|said| ProgressBar::new(said, times)),
            attempts_used: format!("{} of {} tries failed", row.attempts, row.attempts_max),
            entries: entries(job, times),
            payload: pretty(&row.payload),
            note: row.note.as_deref().map(pretty).unwrap_or_default(),
            facts: facts(row, times),
            can: if may_operate { can(row.state) } else { Can::default() },
            shell,
        }
    }
}

fn advice(state: JobState, is_looked_up: bool) -> &'static str {
    match state {
        JobState::Dead => "Stopped here, because trying again by itself cannot help. Correct the cause, then run it again.",
        JobState::Uncertain if is_looked_up => "It may have arrived, and is looked up by itself. If you know more, decide now.",
        JobState::Uncertain => "It may have arrived. Look it up there first: send it again only if it did not arrive.",
        JobState::Cancelled => "It was cancelled and will not run unless someone runs it again.",
        _ => "It runs again by itself.",
    }
}

fn can(state: JobState) -> Can {
    Can {
        retry: matches!(state, JobState::Pending | JobState::Dead | JobState::Cancelled | JobState::Uncertain),
        cancel: matches!(state, JobState::Pending | JobState::Dead | JobState::Uncertain),
        complete: matches!(state, JobState::Uncertain | JobState::Dead),
    }
}

fn entries(job: &JobStory, times: Times) -> Vec<Entry> {
    let mut told: Vec<_> = job.attempts.iter().map(|row| (row.finished_at, story::attempt(row, times))).collect();
    told.extend(job.acts.iter().map(|row| (row.at, story::act(row, &job.people, times))));
    if job.attempts.is_empty() && job.row.state == JobState::Succeeded {
        told.extend(job.row.finished_at.and_then(|at| Some((at, story::done(&job.row, times)?))));
    }
    told.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let queued = Entry { note: String::new(), href: None, ..story::queued(&job.row, times) };
    told.into_iter().map(|(_, entry)| entry).chain([queued]).collect()
}

fn facts(row: &JobRow, times: Times) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(connection) = &row.connection {
        facts.push(Fact::text("System", provider_name(connection)));
        let again = if row.repeatable { "safe: the call carries our id" } else { "only after a look: the call has no id of ours" };
        facts.push(Fact::text("Sending twice is", again));
    }
    facts.push(Fact::text("Lane", row.lane.as_str()));
    facts.push(Fact::text("Queued", times.exact(row.created_at).text));
    if let Some(started) = row.started_at {
        facts.push(Fact::text("Last started", times.exact(started).text));
    }
    match row.finished_at {
        Some(finished) => {
            facts.push(Fact::text("Finished", times.exact(finished).text));
            facts.push(Fact::text("Took", format::duration(finished - row.created_at)));
        }
        None => facts.push(Fact::text("In queue for", format::duration(times.now - row.created_at))),
    }
    if let Some(process) = &row.leased_by {
        facts.push(Fact::code("Worker", process));
    }
    facts.push(Fact::code("Line", &row.line_id).at(format!("/lines/{}", row.line_id)));
    facts
}
