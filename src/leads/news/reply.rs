//! The answer that somebody gets who has just written to us: off unless an admin switches it on, once a day for an address,
//! and without a word of what was typed into the form: a stranger must not be able to have us carry their text to others.

use diesel::QueryResult;

use super::desk::Desk;
use super::reply_queries::{self, ReplyText};
use crate::db::Tx;
use crate::digest::sha256_hex;
use crate::leads::model::Lead;
use crate::line::LineId;
use crate::mail::{Letter, Party};
use crate::messages::{self, NewMail, Purpose};

/// Left sides of addresses that a program reads, or that must not be written to by one.
const AUTOMATIC: [&str; 12] = [
    "noreply",
    "donotreply",
    "mailerdaemon",
    "postmaster",
    "bounce",
    "bounces",
    "abuse",
    "listserv",
    "majordomo",
    "autoreply",
    "autoresponder",
    "hostmaster",
];

/// Whether an address looks as if a program stood behind it.
pub fn is_automatic(address: &str) -> bool {
    let Some((user, domain)) = address.rsplit_once('@') else { return true };
    let user = user.to_lowercase();
    // `no-reply+tag`, `do_not_reply`, `bounces-1234`: marks between the words do not matter, what follows a tag neither.
    let letters: String = user.split(['+', '=']).next().unwrap_or_default().chars().filter(|c| c.is_alphabetic()).collect();
    let is_listed = AUTOMATIC.contains(&letters.as_str());
    let contains = ["noreply", "donotreply", "mailerdaemon"].iter().any(|word| letters.contains(word));
    let is_list = user.starts_with("owner-") || user.ends_with("-request") || user.ends_with("-owner") || user.ends_with("-bounces");
    is_listed || contains || is_list || domain.eq_ignore_ascii_case("localhost")
}

/// Answers a lead, if it may be answered.
pub(super) fn answer(tx: &mut Tx<'_>, desk: &Desk<'_>, texts: &[ReplyText], lead: &Lead) -> QueryResult<()> {
    let (Some(address), Some(key)) = (&lead.email, &lead.email_key) else { return Ok(()) };
    let Some(text) = choose(texts, [language(lead).as_deref(), Some(&desk.sender.language)]) else { return Ok(()) };
    let is_ours = key == &desk.own_address.to_lowercase() || desk.sender.staff_addresses.iter().any(|staff| staff.to_lowercase() == *key);
    if is_ours || is_automatic(address) || !reply_queries::claim(tx, &sha256_hex(key), desk.now)? {
        return Ok(());
    }
    let letter = letter(text, &desk.sender.name, &desk.sender.contact);
    let mail = NewMail {
        purpose: Purpose::Reply,
        reader: &lead.id.subject(),
        // Not even the name: it was typed by whoever filled in the form.
        to: Party { name: None, address: address.clone() },
        reply_to: desk.sender.contact_address.clone().map(|address| Party { name: Some(desk.sender.name.clone()), address }),
        letter: &letter,
        line: &LineId::from_stored(lead.line_id.clone()),
        subject: &lead.id.subject(),
    };
    messages::post(tx, desk.now, &mail).map(drop)
}

/// What it says.
pub fn letter(text: &ReplyText, seller: &str, contact: &[String]) -> Letter {
    Letter {
        language: text.language.clone(),
        subject: text.subject.clone(),
        heading: text.subject.clone(),
        paragraphs: text.body.split("\n\n").map(|paragraph| paragraph.trim().to_owned()).filter(|text| !text.is_empty()).collect(),
        sections: Vec::new(),
        action: None,
        footer: std::iter::once(seller.to_owned()).chain(contact.iter().cloned()).collect(),
    }
}

/// The text in the first of these languages that there is one in (or in its base language), else the first text.
fn choose<'a>(texts: &'a [ReplyText], languages: [Option<&str>; 2]) -> Option<&'a ReplyText> {
    let of = |language: &str| texts.iter().find(|text| text.language.eq_ignore_ascii_case(language));
    let in_language = |language: &str| of(language).or_else(|| of(language.split('-').next().unwrap_or_default()));
    languages.into_iter().flatten().find_map(in_language).or_else(|| texts.first())
}

/// The language a form was filled in, where it says so.
fn language(lead: &Lead) -> Option<String> {
    if lead.language.is_some() {
        return lead.language.clone();
    }
    let extra: serde_json::Value = serde_json::from_str(&lead.extra).unwrap_or_default();
    ["language", "lang", "locale"].iter().find_map(|field| extra[*field].as_str().map(|text| text.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_not_answered() {
        for address in [
            "no-reply@example.com",
            "noreply+tag@example.com",
            "No_Reply@example.com",
            "do-not-reply@example.com",
            "MAILER-DAEMON@example.com",
            "postmaster@example.com",
            "bounces-1234@example.com",
            "bounce+a=b@example.com",
            "list-request@example.com",
            "owner-list@example.com",
            "service.noreply@example.com",
            "x@localhost",
            "nobody",
        ] {
            assert!(is_automatic(address), "{address}");
        }
        for address in ["ada@example.com", "norbert@example.com", "replyto.me@example.com", "abused@example.com"] {
            assert!(!is_automatic(address), "{address}");
        }
    }

    #[test]
    fn the_text_is_in_the_language_of_the_form_where_there_is_one() {
        let text = |language: &str| ReplyText { language: language.into(), subject: language.into(), body: "a\n\nb".into() };
        let texts = [text("en"), text("ar"), text("pt-BR")];
        let chosen = |language| choose(&texts, [language, Some("ar")]).map(|text| text.language.as_str());
        assert_eq!([Some("ar-AE"), Some("PT-br"), Some("fr"), None].map(chosen), [Some("ar"), Some("pt-BR"), Some("ar"), Some("ar")]);
        assert_eq!((choose(&[], [Some("en"), None]), choose(&texts, [None, Some("fr")])), (None, Some(&texts[0])));
        assert_eq!(letter(&texts[1], "Bakery", &["+971 4 123".into()]).footer, ["Bakery", "+971 4 123"]);
    }
}
