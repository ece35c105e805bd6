//! The parts pages are built from, as finished text: templates print them (templates/ui.html) and decide nothing.

use super::format::{self, Stamp};

/// A state: icon and word, never colour alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    /// Empty, `ok`, `warn`, `bad` or `info`.
    pub tone: &'static str,
    pub icon: &'static str,
    pub label: &'static str,
}

impl Pill {
    /// The look of each word for a state that our pages use; one word looks the same everywhere.
    pub fn of(label: &'static str) -> Self {
        let (tone, icon) = match label {
            "Done" | "Sent" | "Handled" | "Connected" | "Healthy" | "Active" | "Applies" => ("ok", "check"),
            "Failed" | "Not connected" | "Unhealthy" => ("bad", "x"),
            "Paid" => ("ok", "check"),
            "Partly refunded" | "Refunded" => ("info", "rotate-ccw"),
            "Missed" | "Silent" => ("warn", "clock"),
            "Retrying" => ("warn", "rotate-ccw"),
            "Needs a look" | "Sign-in refused" | "Degraded" => ("warn", "triangle-alert"),
            "Paused" | "Waiting" => ("warn", "hourglass"),
            "Overlapped" => ("warn", "ban"),
            "Running" | "Sending" | "By hand" => ("info", "play"),
            "On time" | "Fired" | "Later" => ("", "calendar-clock"),
            "Switched off" => ("", "pause"),
            "Outranked" => ("", "arrow-down"),
            "For more" => ("", "plus"),
            "Quarantined" => ("warn", "shield-check"),
            "Refused" => ("warn", "ban"),
            "Cancelled" | "Spam" => ("", "ban"),
            "Not handled" => ("", "eye"),
            "Superseded" => ("", "history"),
            _ => ("", "clock"),
        };
        Self { tone, icon, label }
    }
}

/// One of several views of a list; the state is in its address.
#[derive(Clone, Debug)]
pub struct Tab {
    pub label: &'static str,
    pub href: String,
    pub count: String,
    /// Of the count: empty, `warn` or `bad`.
    pub tone: &'static str,
    pub current: bool,
}

/// The ways to the neighbouring pages of a list.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    pub newer: Option<String>,
    pub older: Option<String>,
}

/// A choice in a select.
#[derive(Clone, Debug)]
pub struct Choice {
    pub value: String,
    pub label: String,
    pub selected: bool,
}

impl Choice {
    /// One choice for each value with its label.
    pub fn among<'a>(all: impl IntoIterator<Item = (&'a str, &'a str)>, chosen: &str) -> Vec<Self> {
        all.into_iter().map(|(value, label)| Self { value: value.into(), label: label.into(), selected: value == chosen }).collect()
    }
}

/// A select of a filter, whose first choice narrows nothing.
#[derive(Clone, Debug)]
pub struct Select {
    pub name: &'static str,
    pub label: &'static str,
    /// `All kinds`
    pub all: &'static str,
    pub choices: Vec<Choice>,
}

/// A figure with a comparison in words.
#[derive(Clone, Debug)]
pub struct Stat {
    pub label: &'static str,
    pub value: String,
    pub unit: String,
    pub note: String,
}

/// A name with its value.
#[derive(Clone, Debug)]
pub struct Fact {
    pub label: &'static str,
    pub value: String,
    pub href: Option<String>,
    /// Codes, numbers of phones, addresses: in one width, left to right.
    pub mono: bool,
}

impl Fact {
    /// Plain text.
    pub fn text(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into(), href: None, mono: false }
    }

    /// A code.
    pub fn code(label: &'static str, value: impl Into<String>) -> Self {
        Self { mono: true, ..Self::text(label, value) }
    }

    /// With a link to a page of ours.
    #[must_use]
    pub fn at(mut self, href: impl Into<String>) -> Self {
        self.href = Some(href.into());
        self
    }
}

/// How much of what is allowed is used.
#[derive(Clone, Debug)]
pub struct GaugeLine {
    pub label: String,
    pub text: String,
    pub most: i64,
    /// From 0 to `most`, whatever was counted: a bar has no room for more.
    pub used: i64,
    /// `ok`, `warn` or `bad`.
    pub tone: &'static str,
    pub note: String,
}

impl GaugeLine {
    /// So much of so much; it warns from this percentage on, and is bad where all is used.
    pub fn new(label: String, (used, most): (i64, i64), warns_at_percent: i64) -> Self {
        let percent = used * 100 / most.max(1);
        let tone = match percent {
            100.. => "bad",
            _ if percent >= warns_at_percent => "warn",
            _ => "ok",
        };
        let text = format!("{} of {}", format::number(used), format::number(most));
        Self { label, text, most, used: used.clamp(0, most), tone, note: String::new() }
    }

    /// With a sentence below it.
    #[must_use]
    pub fn note(self, note: String) -> Self {
        Self { note, ..self }
    }
}

/// Something that happened, in a timeline.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Unique on the page.
    pub id: String,
    pub tone: &'static str,
    pub icon: &'static str,
    pub title: String,
    pub note: String,
    pub text: String,
    pub at: Stamp,
    pub href: Option<String>,
    /// What was sent to a provider, secrets hidden; empty where nothing was.
    pub request: String,
    pub response: String,
    /// Each call and what came of it, where there were several; request and response are those of the last.
    pub calls: Vec<(String, String)>,
}

impl Entry {
    /// The element that shows the request.
    pub fn request_id(&self) -> String {
        format!("{}-request", self.id)
    }

    /// The element that shows the answer.
    pub fn response_id(&self) -> String {
        format!("{}-answer", self.id)
    }
}

/// A path with a query of the pairs that have a value.
pub fn href(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What can be done to all rows that fit the filter of a list: each leads to a preview.
#[derive(Clone, Debug)]
pub struct ActLink {
    pub label: &'static str,
    pub href: String,
    pub icon: &'static str,
}

/// The same list as files: the addresses behind the links below it.
#[derive(Clone, Debug)]
pub struct Exports {
    pub csv: String,
    pub json: String,
}

impl Exports {
    /// Of the list at this address, whose query holds its filter and no place.
    pub fn of(list: &str) -> Self {
        let mark = if list.contains('?') { '&' } else { '?' };
        Self { csv: format!("{list}{mark}format=csv"), json: format!("{list}{mark}format=json") }
    }
}

/// JSON with line breaks, for reading; other text as it is.
pub fn pretty(text: &str) -> String {
    // A request: its line and headers stay, its body is what is read.
    if let Some((head, body)) = text.split_once("\n\n") {
        return format!("{head}\n\n{}", pretty(body));
    }
    serde_json::from_str::<serde_json::Value>(text)
        .ok()
        .and_then(|value| serde_json::to_string_pretty(&value).ok())
        .unwrap_or_else(|| text.to_owned())
}

/// The page of what a ledger calls `lead:12` or `job:7`.
pub fn subject_href(subject: &str) -> Option<String> {
    match subject.split_once(':')? {
        ("lead", id) => Some(format!("/leads/{id}")),
        ("contact", id) => Some(format!("/contacts/{id}")),
        ("company", id) => Some(format!("/companies/{id}")),
        ("job", id) => Some(format!("/outbox/{id}")),
        ("order", id) => Some(format!("/orders/{id}")),
        ("receipt", id) => Some(format!("/inbox/{id}")),
        ("import", id) => Some(format!("/imports/{id}")),
        ("operation", id) => Some(format!("/operations/{id}")),
        ("schedule", name) => Some(format!("/schedules/{name}")),
        ("product", id) => Some(format!("/products/{id}")),
        ("price_list", id) => Some(format!("/price-lists/{id}")),
        ("product_import", id) => Some(format!("/products/imports/{id}")),
        ("connection", "zoho_books") => Some("/connections/books".into()),
        ("connection", provider @ ("zoho" | "stripe")) => Some(format!("/connections/{provider}")),
        _ => None,
    }
}

/// `lead:12` as people read it: `Lead 12`.
pub fn subject_label(subject: &str) -> String {
    match subject.split_once(':') {
        Some(("lead", id)) => format!("Lead {id}"),
        Some(("contact", id)) => format!("Contact {id}"),
        Some(("company", id)) => format!("Company {id}"),
        Some(("job", id)) => format!("Job {id}"),
        Some(("order", id)) => format!("Order {id}"),
        Some(("receipt", id)) => format!("Receipt {id}"),
        Some(("operation", id)) => format!("Bulk operation {id}"),
        Some(("user", id)) => format!("User {id}"),
        Some(("schedule", name)) => format!("Schedule {name}"),
        Some(("product", id)) => format!("Product {id}"),
        Some(("price_list", id)) => format!("Price list {id}"),
        Some(("product_import", id)) => format!("Import of products {id}"),
        _ => subject.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_carry_only_filters_that_are_set() {
        assert_eq!(href("/leads", &[("status", ""), ("text", "a b&c")]), "/leads?text=a+b%26c");
        assert_eq!(href("/leads", &[("status", "")]), "/leads");
    }

    #[test]
    fn a_gauge_warns_before_all_is_used_and_never_overflows() {
        let gauge = |used| GaugeLine::new("Calls".into(), (used, 1_000), 80);
        assert_eq!([799, 800, 1_000, 1_200].map(|used| gauge(used).tone), ["ok", "warn", "bad", "bad"]);
        assert_eq!((gauge(1_200).used, gauge(1_200).text.as_str()), (1_000, "1,200 of 1,000"));
        assert_eq!(GaugeLine::new("Calls".into(), (0, 0), 80).tone, "ok");
    }

    #[test]
    fn what_can_be_read_as_json_is_laid_out_also_behind_a_request_line() {
        assert_eq!(pretty("POST /x\n\n{\"a\":1}"), "POST /x\n\n{\n  \"a\": 1\n}");
        assert_eq!(pretty("POST /x\n\n{\"a\":"), "POST /x\n\n{\"a\":");
    }

    #[test]
    fn subjects_lead_to_their_pages() {
        assert_eq!(subject_href("lead:12").as_deref(), Some("/leads/12"));
        assert_eq!(subject_href("user:1"), None);
        assert_eq!(subject_label("job:7"), "Job 7");
    }
}
