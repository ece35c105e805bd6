//! The text that Prometheus reads (exposition format 0.0.4). A writer of our own and not the crates `metrics` and
//! `metrics-exporter-prometheus`: nearly every value is read from the database at the moment it is asked for, so a registry would
//! only keep old values and label sets alive; what is left is this much.

use std::fmt::{Display, Write};

/// As the `Content-Type` names it.
pub const VERSION: &str = "0.0.4";

/// What a family of samples is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    /// Only ever grows, and starts anew with the process.
    Counter,
    Histogram,
}

/// The text, family by family.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    family: &'static str,
}

impl Exposition {
    /// Begins a family: its samples follow. `help` is one sentence.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        let kind = match kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _infallible = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        self.family = name;
        self
    }

    /// A sample of the family.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.part("", labels, value)
    }

    /// A sample of a histogram: `_bucket`, `_sum`, `_count`.
    pub fn part(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let _infallible = write!(self.text, "{}{suffix}", self.family);
        for (place, (name, value)) in labels.iter().enumerate() {
            let open = if place == 0 { '{' } else { ',' };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _infallible = write!(self.text, "{open}{name}=\"{value}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _infallible = writeln!(self.text, "{close} {value}");
        self
    }

    /// The whole.
    pub fn into_text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_from_outside_cannot_end_their_label() {
        let mut text = Exposition::default();
        text.family("throughline_jobs", Kind::Gauge, "Jobs.\nMany.")
            .sample(&[("kind", "a\"} 1\n#\\"), ("state", "dead")], 3)
            .sample(&[], 1.5);
        let expected = "# HELP throughline_jobs Jobs.\\nMany.\n# TYPE throughline_jobs gauge\nthroughline_jobs{kind=\"a\\\"} 1\\n#\\\\\",state=\"dead\"} 3\nthroughline_jobs 1.5\n";
        assert_eq!(text.into_text(), expected);
    }
}
