//! The form of the answer to those who write to us: one text a language.

use std::collections::BTreeSet;

use crate::leads::news::reply_queries::ReplyText;
use crate::web::Fields;

/// Languages one may write in.
pub const TEXTS_MAX: usize = 20;
const SUBJECT_MAX_CHARS: usize = 200;
const BODY_MAX_CHARS: usize = 5_000;

/// What was typed, with what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct ReplyForm {
    pub is_on: bool,
    pub texts: Vec<ReplyText>,
    pub mistakes: Vec<String>,
}

impl ReplyForm {
    /// Reads the form; rows that were left empty are no texts.
    pub fn read(fields: &Fields) -> Self {
        let (languages, subjects, bodies) = (fields.all("language"), fields.all("subject"), fields.all("body"));
        let row = |((language, subject), body): ((&str, &str), &str)| ReplyText {
            language: language.trim().to_owned(),
            subject: subject.trim().to_owned(),
            body: body.replace("\r\n", "\n").trim().to_owned(),
        };
        let texts: Vec<ReplyText> =
            languages.zip(subjects).zip(bodies).map(row).filter(|text| !(text.subject.is_empty() && text.body.is_empty())).collect();
        let mut form = Self { is_on: fields.text("is_on") == "yes", texts, mistakes: Vec::new() };
        form.mistakes = form.find_mistakes();
        form
    }

    fn find_mistakes(&self) -> Vec<String> {
        let (mut mistakes, mut seen) = (Vec::new(), BTreeSet::new());
        for text in &self.texts {
            let language = &text.language;
            let named = if language.is_empty() { "A text without a language" } else { language.as_str() };
            if !is_language(language) {
                mistakes.push(format!("{named}: the language is a tag such as en, ar or pt-BR."));
            } else if !seen.insert(language.to_lowercase()) {
                mistakes.push(format!("{named}: there are two texts in this language. Keep one."));
            }
            if text.subject.is_empty() || text.subject.chars().count() > SUBJECT_MAX_CHARS {
                mistakes.push(format!("{named}: the subject needs 1 to {SUBJECT_MAX_CHARS} characters."));
            }
            if text.body.is_empty() || text.body.chars().count() > BODY_MAX_CHARS {
                mistakes.push(format!("{named}: the text needs 1 to {BODY_MAX_CHARS} characters."));
            }
        }
        if self.is_on && self.texts.is_empty() {
            mistakes.push("There is no text: write one in at least one language, or leave the answer switched off.".into());
        }
        if self.texts.len() > TEXTS_MAX {
            mistakes.push(format!("At most {TEXTS_MAX} languages."));
        }
        mistakes
    }
}

fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let base = parts.next().unwrap_or_default();
    let is_base = (2..=3).contains(&base.len()) && base.chars().all(|c| c.is_ascii_alphabetic());
    is_base && tag.len() <= 20 && parts.all(|part| (2..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> ReplyForm {
        ReplyForm::read(&Fields::parse(body.as_bytes()).expect("a form"))
    }

    #[test]
    fn empty_rows_are_left_out_and_each_mistake_is_named() {
        let fine = read("is_on=yes&language=en&subject=Hello&body=One%0D%0A%0D%0ATwo&language=&subject=&body=");
        assert!(fine.mistakes.is_empty() && fine.is_on && fine.texts.len() == 1, "{fine:?}");
        assert_eq!(fine.texts[0].body, "One\n\nTwo");
        let wrong = read("is_on=yes&language=english&subject=a&body=b&language=en&subject=&body=b&language=EN&subject=a&body=b");
        let told = wrong.mistakes.join("\n");
        for words in ["english: the language is a tag", "en: the subject needs", "EN: there are two texts"] {
            assert!(told.contains(words), "{told}");
        }
        assert!(read("is_on=yes").mistakes[0].starts_with("There is no text") && read("").mistakes.is_empty());
        assert_eq!(["en", "pt-BR", "zh-Hant-TW", "x", "e n", "en_US"].map(is_language), [true, true, true, false, false, false]);
    }
}
