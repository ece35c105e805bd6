//! What the outbox pages show, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use crate::outbox::breaker::ConnectionState;
use crate::outbox::waiting::{self, Waiting, provider_name};
use crate::outbox::{JobId, JobRow, JobState};
use crate::timeline::story::{self, ActRow, AttemptRow};
use crate::web::parts::{Choice, Entry, Fact, Pager, Pill, Tab, href, pretty, subject_href, subject_label};
use crate::web::{Shell, Stamp, Times, format};

use super::list_queries::{Count, JobFilter, JobPage, Shown};

/// The list of jobs.
#[derive(Template, WebTemplate)]
#[template(path = "outbox/list.html")]
pub struct JobList {
    pub shell: Shell,
    pub tabs: Vec<Tab>,
    pub kinds: Vec<Choice>,
    pub shown: &'static str,
    pub rows: Vec<JobLine>,
    pub pager: Pager,
    /// What the list is narrowed to, in words; empty where it is not.
    pub narrowed: String,
    /// How far a page that is short has looked; empty where it has seen all there is.
    pub looked: String,
}

/// A row of the list.
pub struct JobLine {
    pub id: i64,
    pub kind: String,
    pub subject: String,
    pub pill: Pill,
    pub problem: String,
    pub attempts: String,
    pub updated: Stamp,
}

impl JobLine {
    fn new(row: &JobRow, connections: &[ConnectionState], times: Times) -> Self {
        Self {
            id: row.id.0,
            kind: row.kind.clone(),
            subject: subject_label(&row.subject),
            pill: Pill::of(row.shown_state()),
            problem: problem(row, connections, times),
            attempts: format!("{} of {}", row.attempts, row.attempts_max),
            updated: times.stamp(row.updated_at),
        }
    }
}

/// The last error, or why it waits; nothing where neither matters any more.
fn problem(row: &JobRow, connections: &[ConnectionState], times: Times) -> String {
    match row.state {
        JobState::Succeeded | JobState::Running => String::new(),
        _ => {
            let why = || waiting::explain(row, connections, times.now).map(|waiting| waiting.why);
            row.last_error.clone().or_else(why).unwrap_or_default()
        }
    }
}

/// What the list is made of.
pub struct Listing {
    pub filter: JobFilter,
    pub page: JobPage,
    pub counts: Vec<Count>,
    pub kinds: Vec<String>,
    pub connections: Vec<ConnectionState>,
}

impl JobList {
    /// Puts the page together.
    pub fn new(shell: Shell, listing: &Listing) -> Self {
        let times = shell.frame.times;
        let kind = listing.filter.kind.clone().unwrap_or_default();
        let shown = listing.filter.shown.map_or("", Shown::as_str);
        let link =
            |key: &str, id: Option<JobId>| id.map(|id| href("/outbox", &[("state", shown), ("kind", &kind), (key, &id.to_string())]));
        let page = &listing.page;
        Self {
            tabs: tabs(listing, &kind),
            kinds: listing.kinds.iter().map(|name| Choice { value: name.clone(), label: name.clone(), selected: *name == kind }).collect(),
            shown,
            rows: page.rows.iter().map(|row| JobLine::new(row, &listing.connections, times)).collect(),
            pager: Pager { newer: link("after", page.newer), older: link("before", page.older) },
            looked: page.looked_to.map(|id| format!("Looked through the pending jobs as far as #{id}.")).unwrap_or_default(),
            narrowed: if page.looked_to.is_some() {
                "None among the newest pending jobs; go on to older ones.".into()
            } else {
                narrowed(listing.filter.shown, &kind)
            },
            shell,
        }
    }
}

fn tabs(listing: &Listing, kind: &str) -> Vec<Tab> {
    let all = Tab {
        label: "All",
        href: href("/outbox", &[("kind", kind)]),
        count: String::new(),
        tone: "",
        current: listing.filter.shown.is_none(),
    };
    let of = |shown: Shown| {
        let (count, is_floor) =
            listing.counts.iter().find(|count| count.shown == shown).map_or((0, false), |count| (count.total, count.is_floor));
        Tab {
            label: shown.label(),
            href: href("/outbox", &[("state", shown.as_str()), ("kind", kind)]),
            count: if is_floor { format!("{}+", format::number(count)) } else { format::number(count) },
            tone: match shown {
                Shown::Failed if count > 0 => "bad",
                Shown::Retrying | Shown::Uncertain if count > 0 => "warn",
                _ => "",
            },
            current: listing.filter.shown == Some(shown),
        }
    };
    std::iter::once(all).chain(Shown::ALL.map(of)).collect()
}

fn narrowed(shown: Option<Shown>, kind: &str) -> String {
    match (shown, kind) {
        (None, "") => String::new(),
        (Some(shown), "") => format!("No job has the state {} now.", shown.label()),
        (None, kind) => format!("There is no job of the kind {kind}."),
        (Some(shown), kind) => format!("No job of the kind {kind} has the state {} now.", shown.label()),
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
    pub attempts_used: String,
    pub entries: Vec<Entry>,
    pub payload: String,
    pub note: String,
    pub facts: Vec<Fact>,
    pub can: Can,
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
    pub connections: Vec<ConnectionState>,
}

impl JobShow {
    /// Puts the page together.
    pub fn new(shell: Shell, job: &JobStory, may_operate: bool) -> Self {
        let (times, row) = (shell.frame.times, &job.row);
        let waiting = waiting::explain(row, &job.connections, times.now);
        Self {
            id: row.id.0,
            kind: row.kind.clone(),
            pill: Pill::of(row.shown_state()),
            state_href: href("/outbox", &[("state", &row.shown_state().to_lowercase())]),
            subject: subject_label(&row.subject),
            subject_href: subject_href(&row.subject),
            error: if matches!(row.state, JobState::Succeeded) { String::new() } else { row.last_error.clone().unwrap_or_default() },
            advice: advice(row.state),
            waiting: waiting.map(|waiting| sentence(&waiting, times)).unwrap_or_default(),
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

fn sentence(waiting: &Waiting, times: Times) -> String {
    let Some(until) = waiting.until else { return format::ended(&waiting.why) };
    format!("{} Until {} ({}).", format::ended(&waiting.why), times.stamp_s(until).text, times.relative(until))
}

fn advice(state: JobState) -> &'static str {
    match state {
        JobState::Dead => "Stopped here, because trying again by itself cannot help. Correct the cause, then run it again.",
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
