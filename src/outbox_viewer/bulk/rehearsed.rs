//! What the replay of the first events would come to, counted by outcome: a sample of what an operation meets.

use serde_json::{Value, json};

use crate::inbox::actions::Rehearsal;
use crate::inbox::interpreters::Meaning;
use crate::inbox::rehearsal::Rehearsed;
use crate::inbox::replay_views::RehearsedLine;
use crate::web::{Times, format};

/// How many come to which end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes([i64; 6]);

/// Words for a page, names for programs, and where on the page they begin.
const NAMES: [(&str, &str); 6] = [
    ("would fail", "fail"),
    ("would update", "update"),
    ("would do nothing, since newer is known", "nothing"),
    ("would be refused", "refused"),
    ("are of a type nobody handles", "not_handled"),
    ("would be left alone", "left_alone"),
];

fn place(rehearsed: &Rehearsed) -> usize {
    match &rehearsed.1 {
        Err(_) => 0,
        Ok(Rehearsal::Possible(Meaning::Handled { .. })) => 1,
        Ok(Rehearsal::Possible(Meaning::Superseded(_))) => 2,
        Ok(Rehearsal::Possible(Meaning::Refused(_))) => 3,
        Ok(Rehearsal::Possible(Meaning::NotHandled)) => 4,
        Ok(Rehearsal::Impossible(_)) => 5,
    }
}

impl Outcomes {
    /// Counts them.
    pub fn of(rehearsed: &[Rehearsed]) -> Self {
        let mut counts = Self::default();
        for one in rehearsed {
            counts.0[place(one)] += 1;
        }
        counts
    }

    /// For programs: `{"looked_at": 100, "fail": 1, …}`.
    pub fn to_json(self) -> Value {
        let mut told = json!({ "looked_at": self.0.iter().sum::<i64>() });
        for (count, (_, name)) in self.0.into_iter().zip(NAMES) {
            told[name] = json!(count);
        }
        told
    }
}

/// The sample on a page.
pub struct Rehearsals {
    /// `A sample: the first 100 of 3,000 events`
    pub title: String,
    /// `12 would fail`, with the place on the page where they stand.
    pub counts: Vec<(String, String)>,
    pub groups: Vec<Group>,
    /// There are more than were rehearsed.
    pub is_sample: bool,
}

/// Events that come to the same end.
pub struct Group {
    /// Its place on the page.
    pub id: String,
    pub title: String,
    pub rows: Vec<RehearsedLine>,
}

impl Rehearsals {
    /// None where nothing was rehearsed.
    pub fn of(rehearsed: &[Rehearsed], count: &str, times: Times) -> Option<Self> {
        if rehearsed.is_empty() {
            return None;
        }
        let shown = i64::try_from(rehearsed.len()).unwrap_or(i64::MAX);
        let all = format::counted(shown, "event", "events");
        let groups: Vec<Group> = (0..NAMES.len()).filter_map(|at| Group::of(at, rehearsed, times)).collect();
        let is_sample = all != count;
        Some(Self {
            is_sample,
            title: if !is_sample { "What would come of each".into() } else { format!("A sample: the first {all} of {count}") },
            counts: groups.iter().map(|group| (group.title.clone(), format!("#{}", group.id))).collect(),
            groups,
        })
    }
}

impl Group {
    fn of(at: usize, rehearsed: &[Rehearsed], times: Times) -> Option<Self> {
        let rows: Vec<RehearsedLine> =
            rehearsed.iter().filter(|one| place(one) == at).map(|(receipt, told)| RehearsedLine::new(receipt, told, times)).collect();
        let (words, name) = NAMES[at];
        let count = format::number(i64::try_from(rows.len()).unwrap_or(i64::MAX));
        (!rows.is_empty()).then(|| Self { id: format!("would-{name}"), title: format!("{count} {words}"), rows })
    }
}
