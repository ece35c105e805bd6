//! What a mail says, as finished text. `templates/mail` lays it out, as plain text and as HTML without pictures, scripts or
//! anything that is fetched: nobody learns whether it was opened.

use askama::Template;
use serde::{Deserialize, Serialize};

use super::message::isolated;

/// The way the language is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    #[default]
    Ltr,
    Rtl,
}

impl Direction {
    /// Of a language, by its tag: `ar` and `ar-AE` are written from the right.
    pub fn of(language: &str) -> Self {
        let base = language.split('-').next().unwrap_or(language);
        if matches!(base, "ar" | "fa" | "he" | "ur" | "ps" | "yi" | "dv" | "ckb") { Self::Rtl } else { Self::Ltr }
    }

    /// The value of `dir`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

/// A mail without its addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// BCP 47: `en`, `ar`.
    pub language: String,
    pub subject: String,
    pub heading: String,
    #[serde(default)]
    pub paragraphs: Vec<String>,
    #[serde(default)]
    pub sections: Vec<Section>,
    #[serde(default)]
    pub action: Option<Action>,
    /// Why this mail was sent, and by whom.
    #[serde(default)]
    pub footer: Vec<String>,
}

/// Facts about one thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub title: String,
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub facts: Vec<(String, String)>,
    /// What somebody wrote, with its line breaks.
    #[serde(default)]
    pub quote: Option<String>,
}

/// Where to go next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    pub label: String,
    pub url: String,
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    letter: &'a Letter,
}

impl Letter {
    /// The part that most people see.
    pub fn html(&self) -> String {
        // Text only, into memory: nothing in it can fail.
        Html { letter: self }.render().unwrap_or_default()
    }

    /// The part for everybody else. What strangers wrote is kept from turning the lines around it (bidirectional isolates).
    pub fn text(&self) -> String {
        let text = Text { letter: self }.render().unwrap_or_default();
        let mut lines = Vec::new();
        for line in text.lines().map(str::trim_end) {
            if !(line.is_empty() && lines.last().is_none_or(|last: &String| last.is_empty())) {
                lines.push(line.to_owned());
            }
        }
        lines.join("\n").trim_end().to_owned() + "\n"
    }

    /// How it is written.
    pub fn direction(&self) -> &'static str {
        Direction::of(&self.language).as_str()
    }
}

impl Section {
    /// The lines of the quote, each kept from turning its neighbours around.
    pub fn quoted(&self) -> Vec<String> {
        self.quote.iter().flat_map(|quote| quote.lines()).map(|line| format!("> {}", isolated(line))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter {
            language: "en".into(),
            subject: "New lead".into(),
            heading: "New lead: <b>سارة</b>".into(),
            paragraphs: vec!["It came from the website.".into()],
            sections: vec![Section {
                title: "سارة".into(),
                url: Some("https://desk.example.com/leads/1".into()),
                facts: vec![("Mail".into(), "sara@example.com\"><script>alert(1)</script>".into())],
                quote: Some("Two, please.\n<img src=x>".into()),
            }],
            action: Some(Action { label: "Open the lead".into(), url: "https://desk.example.com/leads/1?a=1&b=2".into() }),
            footer: vec!["You get this mail because you asked for it.".into()],
        }
    }

    #[test]
    fn what_strangers_wrote_is_text_in_both_parts() {
        let html = letter().html();
        assert!(!html.contains("<script>") && !html.contains("<img") && !html.contains("<b>سارة"), "{html}");
        assert!(html.contains("&#60;script&#62;") && html.contains("dir=\"auto\""), "{html}");
        assert!(["<img", "<link", "url(", "@import"].iter().all(|word| !html.contains(word)), "nothing is fetched: {html}");
        let text = letter().text();
        assert!(text.contains("> \u{2068}Two, please.\u{2069}\n> \u{2068}<img src=x>\u{2069}\n"), "{text}");
        assert!(text.contains("Open the lead: https://desk.example.com/leads/1?a=1&b=2"), "{text}");
    }

    #[test]
    fn a_language_says_from_which_side_it_is_read() {
        assert_eq!(["ar-AE", "he", "en", "arn"].map(|language| Direction::of(language).as_str()), ["rtl", "rtl", "ltr", "ltr"]);
        assert!(Letter { language: "ar".into(), ..letter() }.html().contains("<html lang=\"ar\" dir=\"rtl\">"));
    }
}
