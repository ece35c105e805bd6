//! Operations as pages show them, as finished text.

use std::collections::BTreeMap;

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use super::model::{Act, Operation, OperationId, OperationState};
use super::preview::{name, title};
use crate::timeline::story::who;
use crate::web::parts::{Exports, Fact, Pager, Pill, href};
use crate::web::{Shell, Stamp, Times, format};

/// The list.
#[derive(Template, WebTemplate)]
#[template(path = "operations/list.html")]
pub struct OperationList {
    pub shell: Shell,
    pub rows: Vec<OperationLine>,
    pub pager: Pager,
    pub exports: Exports,
}

/// A row of the list.
pub struct OperationLine {
    pub id: i64,
    pub title: String,
    pub filter: String,
    pub pill: Pill,
    pub result: String,
    pub who: String,
    pub started: Stamp,
}

impl OperationList {
    /// Puts the page together; `place`: whether there are newer ones, and where older ones begin.
    pub fn new(shell: Shell, operations: &[Operation], people: &BTreeMap<String, String>, place: (bool, Option<OperationId>)) -> Self {
        let times = shell.frame.times;
        let (has_newer, older) = place;
        let rows = operations.iter().map(|operation| OperationLine {
            id: operation.id.0,
            title: title(operation),
            filter: words(operation),
            pill: Pill::of(operation.state.label()),
            result: result(operation),
            who: who(&operation.started_by, people),
            started: times.stamp(operation.created_at),
        });
        Self {
            rows: rows.collect(),
            pager: Pager {
                newer: has_newer.then(|| "/operations".to_owned()),
                older: older.map(|id| href("/operations", &[("before", &id.to_string())])),
            },
            exports: Exports::of("/operations"),
            shell,
        }
    }
}

fn words(operation: &Operation) -> String {
    let words = operation.target().in_words();
    if words.is_empty() { "no filter".into() } else { words }
}

/// `2,990 put in the queue, 8 skipped, 2 refused`
fn result(operation: &Operation) -> String {
    let left = [(operation.skipped, "skipped"), (operation.refused, "refused")];
    let left = left.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!(", {} {word}", format::number(count)));
    let done = if only_queues(operation.act) { "put in the queue" } else { "done" };
    format!("{} {done}{}", format::number(operation.done), left.collect::<String>())
}

/// Whether all it does to each is to have a job run: what comes of that shows in the list.
fn only_queues(act: Act) -> bool {
    matches!(act, Act::Retry | Act::Replay | Act::ReplayWithMails)
}

/// An operation.
#[derive(Template, WebTemplate)]
#[template(path = "operations/show.html")]
pub struct OperationShow {
    pub shell: Shell,
    pub id: i64,
    pub title: String,
    pub pill: Pill,
    pub filter: String,
    pub list_href: String,
    /// What the state means.
    pub meaning: String,
    pub error: String,
    pub job: Option<i64>,
    /// `1,200 of 3,000`
    pub progress: String,
    pub handled: i64,
    /// None where it is not known well enough for a bar.
    pub total: Option<i64>,
    pub is_under_way: bool,
    pub counts: Vec<Fact>,
    pub reasons: Vec<(String, String)>,
    pub facts: Vec<Fact>,
    pub may_cancel: bool,
}

/// What the page is made of.
pub struct OperationStory {
    pub operation: Operation,
    /// The one it waits for.
    pub before: Option<Operation>,
    pub people: BTreeMap<String, String>,
}

impl OperationShow {
    /// Puts the page together.
    pub fn new(shell: Shell, told: &OperationStory, may_operate: bool) -> Self {
        let (times, operation) = (shell.frame.times, &told.operation);
        let handled = operation.handled();
        let is_known = !operation.is_total_floor && operation.total >= handled;
        let under_way = operation.state.is_under_way();
        Self {
            id: operation.id.0,
            title: title(operation),
            pill: Pill::of(operation.state.label()),
            filter: words(operation),
            list_href: operation.target().list_href(),
            meaning: meaning(told, times),
            error: operation.last_error.clone().unwrap_or_default(),
            job: operation.job_id.map(|id| id.0),
            progress: progress(operation),
            handled,
            // What changed by itself leaves the count; the end is the end.
            total: if operation.state == OperationState::Done { Some(handled) } else { Some(operation.total).filter(|_| is_known) },
            is_under_way: under_way,
            counts: vec![
                match only_queues(operation.act) {
                    true => Fact::text("Put in the queue", format::number(operation.done)).at(operation.target().list_href()),
                    false => Fact::text("Done", format::number(operation.done)),
                },
                Fact::text("Skipped", format::number(operation.skipped)),
                Fact::text("Refused", format::number(operation.refused)),
            ],
            reasons: operation.reasons().into_iter().map(|(why, count)| (why, format::number(count))).collect(),
            facts: facts(told, times),
            may_cancel: may_operate && under_way,
            shell,
        }
    }
}

fn progress(operation: &Operation) -> String {
    let handled = format::number(operation.handled());
    let more = if operation.is_total_floor { " or more" } else { "" };
    match operation.state {
        OperationState::Done => format!("all {handled} that were met"),
        _ => format!("{handled} of {}{more}", format::number(operation.total)),
    }
}

fn meaning(told: &OperationStory, times: Times) -> String {
    let operation = &told.operation;
    match operation.state {
        OperationState::Waiting => match &told.before {
            Some(before) => format!("It waits for {}: operations run one after the other.", name(before)),
            None => "It begins as soon as a worker is free.".into(),
        },
        OperationState::Running => "It goes on by itself, also when you leave this page or the program is started anew.".into(),
        OperationState::Done if only_queues(operation.act) => {
            "What was not skipped or refused is in the queue. What comes of it shows in their list.".into()
        }
        OperationState::Done => "Everything that was met has been dealt with.".into(),
        OperationState::Cancelled => {
            let by = operation.cancelled_by.as_deref().map(|actor| format!(" by {}", who(actor, &told.people))).unwrap_or_default();
            let at = operation.finished_at.map(|at| format!(" at {}", times.stamp_s(at).text)).unwrap_or_default();
            format!("It was cancelled{by}{at}. What was done until then stays done.")
        }
        OperationState::Failed => "It stopped where it was. Run its job again, and it goes on from there.".into(),
    }
}

fn facts(told: &OperationStory, times: Times) -> Vec<Fact> {
    let operation = &told.operation;
    let mut facts = vec![
        Fact::text("Asked for by", who(&operation.started_by, &told.people)),
        Fact::text("Reason", operation.reason.clone().unwrap_or_else(|| "none given".into())),
        Fact::text("Asked for", times.exact(operation.created_at).text),
    ];
    facts.extend(operation.started_at.map(|at| Fact::text("Begun", times.exact(at).text)));
    if let Some(finished) = operation.finished_at {
        facts.push(Fact::text("Ended", times.exact(finished).text));
        facts.extend(operation.started_at.map(|begun| Fact::text("Took", format::duration(finished - begun))));
    }
    facts.push(Fact::text("Nothing newer than", format!("#{}", operation.id_max)));
    facts.extend(operation.job_id.map(|id| Fact::text("Job", format!("#{id}")).at(format!("/outbox/{id}"))));
    facts.push(Fact::code("Line", &operation.line_id).at(format!("/lines/{}", operation.line_id)));
    facts
}

/// An operation for programs.
pub fn to_json(operation: &Operation) -> Value {
    json!({
        "id": operation.id, "act": operation.act, "subject": operation.subject, "filter": operation.filter, "state": operation.state,
        "started_by": operation.started_by, "reason": operation.reason, "total": operation.total, "is_total_floor": operation.is_total_floor,
        "done": operation.done, "skipped": operation.skipped, "refused": operation.refused, "reasons": operation.reasons(),
        "job": operation.job_id, "line_id": operation.line_id, "last_error": operation.last_error, "cancelled_by": operation.cancelled_by,
        "created_at": operation.created_at.and_utc(), "started_at": operation.started_at.map(|at| at.and_utc()),
        "finished_at": operation.finished_at.map(|at| at.and_utc()),
    })
}
