//! A bulk operation: what it does to which rows, how far it has come, and what it does not touch.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::clock::UtcTime;
use crate::db::schema::bulk_operations;
use crate::db::{id_type, text_enum};
use crate::inbox::filter::ReceiptFilter;
use crate::inbox::model::ReceiptId;
use crate::leads::{LeadFilter, LeadId, LeadStatus};
use crate::outbox::{JobId, JobState};
use crate::outbox_viewer::list_queries::Shown;
use crate::outbox_viewer::selection::Selection;
use crate::web::Fields;

id_type! {
    /// A row of `bulk_operations`.
    pub struct OperationId;
}

impl OperationId {
    /// How jobs and audit rows name it.
    pub fn subject(self) -> String {
        format!("operation:{self}")
    }
}

text_enum! {
    /// Rows of which table.
    pub enum Subject {
        Jobs => "jobs",
        Leads => "leads",
        Receipts => "receipts",
    }
}

text_enum! {
    /// What is done to each.
    pub enum Act {
        /// Failed, cancelled and retrying ones run now, with all their tries.
        Retry => "retry",
        /// Waiting ones do not run.
        Cancel => "cancel",
        /// Failed ones are put away as cancelled.
        Discard => "discard",
        /// Events are interpreted again; no mail follows.
        Replay => "replay",
        /// The same, and mails follow from them.
        ReplayWithMails => "replay_with_mails",
    }
}

text_enum! {
    /// Where an operation stands.
    pub enum OperationState {
        Waiting => "waiting",
        Running => "running",
        Done => "done",
        Cancelled => "cancelled",
        Failed => "failed",
    }
}

impl OperationState {
    /// Whether something may still come of it.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Waiting | Self::Running)
    }

    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "Waiting",
            Self::Running => "Running",
            Self::Done => "Done",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }
}

/// An operation as its row holds it.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = bulk_operations)]
pub struct Operation {
    pub id: OperationId,
    pub line_id: String,
    pub subject: Subject,
    pub act: Act,
    /// The query of the list's address.
    pub filter: String,
    pub reason: Option<String>,
    pub started_by: String,
    pub state: OperationState,
    pub job_id: Option<JobId>,
    /// Nothing newer is touched.
    pub id_max: i64,
    /// How many fitted at the start.
    pub total: i64,
    /// Counting had stopped there.
    pub is_total_floor: bool,
    /// How far the walk has come; see `pick_queries`.
    pub place: Option<String>,
    pub done: i64,
    pub skipped: i64,
    pub refused: i64,
    /// JSON: how many were left alone for each reason.
    pub reasons: String,
    pub cancelled_by: Option<String>,
    pub last_error: Option<String>,
    pub created_at: UtcTime,
    pub started_at: Option<UtcTime>,
    pub finished_at: Option<UtcTime>,
}

impl Operation {
    /// Which rows it is about.
    pub fn target(&self) -> Target {
        Target::of(self.subject, &Fields::parse(self.filter.as_bytes()).unwrap_or_default())
    }

    /// Its walk, from where it stands.
    pub fn walk(&self) -> Walk {
        Walk { act: self.act, target: self.target(), place: self.place.clone(), id_max: self.id_max, as_of: self.created_at }
    }

    /// How many it has dealt with.
    pub fn handled(&self) -> i64 {
        self.done + self.skipped + self.refused
    }

    /// How many were left alone for each reason.
    pub fn reasons(&self) -> BTreeMap<String, i64> {
        serde_json::from_str(&self.reasons).unwrap_or_default()
    }
}

/// What stands in an address of a list or a preview beside its filter.
const NO_NARROWING: [&str; 4] = ["subject", "act", "place", "format"];

/// Which rows: the filter of one of the lists.
#[derive(Clone, Debug)]
pub enum Target {
    Jobs(Selection),
    Leads(LeadFilter),
    Receipts(ReceiptFilter),
}

impl Target {
    /// From the query of a list's address.
    pub fn of(subject: Subject, query: &Fields) -> Self {
        match subject {
            Subject::Jobs => Self::Jobs(Selection::of(query)),
            Subject::Leads => Self::Leads(LeadFilter::of(query)),
            Subject::Receipts => Self::Receipts(ReceiptFilter::of(query)),
        }
    }

    /// The same, where all of the query was understood. A list shows more rather than less where it was not; an act on all that match
    /// must not become one on everything. Err: the first part that was not understood, as `name=value`.
    pub fn understood(subject: Subject, query: &Fields) -> Result<Self, String> {
        let target = Self::of(subject, query);
        let said = Fields::parse(target.query().as_bytes()).unwrap_or_default();
        let is_lost = |(name, value): &(&str, &str)| !value.is_empty() && !NO_NARROWING.contains(name) && said.text(name) != *value;
        match query.pairs().find(is_lost) {
            Some((name, value)) => Err(format!("{name}={value}")),
            None => Ok(target),
        }
    }

    /// Rows of which table.
    pub fn subject(&self) -> Subject {
        match self {
            Self::Jobs(_) => Subject::Jobs,
            Self::Leads(_) => Subject::Leads,
            Self::Receipts(_) => Subject::Receipts,
        }
    }

    /// The list of exactly these.
    pub fn list_href(&self) -> String {
        match self {
            Self::Jobs(selection) => selection.href("/outbox", &[]),
            Self::Leads(filter) => filter.href(None, ""),
            Self::Receipts(filter) => filter.href(None, ""),
        }
    }

    /// The query of that address.
    pub fn query(&self) -> String {
        self.list_href().split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default()
    }

    /// The filter in words; empty where there is none.
    pub fn in_words(&self) -> String {
        match self {
            Self::Jobs(selection) => selection.in_words().join(", "),
            Self::Leads(filter) => filter.in_words().join(", "),
            Self::Receipts(filter) => filter.in_words().join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_not_understood_is_no_filter_for_everything() {
        let target = |subject, query: &str| Target::understood(subject, &Fields::parse(query.as_bytes()).expect("a query"));
        for (subject, query) in [
            (
                Subject::Receipts,
                "state=failed&provider=stripe&type=charge.refunded&verdict=verified&about=+ch_1+&subject=receipts&act=replay",
            ),
            (Subject::Jobs, "state=failed&kind=orders.book&lane=lead&connection=zoho&class=network&text=x&age=over-24h&act=retry"),
            (Subject::Leads, "status=failed&source=website&text=Ada+L&place=newest&format=csv"),
            (Subject::Leads, ""),
        ] {
            assert!(target(subject, query).is_ok(), "{query}: {:?}", target(subject, query));
        }
        for (subject, query, lost) in [
            (Subject::Receipts, "type=x&state=nonsense", "state=nonsense"),
            (Subject::Receipts, "verdict=zz", "verdict=zz"),
            (Subject::Jobs, "state=zzz", "state=zzz"),
            (Subject::Leads, "foo=bar", "foo=bar"),
        ] {
            assert_eq!(target(subject, query).map(drop), Err(lost.to_owned()), "{query}");
        }
    }
}

impl Act {
    /// What can be done to rows of the table.
    pub fn fits(self, subject: Subject) -> bool {
        match subject {
            Subject::Jobs => !self.is_replay(),
            Subject::Leads => self == Self::Retry,
            Subject::Receipts => self.is_replay(),
        }
    }

    /// Whether events are interpreted again.
    pub fn is_replay(self) -> bool {
        matches!(self, Self::Replay | Self::ReplayWithMails)
    }

    /// A replay from which mails follow.
    #[must_use]
    pub fn with_mails(self) -> Self {
        if self == Self::Replay { Self::ReplayWithMails } else { self }
    }

    /// The states of jobs that it touches.
    pub fn touches(self) -> &'static [Shown] {
        match self {
            Self::Retry => &[Shown::Failed, Shown::Retrying, Shown::Cancelled],
            Self::Cancel => &[Shown::Pending, Shown::Retrying],
            Self::Discard => &[Shown::Failed],
            Self::Replay | Self::ReplayWithMails => &[],
        }
    }

    /// The same as rows hold them.
    pub fn job_states(self) -> &'static [JobState] {
        match self {
            Self::Retry => &[JobState::Dead, JobState::Pending, JobState::Cancelled],
            Self::Cancel => &[JobState::Pending],
            Self::Discard => &[JobState::Dead],
            Self::Replay | Self::ReplayWithMails => &[],
        }
    }

    /// The states of leads that it touches.
    pub fn lead_statuses(self) -> &'static [LeadStatus] {
        match self {
            Self::Retry => &[LeadStatus::Failed, LeadStatus::Retry, LeadStatus::Cancelled],
            _ => &[],
        }
    }

    /// On buttons: `Retry 7 jobs`.
    pub fn verb(self, subject: Subject) -> &'static str {
        match (self, subject) {
            (Self::Retry, Subject::Leads) => "Send again",
            (Self::Retry, _) => "Retry",
            (Self::Cancel, _) => "Cancel",
            (Self::Discard, _) => "Discard",
            (Self::Replay, _) => "Replay",
            (Self::ReplayWithMails, _) => "Replay with mails",
        }
    }
}

/// A walk over all rows that an act touches.
#[derive(Clone, Debug)]
pub struct Walk {
    pub act: Act,
    pub target: Target,
    pub place: Option<String>,
    pub id_max: i64,
    /// Ages are told from this moment.
    pub as_of: UtcTime,
}

/// One row to be dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemId {
    Job(JobId),
    Lead(LeadId),
    Receipt(ReceiptId),
}

/// One row, and how far the walk has come with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub id: ItemId,
    pub place: String,
}

/// The next rows of a walk.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    pub items: Vec<Item>,
    /// Where the walk stands after them; None where it stands as before.
    pub place: Option<String>,
    /// Nothing is left.
    pub is_last: bool,
}

/// What became of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// It no longer is what was asked for.
    Skipped(&'static str),
    /// It may not be touched.
    Refused(&'static str),
}

/// What became of a chunk's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub done: i64,
    pub skipped: i64,
    pub refused: i64,
    pub reasons: BTreeMap<String, i64>,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, fate: Fate) {
        let why = match fate {
            Fate::Done => {
                self.done += 1;
                return;
            }
            Fate::Skipped(why) => {
                self.skipped += 1;
                why
            }
            Fate::Refused(why) => {
                self.refused += 1;
                why
            }
        };
        *self.reasons.entry(why.to_owned()).or_default() += 1;
    }
}
