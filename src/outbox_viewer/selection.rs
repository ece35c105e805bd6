//! Which jobs a list, a file or a bulk operation is about: read from an address, written back into one, and said in words.

use chrono::TimeDelta;

use super::list_queries::{JobFilter, Shown};
use crate::clock::UtcTime;
use crate::integrations::FailureClass;
use crate::outbox::Lane;
use crate::outbox::waiting::provider_name;
use crate::web::Fields;
use crate::web::parts::href;

/// The longest text that is looked for.
const TEXT_MAX: usize = 200;

/// What all of the jobs have in common. Everything left out is everything.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What the indexes know.
    pub list: JobFilter,
    pub lane: Option<Lane>,
    pub connection: Option<String>,
    pub class: Option<FailureClass>,
    /// Part of the last error, in any case.
    pub text: Option<String>,
    pub age: Option<Age>,
}

/// How long ago a job changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    Hour,
    Day,
    Week,
    OverDay,
    OverWeek,
    OverMonth,
}

impl Age {
    /// In the order of the page.
    pub const ALL: [Self; 6] = [Self::Hour, Self::Day, Self::Week, Self::OverDay, Self::OverWeek, Self::OverMonth];

    /// In addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::OverDay => "over-24h",
            Self::OverWeek => "over-7d",
            Self::OverMonth => "over-30d",
        }
    }

    /// On pages.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hour => "changed in the last hour",
            Self::Day => "changed in the last 24 hours",
            Self::Week => "changed in the last 7 days",
            Self::OverDay => "unchanged for 24 hours",
            Self::OverWeek => "unchanged for 7 days",
            Self::OverMonth => "unchanged for 30 days",
        }
    }

    fn fits(self, changed_at: UtcTime, as_of: UtcTime) -> bool {
        let age = as_of - changed_at;
        match self {
            Self::Hour => age <= TimeDelta::hours(1),
            Self::Day => age <= TimeDelta::hours(24),
            Self::Week => age <= TimeDelta::days(7),
            Self::OverDay => age > TimeDelta::hours(24),
            Self::OverWeek => age > TimeDelta::days(7),
            Self::OverMonth => age > TimeDelta::days(30),
        }
    }
}

/// The word for a class of failures.
pub fn class_label(class: FailureClass) -> &'static str {
    match class {
        FailureClass::RateLimited => "too many calls",
        FailureClass::Authentication => "sign-in refused",
        FailureClass::Validation => "record refused",
        FailureClass::NotFound => "not found",
        FailureClass::ServerError => "error over there",
        FailureClass::Network => "no answer",
        FailureClass::Unknown => "not understood",
    }
}

/// What of a job the indexes do not know.
#[derive(Clone, Debug)]
pub struct Traits<'a> {
    pub lane: Lane,
    pub connection: Option<&'a str>,
    pub class: Option<FailureClass>,
    pub error: Option<&'a str>,
    pub updated_at: UtcTime,
}

impl Selection {
    /// From the query of an address; what is not understood there narrows nothing.
    pub fn of(query: &Fields) -> Self {
        let given = |name: &str| Some(query.text(name).to_owned()).filter(|text| !text.is_empty());
        let age = query.text("age");
        Self {
            list: JobFilter { shown: Shown::parse(query.text("state")), kind: given("kind") },
            lane: Lane::parse(query.text("lane")),
            connection: given("connection"),
            class: FailureClass::parse(query.text("class")),
            text: given("text").map(|text| text.chars().take(TEXT_MAX).collect()),
            age: Age::ALL.into_iter().find(|known| known.as_str() == age),
        }
    }

    /// Names and values, as addresses have them.
    pub fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("state", self.list.shown.map_or("", Shown::as_str)),
            ("kind", self.list.kind.as_deref().unwrap_or_default()),
            ("lane", self.lane.map_or("", Lane::as_str)),
            ("connection", self.connection.as_deref().unwrap_or_default()),
            ("class", self.class.map_or("", FailureClass::as_str)),
            ("text", self.text.as_deref().unwrap_or_default()),
            ("age", self.age.map_or("", Age::as_str)),
        ]
    }

    /// The address of its list, with what else belongs into the query.
    pub fn href(&self, path: &str, more: &[(&'static str, &str)]) -> String {
        let pairs: Vec<_> = self.pairs().into_iter().chain(more.iter().copied()).collect();
        href(path, &pairs)
    }

    /// The same for another state.
    pub fn in_state(&self, shown: Option<Shown>) -> Self {
        Self { list: JobFilter { shown, ..self.list.clone() }, ..self.clone() }
    }

    /// Whether each job must be looked at, since no index tells.
    pub fn needs_looks(&self) -> bool {
        self.lane.is_some() || self.connection.is_some() || self.class.is_some() || self.text.is_some() || self.age.is_some()
    }

    /// Whether nothing is left out.
    pub fn is_everything(&self) -> bool {
        self.pairs().iter().all(|(_, value)| value.is_empty())
    }

    /// Whether a job of the right state and kind fits in everything else.
    pub fn fits(&self, job: &Traits<'_>, as_of: UtcTime) -> bool {
        let has_failed = job.error.is_some();
        let is_shown = match self.list.shown {
            Some(Shown::Pending) => !has_failed,
            Some(Shown::Retrying) => has_failed,
            _ => true,
        };
        let says = |text: &String| job.error.is_some_and(|error| error.to_lowercase().contains(&text.to_lowercase()));
        is_shown
            && self.lane.is_none_or(|lane| job.lane == lane)
            && self.connection.as_deref().is_none_or(|connection| job.connection == Some(connection))
            && self.class.is_none_or(|class| job.class == Some(class))
            && self.text.as_ref().is_none_or(says)
            && self.age.is_none_or(|age| age.fits(job.updated_at, as_of))
    }

    /// Each narrowing in words.
    pub fn in_words(&self) -> Vec<String> {
        let list = &self.list;
        [
            list.shown.map(|shown| format!("state {}", shown.label())),
            list.kind.as_ref().map(|kind| format!("kind {kind}")),
            self.lane.map(|lane| format!("lane {}", lane.as_str())),
            self.connection.as_ref().map(|connection| format!("system {}", provider_name(connection))),
            self.class.map(|class| format!("error: {}", class_label(class))),
            self.text.as_ref().map(|text| format!("error contains “{text}”")),
            self.age.map(|age| age.label().to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Selection {
        Selection::of(&Fields::parse(query.as_bytes()).expect("a query"))
    }

    #[test]
    fn an_address_reads_back_and_nonsense_narrows_nothing() {
        let query = "state=failed&kind=leads.deliver&lane=lead&connection=zoho&class=validation&text=M%C3%BCll&age=over-7d";
        assert_eq!(of(query).href("/outbox", &[]), format!("/outbox?{query}"));
        assert!(of("state=odd&lane=x&class=y&age=z&text=+&format=csv").is_everything());
    }

    #[test]
    fn a_job_fits_in_all_that_is_asked_for() {
        let now = UtcTime::default() + TimeDelta::days(40);
        let job = Traits {
            lane: Lane::Lead,
            connection: Some("zoho"),
            class: Some(FailureClass::Validation),
            error: Some("Die Straße ist FALSCH"),
            updated_at: now - TimeDelta::hours(2),
        };
        for fits in ["", "lane=lead", "connection=zoho", "class=validation", "text=falsch", "age=24h", "state=retrying"] {
            assert!(of(fits).fits(&job, now), "{fits}");
        }
        for other in ["lane=sync", "connection=stripe", "class=network", "text=richtig", "age=1h", "age=over-24h", "state=pending"] {
            assert!(!of(other).fits(&job, now), "{other}");
        }
    }
}
