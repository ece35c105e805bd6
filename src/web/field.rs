//! One field of a form on our own pages: what stands in it, what is wrong with that, and the checks that several forms share.

use super::fields::Fields;

const URL_MAX: usize = 500;

/// What stands in a field, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    pub text: String,
    /// Empty where nothing is.
    pub mistake: String,
}

impl Field {
    /// A field with this text.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: text.into(), mistake: String::new() }
    }

    /// Keeps what was typed, and the mistake if it makes no value.
    pub fn read<T>(&mut self, fields: &Fields, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.text = fields.text(name).replace("\r\n", "\n");
        parse(&self.text).map_err(|mistake| self.mistake = mistake).ok()
    }
}

/// A mistake with the id of its field, for the summary above a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub id: String,
    pub text: String,
}

impl Mistake {
    /// What is wrong with a field, if anything is.
    pub fn of(id: &str, field: &Field) -> Option<Self> {
        (!field.mistake.is_empty()).then(|| Self { id: id.to_owned(), text: field.mistake.clone() })
    }
}

/// A check for a field that may be empty.
pub fn optional<T>(parse: impl FnOnce(&str) -> Result<T, String>) -> impl FnOnce(&str) -> Result<Option<T>, String> {
    move |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// Text on one line: it stands in headings, in mails' headers and in tables. `what` begins the sentence.
pub fn line(text: &str, most: usize, what: &str) -> Result<String, String> {
    if text.chars().count() > most || text.chars().any(char::is_control) {
        return Err(format!("{what} has one line of at most {most} characters."));
    }
    Ok(text.to_owned())
}

/// An address of the web, without a password in it.
pub fn web_address(text: &str, example: &str) -> Result<String, String> {
    let is_web = url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some() && url.username().is_empty());
    if !is_web {
        return Err(format!("This is no web address. Copy it from the browser: {example}."));
    }
    line(text, URL_MAX, "The address")
}
