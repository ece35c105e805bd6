//! A timeline as pages show it: days, what happened in each, repeats folded into one.

use serde_json::Value;

use super::feed_queries::{FeedPage, Told};
use super::filter::FeedFilter;
use super::{feed_api, kinds, story};
use crate::people::Owner;
use crate::web::parts::{Choice, Pager, Select, subject_href};
use crate::web::{Stamp, Times, format};

/// A timeline with its filter.
pub struct FeedView {
    /// Where the filter's form leads.
    pub path: String,
    pub days: Vec<Day>,
    pub selects: Vec<Select>,
    pub from: String,
    pub to: String,
    pub humans_only: bool,
    pub is_narrowed: bool,
    /// How far a filter has looked; empty where it looked at everything.
    pub searched: String,
    pub pager: Pager,
    /// The same as JSON.
    pub json: String,
}

/// A day.
pub struct Day {
    pub title: String,
    pub moments: Vec<Moment>,
}

/// Something that happened, or several times in a row.
pub struct Moment {
    pub id: i64,
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub href: String,
    /// `3 times, first at 14:02`; empty where it was once.
    pub repeats: String,
    count: i64,
    pub note: String,
    /// What somebody wrote.
    pub quote: String,
    /// Whom it is about; empty where the page says so itself.
    pub person: String,
    pub person_href: String,
    pub at: Stamp,
}

impl FeedView {
    /// Puts it together. Whose it is says where it stands (None: everybody's, on a page of its own); a page about one contact does not
    /// name them in each row.
    pub fn new(feed: &FeedPage, filter: &FeedFilter, owner: Option<Owner>, times: Times) -> Self {
        let names_people = !matches!(owner, Some(Owner::Contact(_)));
        let path = owner.map_or_else(|| super::pages::PATH.to_owned(), Owner::path);
        let mut days: Vec<Day> = Vec::new();
        let mut last: Option<&Told> = None;
        for told in &feed.page.rows {
            let title = times.day_title(told.event.occurred_at);
            if days.last().is_none_or(|day| day.title != title) {
                days.push(Day { title, moments: Vec::new() });
            }
            let Some(Day { moments, .. }) = days.last_mut() else { continue };
            match moments.last_mut().filter(|_| last.is_some_and(|last| is_repeat(last, told))) {
                Some(before) => before.repeat(times.clock(told.event.occurred_at)),
                None => moments.push(Moment::new(told, feed, names_people, times)),
            }
            last = Some(told);
        }
        let select =
            |name, label, all, among: Vec<(&str, &str)>, chosen: &str| Select { name, label, all, choices: Choice::among(among, chosen) };
        let groups = kinds::GROUPS.iter().map(|(value, label, _)| (*value, *label)).collect();
        Self {
            days,
            selects: vec![
                select("kind", "Kind", "All kinds", groups, &filter.kind),
                select("source", "Source", "All sources", kinds::SOURCES.to_vec(), &filter.source),
            ],
            from: filter.from.clone(),
            to: filter.to.clone(),
            humans_only: filter.humans_only,
            is_narrowed: !filter.is_empty(),
            searched: feed
                .searched_to
                .map(|at| format!("A filter looks at up to 5,000 events a page: this one looked back to {}.", times.stamp(at).text))
                .unwrap_or_default(),
            pager: Pager {
                newer: feed.page.newer.map(|place| filter.href(&path, Some(place))),
                older: feed.page.older.map(|place| filter.href(&path, Some(place))),
            },
            json: filter.href(&feed_api::path_of(owner), None),
            path,
        }
    }
}

/// The same happened to the same, one right after the other. Words of people and money are never folded.
fn is_repeat(before: &Told, told: &Told) -> bool {
    let (a, b) = (&before.event, &told.event);
    a.kind == b.kind
        && a.subject == b.subject
        && !matches!(a.kind.split('.').next(), Some("note" | "address" | "payment" | "refund" | "checkout"))
}

impl Moment {
    fn new(told: &Told, feed: &FeedPage, names_people: bool, times: Times) -> Self {
        let event = &told.event;
        let (tone, icon, title) = story::told(&event.kind);
        let data = &told.data;
        let by = told.by().map(|actor| format!("by {}", story::who(actor, &feed.staff)));
        let person = told.contact.as_ref().filter(|_| names_people);
        let page = subject_href(&event.subject).filter(|_| !matches!(event.kind.as_str(), "note.added" | "address.confirmed"));
        Self {
            id: event.id,
            tone,
            icon,
            title,
            href: page.unwrap_or_else(|| format!("/lines/{}", event.line_id)),
            repeats: String::new(),
            count: 1,
            note: [story::amount(data), about(data), by].into_iter().flatten().collect::<Vec<_>>().join(" · "),
            quote: data.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
            person: person.map(|contact| contact.label_or(told.mail.as_deref())).unwrap_or_default(),
            person_href: person.map(|contact| format!("/contacts/{}", contact.id)).unwrap_or_default(),
            at: times.stamp_of_day(event.occurred_at),
        }
    }

    /// Rows come newest first: each repeat is an earlier time.
    fn repeat(&mut self, first: String) {
        self.count += 1;
        self.repeats = format!("{} times, first at {first}", format::number(self.count));
    }
}

/// Where a lead came in, what a mail was for.
fn about(data: &Value) -> Option<String> {
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let purpose = text("purpose").map(|purpose| if purpose == "reply" { "our answer to them" } else { "notice to staff" });
    purpose.map(str::to_owned).or_else(|| text("source").map(|source| format!("from {source}")))
}
