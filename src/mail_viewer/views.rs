//! What the page of mail shows, as finished text.

use askama::Template;
use askama_web::WebTemplate;

use super::previews;
use super::replies::{ReplyForm, TEXTS_MAX};
use crate::config::MailConfig;
use crate::leads::news::reply_queries::ReplyText;
use crate::mail::{Direction, Letter};
use crate::seller::Language;
use crate::web::Shell;
use crate::web::parts::Fact;

/// Server, test, answer, previews.
#[derive(Template, WebTemplate)]
#[template(path = "mail/settings.html")]
pub struct MailSettingsPage {
    pub shell: Shell,
    /// None: no mail is sent.
    pub server: Option<ServerPanel>,
    pub own_address: String,
    pub is_on: bool,
    pub rows: Vec<ReplyRow>,
    pub mistakes: Vec<String>,
    pub previews: Vec<(String, String)>,
}

/// The mail server, and whether it takes our mails.
pub struct ServerPanel {
    pub facts: Vec<Fact>,
    /// Why its mails wait for a person; empty where they do not.
    pub trouble: String,
    pub inbox_url: Option<String>,
}

/// One text of the answer; the last is empty, for another language.
pub struct ReplyRow {
    pub number: usize,
    pub language: String,
    pub subject: String,
    pub body: String,
    pub direction: &'static str,
}

impl ServerPanel {
    /// What the settings say, without who signs in.
    pub fn new(mail: &MailConfig, trouble: Option<String>) -> Self {
        let name = mail.from.name.as_ref().map_or_else(String::new, |name| format!("{name} "));
        let signs_in = if mail.smtp.login.is_some() { "with a user and a password" } else { "nobody signs in" };
        Self {
            facts: vec![
                Fact::code("Server", mail.smtp.shown()),
                Fact::text("Sign-in", signs_in),
                Fact::text("Mails are from", format!("{name}<{}>", mail.from.address)),
                Fact::text("At most", format!("{} in any minute, {} in any hour", mail.per_minute, mail.per_hour)),
                Fact::text("State, limits, pause", "on the page of connections").at("/connections"),
            ],
            trouble: trouble.unwrap_or_default(),
            inbox_url: mail.inbox_url.clone(),
        }
    }
}

impl MailSettingsPage {
    /// Puts the page together; `form` is what is kept, or what was typed with its mistakes.
    pub fn new(shell: Shell, server: Option<ServerPanel>, own_address: String, form: &ReplyForm) -> Self {
        let previews = previews::KINDS.iter().map(|(name, label)| ((*name).to_owned(), (*label).to_owned()));
        let in_languages =
            form.texts.iter().skip(1).map(|text| (format!("reply-{}", text.language), format!("The answer, in {}", text.language)));
        let mut texts = form.texts.clone();
        if texts.is_empty() {
            texts.push(previews::example());
        } else if texts.len() < TEXTS_MAX {
            texts.push(ReplyText { language: String::new(), subject: String::new(), body: String::new() });
        }
        Self {
            previews: previews.chain(in_languages).collect(),
            rows: texts.into_iter().enumerate().map(|(place, text)| ReplyRow::new(place + 1, text)).collect(),
            is_on: form.is_on,
            mistakes: form.mistakes.clone(),
            server,
            own_address,
            shell,
        }
    }
}

impl ReplyRow {
    fn new(number: usize, text: ReplyText) -> Self {
        Self { number, direction: Direction::of(&text.language).as_str(), language: text.language, subject: text.subject, body: text.body }
    }

    /// What the row is called.
    pub fn title(&self) -> String {
        match Language::parse(&self.language) {
            Some(language) => format!("In {}", language.name()),
            None if self.language.is_empty() => "Another language".into(),
            None => format!("In the language {}", self.language),
        }
    }
}

/// How a mail looks.
#[derive(Template, WebTemplate)]
#[template(path = "mail/preview.html")]
pub struct PreviewPage {
    pub shell: Shell,
    pub name: String,
    pub label: String,
    pub subject: String,
    pub text: String,
    pub direction: &'static str,
}

impl PreviewPage {
    /// Puts the page together.
    pub fn new(shell: Shell, name: &str, letter: &Letter) -> Self {
        let label =
            previews::KINDS.iter().find(|(known, _)| *known == name).map_or("The answer to the person who wrote", |(_, label)| label);
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            subject: letter.subject.clone(),
            text: letter.text(),
            direction: letter.direction(),
            shell,
        }
    }
}
