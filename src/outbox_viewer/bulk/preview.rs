//! The page before an operation, as finished text: what it meets, what it leaves alone and why.

use askama::Template;
use askama_web::WebTemplate;
use serde_json::{Value, json};

use super::model::{Act, Operation, Subject, Target};
use super::preview_queries::{Left, Met, Sample};
use super::rehearsed::{Outcomes, Rehearsals};
use crate::inbox::rehearsal::Rehearsed;
use crate::leads::{self, LeadStatus};
use crate::outbox_viewer::list_queries::{COUNT_MAX, Shown};
use crate::web::parts::{Pill, subject_label};
use crate::web::{Shell, Stamp, Times, format};

/// What would happen, with the button that makes it happen.
#[derive(Template, WebTemplate)]
#[template(path = "operations/preview.html")]
pub struct PreviewPage {
    pub shell: Shell,
    /// `Retry 3,000 jobs`
    pub button: String,
    pub icon: &'static str,
    pub is_final: bool,
    pub title: String,
    /// What follows from it.
    pub consequence: &'static str,
    pub subject: &'static str,
    pub act: &'static str,
    pub filter: String,
    pub filter_words: String,
    pub list_href: String,
    pub count: String,
    pub is_nothing: bool,
    pub rows: Vec<SampleLine>,
    /// What became of the first ones in a rehearsal; None where there is nothing to rehearse.
    pub rehearsals: Option<Rehearsals>,
    pub left: Vec<LeftLine>,
    /// What goes first; empty where nothing does.
    pub before: String,
    pub before_href: String,
}

/// A row that it meets.
pub struct SampleLine {
    pub href: String,
    pub title: String,
    pub about: String,
    pub pill: Pill,
    pub problem: String,
    pub at: Stamp,
}

/// What is left alone.
pub struct LeftLine {
    pub what: String,
    pub why: &'static str,
}

/// `7 jobs`, `10,000+ leads`
pub fn amount(total: i64, is_floor: bool, subject: Subject) -> String {
    let (one, many) = match subject {
        Subject::Jobs => ("job", "jobs"),
        Subject::Leads => ("lead", "leads"),
        Subject::Receipts => ("event", "events"),
    };
    if is_floor { format!("{}+ {many}", format::number(total)) } else { format::counted(total, one, many) }
}

/// The icon of an act.
pub fn icon(act: Act) -> &'static str {
    match act {
        Act::Retry | Act::Replay | Act::ReplayWithMails => "rotate-ccw",
        Act::Cancel | Act::Discard => "ban",
    }
}

impl PreviewPage {
    /// Puts the page together.
    pub fn new(shell: Shell, act: Act, target: &Target, met: &Met) -> Self {
        let times = shell.frame.times;
        let subject = target.subject();
        let count = amount(met.total, met.is_floor, subject);
        let words = target.in_words();
        let all = match subject {
            Subject::Jobs => "jobs",
            Subject::Leads => "leads",
            Subject::Receipts => "events",
        };
        Self {
            button: format!("{} {count}", act.verb(subject)),
            icon: icon(act),
            is_final: matches!(act, Act::Cancel | Act::Discard),
            title: format!("{} all {all} that fit", act.verb(subject)),
            consequence: consequence(act, subject),
            subject: subject.as_str(),
            act: act.as_str(),
            filter: target.query(),
            filter_words: if words.is_empty() { format!("no filter: all {all}") } else { words },
            list_href: target.list_href(),
            is_nothing: met.total == 0 && !met.is_floor,
            count,
            rows: lines(&met.sample, times),
            rehearsals: None,
            left: left(act, &met.left),
            before: met.before.as_ref().map(name).unwrap_or_default(),
            before_href: met.before.as_ref().map(|operation| format!("/operations/{}", operation.id)).unwrap_or_default(),
            shell,
        }
    }

    /// With what the first ones would come to.
    #[must_use]
    pub fn rehearsed(mut self, rehearsed: &[Rehearsed]) -> Self {
        self.rehearsals = Rehearsals::of(rehearsed, &self.count, self.shell.frame.times);
        self
    }
}

/// `operation 6, “Retry 3,000 jobs”`
pub fn name(operation: &Operation) -> String {
    format!("operation {}, “{}”", operation.id, title(operation))
}

/// `Retry 3,000 jobs`
pub fn title(operation: &Operation) -> String {
    let amount = amount(operation.total, operation.is_total_floor, operation.subject);
    format!("{} {amount}", operation.act.verb(operation.subject))
}

fn consequence(act: Act, subject: Subject) -> &'static str {
    match (act, subject) {
        (Act::Retry, Subject::Leads) => "Each is sent to the CRM again as it is now. Where the cause still stands they fail again.",
        (Act::Retry, _) => "Each runs again now, with all its tries back. Where the cause still stands they fail again.",
        (Act::Cancel, _) => "They will not run. A cancelled job can be run again later, alone or by another operation.",
        (Act::Replay | Act::ReplayWithMails, _) => {
            "Each is interpreted again, behind what comes in meanwhile. An event that came several times is one event here, and is replayed once."
        }
        (Act::Discard, _) => "They count as cancelled and no longer ask for attention. They can still be run again later.",
    }
}

fn lines(sample: &Sample, times: Times) -> Vec<SampleLine> {
    match sample {
        Sample::Jobs(rows) => rows
            .iter()
            .map(|row| SampleLine {
                href: format!("/outbox/{}", row.id),
                title: row.kind.clone(),
                about: format!("{} · #{}", subject_label(&row.subject), row.id),
                pill: Pill::of(row.shown_state()),
                problem: row.last_error.clone().unwrap_or_default(),
                at: times.stamp(row.updated_at),
            })
            .collect(),
        Sample::Leads(rows) => rows
            .iter()
            .map(|lead| SampleLine {
                href: format!("/leads/{}", lead.id),
                title: lead.name.clone(),
                about: format!("#{}", lead.id),
                pill: Pill::of(leads::word(lead.status)),
                problem: lead.last_error.clone().unwrap_or_default(),
                at: times.stamp(lead.received_at),
            })
            .collect(),
        // They are shown with what a replay would do.
        Sample::Receipts(_) => Vec::new(),
    }
}

fn left(act: Act, left: &Left) -> Vec<LeftLine> {
    let line = |label: &str, count: Option<i64>, why| LeftLine {
        what: count.map_or_else(|| label.to_owned(), |count| format!("{label}: {}", format::capped(count, COUNT_MAX))),
        why,
    };
    match left {
        Left::Jobs(all) => {
            let some = all.iter().filter(|(_, count)| *count != Some(0));
            let known = some.map(|(shown, count)| line(shown.label(), *count, why_job(act, *shown)));
            let twins = (act == Act::Retry).then(|| {
                line("Jobs whose work another waiting job does", None, "They are refused: a job for the same thing is never doubled.")
            });
            known.chain(twins).chain([line("Jobs that come or fail after the start", None, NOT_CHASED)]).collect()
        }
        Left::Leads(all) => {
            let some = all.iter().filter(|(_, count)| *count != Some(0));
            let known = some.map(|(status, count)| line(leads::word(*status), *count, why_lead(*status)));
            known.chain([line("Leads that come or fail after the start", None, NOT_CHASED)]).collect()
        }
        Left::Receipts(waiting) => {
            let waiting = (*waiting != Some(0)).then(|| line("Received", *waiting, "Their jobs interpret them already."));
            let emptied = line("Events whose content was removed", None, "It is kept for 90 days; what is gone cannot be interpreted.");
            waiting.into_iter().chain([emptied, line("Events that come or change after the start", None, NOT_CHASED)]).collect()
        }
    }
}

const NOT_CHASED: &str = "The set is fixed when it starts; what changes meanwhile is skipped, and told.";
const DECIDE: &str = "They may have arrived: sending again could double them. Somebody decides about each alone.";

fn why_job(act: Act, shown: Shown) -> &'static str {
    match (act, shown) {
        (_, Shown::Running) => "A call may be under way.",
        (_, Shown::Uncertain) => DECIDE,
        (_, Shown::Done) => "Nothing is left to do.",
        (Act::Retry, _) => "They run by themselves.",
        (Act::Discard, Shown::Pending | Shown::Retrying) => "They have not failed for good: cancel them instead.",
        (Act::Cancel, Shown::Failed) => "They do not run any more: discard or retry them instead.",
        _ => "They are cancelled already.",
    }
}

fn why_lead(status: LeadStatus) -> &'static str {
    match status {
        LeadStatus::Sent => "The CRM has them.",
        LeadStatus::Uncertain => DECIDE,
        LeadStatus::Processing => "They are being sent right now.",
        held if held.is_held() => "They are held back as suspicious: release them first.",
        _ => "They are on their way by themselves.",
    }
}

/// The same for programs.
pub fn to_json(act: Act, target: &Target, met: &Met, rehearsed: &[Rehearsed]) -> Value {
    let ids: Vec<i64> = match &met.sample {
        Sample::Jobs(rows) => rows.iter().map(|row| row.id.0).collect(),
        Sample::Leads(rows) => rows.iter().map(|row| row.id.0).collect(),
        Sample::Receipts(ids) => ids.iter().map(|id| id.0).collect(),
    };
    let mut told = json!({ "act": act, "subject": target.subject(), "filter": target.query(), "total": met.total, "is_total_floor": met.is_floor, "first_ids": ids });
    if target.subject() == Subject::Receipts {
        told["rehearsed"] = Outcomes::of(rehearsed).to_json();
    }
    told
}
