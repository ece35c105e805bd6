//! What a timeline is narrowed to, as it stands in an address: `?source=stripe&kind=money&from=2026-11-01&to=2026-11-30&human=yes`.

use super::kinds;
use crate::clock::UtcTime;
use crate::db::keyset::Place;
use crate::web::parts::href;
use crate::web::{Fields, Times};

/// The longest source or kind; ours are shorter.
const TEXT_MAX: usize = 60;

/// Which events a timeline shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedFilter {
    pub source: String,
    /// A kind (`lead.sent`) or a group of kinds (`money`).
    pub kind: String,
    /// The first and the last day, in the seller's zone, as typed.
    pub from: String,
    pub to: String,
    pub humans_only: bool,
    /// The period in UTC: from here, and before there.
    pub since: Option<UtcTime>,
    pub until: Option<UtcTime>,
}

impl FeedFilter {
    /// From the query of an address; what is not understood there narrows nothing.
    pub fn of(query: &Fields, times: Times) -> Self {
        let text = |name: &str| query.text(name).chars().take(TEXT_MAX).collect::<String>();
        let midnight = |day: &str| times.moment(&format!("{day}T00:00"));
        let (from, to) = (text("from"), text("to"));
        let (since, last) = (midnight(&from), chrono::NaiveDate::parse_from_str(&to, "%Y-%m-%d").ok());
        // The day after, by the calendar: days in which the clocks change have other lengths.
        let until = last.and_then(|day| midnight(&day.succ_opt()?.to_string()));
        Self {
            source: text("source"),
            kind: text("kind"),
            from: if since.is_some() { from } else { String::new() },
            to: if until.is_some() { to } else { String::new() },
            humans_only: query.text("human") == "yes",
            since,
            until,
        }
    }

    /// Whether rows must be looked at one by one; the period alone is a range of the index.
    pub fn picks(&self) -> bool {
        !self.source.is_empty() || !self.kind.is_empty() || self.humans_only
    }

    /// Whether it narrows anything.
    pub fn is_empty(&self) -> bool {
        !self.picks() && self.since.is_none() && self.until.is_none()
    }

    /// Whether an event is shown.
    pub fn takes(&self, source: &str, kind: &str) -> bool {
        (self.source.is_empty() || self.source == source)
            && (self.kind.is_empty() || kinds::is_of(kind, &self.kind))
            && (!self.humans_only || kinds::is_by_people(kind))
    }

    /// The address of a page of a timeline.
    pub fn href(&self, path: &str, place: Option<Place>) -> String {
        let place = place.map(|place| place.to_string()).unwrap_or_default();
        let human = if self.humans_only { "yes" } else { "" };
        let pairs = [
            ("source", self.source.as_str()),
            ("kind", &self.kind),
            ("from", &self.from),
            ("to", &self.to),
            ("human", human),
            ("place", &place),
        ];
        href(path, &pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn times() -> Times {
        let now = NaiveDate::from_ymd_opt(2026, 11, 22).and_then(|day| day.and_hms_opt(9, 0, 0)).expect("a time");
        Times { zone: chrono_tz::Asia::Dubai, now }
    }

    #[test]
    fn a_period_is_whole_days_of_the_sellers_zone() {
        let query = Fields::parse(b"from=2026-11-01&to=2026-11-02&kind=money&human=yes").expect("a query");
        let filter = FeedFilter::of(&query, times());
        assert_eq!(filter.since.map(|at| at.to_string()).as_deref(), Some("2026-10-31 20:00:00"));
        assert_eq!(filter.until.map(|at| at.to_string()).as_deref(), Some("2026-11-02 20:00:00"));
        assert!(
            filter.takes("stripe", "payment.succeeded")
                && !filter.takes("stripe", "payment.refunded")
                && !filter.takes("intake", "lead.received")
        );
        assert_eq!(filter.href("/timeline", None), "/timeline?kind=money&from=2026-11-01&to=2026-11-02&human=yes");
    }

    #[test]
    fn nonsense_narrows_nothing() {
        let filter = FeedFilter::of(&Fields::parse(b"from=soon&to=2026-13-40&human=no").expect("a query"), times());
        assert!(filter.is_empty() && filter.from.is_empty() && filter.to.is_empty());
        assert!(filter.takes("zoho", "lead.sent"));
    }
}
